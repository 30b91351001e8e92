import type { BusEvents } from './events.ts';

/** Where an event was published: in this process, or in another server on the same bus. */
export type Origin = 'here' | 'elsewhere';

export interface Bus {
  /** Listeners of this process have run, in order, when it returns; those of other servers run soon after, or never. */
  publish<Name extends keyof BusEvents>(name: Name, event: BusEvents[Name]): void;
  /** Returns the function that ends the subscription. A listener that throws is logged and harms nobody else. */
  subscribe<Name extends keyof BusEvents>(
    name: Name,
    listener: (event: BusEvents[Name], origin: Origin) => void,
  ): () => void;
  /** For /ready: null when the bus reaches nobody else (one process). */
  state(): { readonly connected: boolean; readonly detail: string } | null;
  close(): Promise<void>;
}
