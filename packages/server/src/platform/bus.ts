import { EventEmitter } from 'node:events';
import type { Logger } from './log.ts';

/** What features tell each other. The bus only wakes people up: the truth is in PostgreSQL. */
export interface BusEvents {
  'device.connected': { readonly deviceId: string };
  'device.disconnected': { readonly deviceId: string };
  'device.changed': { readonly deviceId: string };
  'device.revoked': { readonly deviceId: string };
  'assistant.changed': { readonly siteId: string };
  'site.changed': { readonly siteId: string };
}

export interface Bus {
  publish<Name extends keyof BusEvents>(name: Name, event: BusEvents[Name]): void;
  /** Returns the function that ends the subscription. A listener that throws is logged and harms nobody else. */
  subscribe<Name extends keyof BusEvents>(name: Name, listener: (event: BusEvents[Name]) => void): () => void;
}

/** The driver for one process: delivers in order, before `publish` returns. */
export function createBus(log: Logger): Bus {
  const emitter = new EventEmitter();
  emitter.setMaxListeners(0);
  return {
    publish: (name, event) => void emitter.emit(name, event),
    subscribe(name, listener) {
      const safe = (event: BusEvents[typeof name]): void => {
        try {
          listener(event);
        } catch (error) {
          log.error({ err: error, event: name }, 'a listener of the bus failed');
        }
      };
      emitter.on(name, safe);
      return () => emitter.off(name, safe);
    },
  };
}
