import type { BusEvents } from './events.ts';

/** Where an event was published: in this process, or in another server on the same bus. */
export type Origin = 'here' | 'elsewhere';
/** What a listener wants to hear: events of all servers, or those of this process only. */
export type Hears = 'everywhere' | 'here';

export interface Bus {
  /** Listeners of this process have run, in order, when it returns; those of other servers run soon after, or never. */
  publish<Name extends keyof BusEvents>(name: Name, event: BusEvents[Name]): void;
  /**
   * Returns the function that ends the subscription. A listener that throws is logged and harms nobody else.
   * `telemetry.stored` crosses to a server only while a listener there hears it from everywhere: listen so only while
   * somebody looks.
   */
  subscribe<Name extends keyof BusEvents>(
    name: Name,
    listener: (event: BusEvents[Name], origin: Origin) => void,
    hears?: Hears,
  ): () => void;
  /** For /ready: null when the bus reaches nobody else (one process). */
  state(): { readonly connected: boolean; readonly detail: string } | null;
  /** What was published before has left, or is lost, when it resolves; at most 2 s. */
  close(): Promise<void>;
}
