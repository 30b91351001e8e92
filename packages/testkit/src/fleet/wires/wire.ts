import type { CommandMessage, ErrorCode, TwinDelta } from '@muster/contract';

export const WIRES = ['mqtt', 'http', 'websocket'] as const;
export type WireName = (typeof WIRES)[number];

/** What a device says to the server, whatever the wire. */
export type MessageKind = 'telemetry' | 'event' | 'twinReport' | 'commandReply';

/** What became of a message that was sent. `again`: not taken now; sent again it may be. */
export type Verdict =
  | { readonly outcome: 'acked' }
  | { readonly outcome: 'refused'; readonly code: ErrorCode | 'UNSAID' }
  | { readonly outcome: 'again'; readonly afterMs: number };

/** What the server says unasked, and the end of the connection. */
export interface Hearer {
  command(message: CommandMessage): void;
  twinDelta(delta: TwinDelta): void;
  /** Once, unless the device itself closed it. `askedMs`: how long the server said to stay away; 0 when it did not. */
  closed(askedMs: number): void;
}

/** One open connection of one device. Commands and changes of the twin are listened for. */
export interface Link {
  /** Resolves with the server's word; rejects when the connection ends first. */
  send(kind: MessageKind, body: object): Promise<Verdict>;
  /** `abruptly`: as if the power went. Nothing is told to the hearer. */
  close(abruptly: boolean): void;
}

/** What a connection needs to know about its device. */
export interface Caller {
  readonly deviceId: string;
  readonly token: string;
}

/** One way to the server, for any number of devices. */
export interface Wire {
  /**
   * DEVICE_TOKEN_INVALID; SERVER_UNREACHABLE for everything else, with `retryAfterMs` in its context when the server
   * said how long to stay away.
   */
  open(caller: Caller, hearer: Hearer): Promise<Link>;
  /** Lets go of what its links share. */
  close(): void;
}
