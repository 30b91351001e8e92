import { EventEmitter } from 'node:events';
import type { Logger } from '../log.ts';
import type { Bus } from './bus.ts';
import type { BusEvents } from './events.ts';

/** The driver for one process: delivers in order, before `publish` returns. */
export function createInProcessBus(log: Logger): Bus {
  const emitter = new EventEmitter();
  emitter.setMaxListeners(0);
  return {
    publish: (name, event) => void emitter.emit(name, event),
    subscribe(name, listener) {
      const safe = (event: BusEvents[typeof name]): void => {
        try {
          listener(event, 'here');
        } catch (error) {
          log.error({ err: error, event: name }, 'a listener of the bus failed');
        }
      };
      emitter.on(name, safe);
      return () => emitter.off(name, safe);
    },
    state: () => null,
    close: async () => undefined,
  };
}
