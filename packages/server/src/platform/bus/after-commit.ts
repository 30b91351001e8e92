import { afterCommit } from '../db/unit-of-work.ts';
import type { Bus } from './bus.ts';

/** What is published in a unit of work is told when it was committed: nobody hears of what did not happen. */
export function publishAfterCommit(bus: Bus): Bus {
  return {
    ...bus,
    publish: (name, event) => afterCommit(() => bus.publish(name, event)),
  };
}
