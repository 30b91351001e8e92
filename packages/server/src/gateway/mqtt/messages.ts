import type { IPublishPacket } from 'mqtt-packet';

export type MessageProperties = NonNullable<IPublishPacket['properties']>;

/** A message on its way to clients. */
export interface RoutedMessage {
  readonly deviceId: string;
  readonly siteId: string;
  /** Below `devices/{deviceId}/`. */
  readonly rest: string;
  readonly payload: Buffer;
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
  /** Passed on as they came, without alias and expiry. */
  readonly properties: MessageProperties | null;
  /** Epoch ms; null: never. */
  readonly expiresAt: number | null;
  /** The session that published it: for "no local". */
  readonly from: string | null;
}

/** The same as one client gets it. */
export interface OutgoingMessage {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
  readonly properties: MessageProperties | null;
  readonly subscriptionIds: readonly number[];
  readonly expiresAt: number | null;
  /** Its row, when it is kept for a session that outlives its connection; given once it is stored. */
  row: number | null;
}
