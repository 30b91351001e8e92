import { EventEmitter } from 'node:events';
import type { Logger } from '../log.ts';
import type { Bus, Origin } from './bus.ts';
import type { BusEvents } from './events.ts';

/** Who listens in this process: what both drivers share. */
export interface Listeners {
  readonly subscribe: Bus['subscribe'];
  /** Runs the listeners in the order in which they came. */
  tell<Name extends keyof BusEvents>(name: Name, event: BusEvents[Name], origin: Origin): void;
}

/** `onHeard` is told whenever the number of listeners changes that hear an event from everywhere. */
export function createListeners(
  log: Logger,
  onHeard: (name: keyof BusEvents, listeners: number) => void = () => undefined,
): Listeners {
  const emitter = new EventEmitter();
  emitter.setMaxListeners(0);
  const heard = new Map<keyof BusEvents, number>();

  function count(name: keyof BusEvents, more: 1 | -1): void {
    const now = (heard.get(name) ?? 0) + more;
    heard.set(name, now);
    onHeard(name, now);
  }

  return {
    tell: (name, event, origin) => void emitter.emit(name, event, origin),
    subscribe(name, listener, hears = 'everywhere') {
      const safe = (event: BusEvents[typeof name], origin: Origin): void => {
        if (hears === 'here' && origin !== 'here') return;
        try {
          listener(event, origin);
        } catch (error) {
          log.error({ err: error, event: name }, 'a listener of the bus failed');
        }
      };
      emitter.on(name, safe);
      if (hears === 'everywhere') count(name, 1);
      let open = true;
      return () => {
        if (!open) return;
        open = false;
        emitter.off(name, safe);
        if (hears === 'everywhere') count(name, -1);
      };
    },
  };
}
