import type { Logger } from '../log.ts';
import type { Bus } from './bus.ts';
import { createListeners } from './listeners.ts';

/** The driver for one process: delivers in order, before `publish` returns. */
export function createInProcessBus(log: Logger): Bus {
  const { subscribe, tell } = createListeners(log);
  return {
    publish: (name, event) => tell(name, event, 'here'),
    subscribe,
    state: () => null,
    close: async () => undefined,
  };
}
