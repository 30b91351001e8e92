import type { ErrorCode } from '@muster/contract';
import type { ClientCertificate } from '../../platform/tls/client-certificate.ts';
import type { KnownDevice } from '../device/inbox.ts';

/** How long the gateway waits for an answer to a CONNECT, and for a publish to be committed. */
export const AUTHENTICATE_MS = 5_000;
export const PUBLISH_MS = 20_000;

export type MqttVersion = 3 | 4 | 5;

/** Who is behind a connection. Session state belongs to one identity: nobody can take over another's by its client id. */
export type MqttIdentity =
  | {
      readonly kind: 'device';
      readonly device: KnownDevice;
      /** Any message can be sent to it without a subscription (it never subscribes), and it is one session. */
      readonly speaks: 'device-api' | 'xiaozhi';
    }
  | {
      readonly kind: 'operator';
      /** Names the key. */
      readonly keyId: string;
      readonly siteId: string;
      /** Topic filters such as `devices/+/app/#`; a publish or subscription must be within one of them. */
      readonly mayPublish: readonly string[];
      readonly maySubscribe: readonly string[];
    };

/** What a CONNECT packet says, of which nothing is proven, and what the handshake before it did. */
export interface MqttCredentials {
  readonly clientId: string;
  readonly username: string | null;
  readonly password: string | null;
  /** What the client showed in the TLS handshake; that it has the key of it is proven. */
  readonly certificate: ClientCertificate | null;
  /** Network address. */
  readonly source: string;
}

/** One connection, as the rest of the server sees it. */
export interface MqttClient {
  readonly identity: MqttIdentity;
  readonly clientId: string;
  readonly version: MqttVersion;
  /** Network address of the client, and ours on this connection. */
  readonly address: string;
  readonly localAddress: string;
  /** When it said something last, monotonic ms. */
  readonly lastSeen: number;
  /** Whether one of its subscriptions takes this topic, written as the client would: `devices/me/commands`. */
  subscribed(topic: string): boolean;
  /**
   * Sends, whether it subscribed or not, at QoS 0 on this connection. False when the connection is gone or too slow: no
   * byte of it left.
   */
  send(topic: string, payload: Uint8Array, options?: MqttSendOptions): boolean;
  /** Bytes that were written and have not left yet. */
  waitingBytes(): number;
  /** A message of it was worth so many more: they count against its rate. */
  spend(messages: number): void;
  close(code: ErrorCode): void;
}

export interface MqttSendOptions {
  /** MQTT 5 only: where the answer shall go, and what it shall carry. */
  readonly responseTopic?: string;
  readonly correlationData?: Buffer;
}

/** A message of a device to us; topics of devices among themselves (`…/app/…`) never come here. */
export interface MqttPublish {
  /** Without the prefix that names the device: `telemetry`, `commands/reply`; ThingsBoard's as `v1/devices/me/…`. */
  readonly topic: string;
  /** Valid during the call, and until the promise settles. */
  readonly payload: Buffer;
  readonly qos: 0 | 1 | 2;
  /** MQTT 5: sent back with an answer. */
  readonly responseTopic: string | null;
  readonly correlationData: Buffer | null;
}

/** What the MQTT gateway needs from the rest of the server. It owns this interface and knows no feature. */
export interface MqttInbox {
  /** Who this is; null when the credentials are wrong. May throw RATE_LIMITED, CLIENT_ID_INVALID, DATABASE_UNAVAILABLE. */
  authenticate(credentials: MqttCredentials, signal: AbortSignal): Promise<MqttIdentity | null>;
  /**
   * A device published to us. The acknowledgement waits for the promise; nothing to wait for is `undefined`. A
   * MusterError that is not retryable is told to the device (reason code, or a message on `…/refused`), and the message
   * counts as taken. One that is retryable: reason 0x80 in MQTT 5; in 3.1.1, which cannot say it, no
   * acknowledgement and the end of the connection, so that the device sends it again.
   */
  publish(client: MqttClient, message: MqttPublish): Promise<void> | undefined;
  /**
   * Something of the client was not taken: a message, or all that it said (a packet that is none). QUOTA_EXCEEDED: it is
   * past its rate, and its connection is read more slowly from now on. SESSION_REPLACED: a newer connection took its
   * place.
   */
  refused(client: MqttClient, code: ErrorCode): void;
  opened(client: MqttClient): void;
  /** The client subscribed to a topic filter, written as it wrote it. */
  subscribed(client: MqttClient, filter: string): void;
  closed(client: MqttClient): void;
  /** The device that a topic of an operator, or of another broker, names; null when there is none that is in use. */
  deviceOf(deviceId: string): Promise<KnownDevice | null>;
}
