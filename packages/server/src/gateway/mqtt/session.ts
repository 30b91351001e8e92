import type { ErrorCode } from '@muster/contract';
import { MQTT_LIMITS } from './config.ts';
import type { MqttIdentity } from './inbox.ts';
import type { OutgoingMessage, RoutedMessage } from './messages.ts';
import { covers, deviceTopic, isFilter, matches, ownTopic, THINGSBOARD } from './topics.ts';
import type { AckCommand } from './wire/outgoing.ts';

/** Whose session it is, as far as routing needs it. */
export type SessionOwner =
  | { readonly kind: 'device'; readonly deviceId: string; readonly siteId: string }
  | {
      readonly kind: 'operator';
      readonly keyId: string;
      readonly siteId: string;
      readonly maySubscribe: readonly string[];
    };

export function ownerOf(identity: MqttIdentity): SessionOwner {
  if (identity.kind === 'operator') return identity;
  const { deviceId, siteId } = identity.device;
  return { kind: 'device', deviceId, siteId };
}

export interface Subscription {
  /** As the client wrote it. */
  readonly filter: string;
  readonly qos: 0 | 1 | 2;
  readonly noLocal: boolean;
  readonly retainAsPublished: boolean;
  readonly id: number | null;
}

interface Compiled extends Subscription {
  /** What is compared: the filter below the device's prefix, or an operator's whole filter. */
  readonly pattern: string;
  /** Put before `rest` to give the topic as the client knows it. */
  readonly prefix: string;
}

/** What a session uses of the connection that it has. */
export interface SessionConnection {
  readonly isOpen: boolean;
  /** Messages that the client takes before it acknowledges the first of them. */
  readonly receiveMaximum: number;
  waitingBytes(): number;
  /** Sends a PUBLISH; false when it is too large for the client. `remainingMs`: what is left of its life. */
  publish(message: OutgoingMessage, messageId: number, dup: boolean, remainingMs: number | null): boolean;
  /** `say`: a sentence about the reason, for MQTT 5 clients that want it. */
  ack(command: AckCommand, messageId: number, reason: number, say?: string): void;
  close(code: ErrorCode): void;
}

/** What a client is owed, and what it subscribed to. It may outlive a connection; it never leaves its identity. */
export interface Session {
  readonly key: string;
  readonly owner: SessionOwner;
  readonly clientId: string;
  /** While it has one. */
  connection: SessionConnection | null;
  /** How long it is kept without a connection, ms; 0: it ends with the connection. */
  keepMs: number;
  /** It has a row, which goes when it ends. */
  stored: boolean;
  /** Epoch ms at which its row was written. */
  touchedAt: number;
  /** What it is owed is being read: nothing leaves until then, so that the order holds. */
  resuming: boolean;
  /** Messages with a row. */
  kept: number;
  /** Epoch ms at which its last connection ended. */
  awaySince: number;
  readonly subscriptions: ReadonlyMap<string, Subscription>;
  /** Why the filter is refused, or null: it holds from now on. `isNew` false: it took the place of one that was. */
  subscribe(subscription: Subscription): {
    readonly refused: 'invalid' | 'forbidden' | 'limit' | null;
    readonly isNew: boolean;
  };
  /** False when there was none. */
  unsubscribe(filter: string): boolean;
  /** The message as this client gets it; null when nothing of it is subscribed to it. */
  take(message: RoutedMessage): OutgoingMessage | null;
  /** Messages that were sent and not acknowledged, in order, by packet id. */
  readonly inflight: Map<number, { readonly message: OutgoingMessage; released: boolean }>;
  /** Messages that wait for room, oldest first. */
  readonly queue: OutgoingMessage[];
  /** QoS 2 packet ids that came and are not released: null once the message is taken, else what it waits for. */
  readonly received: Map<number, Promise<void> | null>;
  /** A free packet id; 0 when there is none. */
  nextId(): number;
}

export function createSession(key: string, owner: SessionOwner, clientId: string): Session {
  const subscriptions = new Map<string, Compiled>();
  const inflight: Session['inflight'] = new Map();
  let lastId = 0;

  function compile(subscription: Subscription): Compiled | 'invalid' | 'forbidden' {
    const { filter } = subscription;
    if (!isFilter(filter)) return 'invalid';
    if (owner.kind === 'device') {
      const own = ownTopic(filter, owner.deviceId);
      return own === null ? 'forbidden' : { ...subscription, pattern: own.rest, prefix: own.prefix };
    }
    if (deviceTopic(filter.replace(/^devices\/(?:\+|#)/, 'devices/x')) === null && filter !== 'devices/#')
      return 'forbidden';
    const allowed = owner.maySubscribe.some((outer) => covers(outer, filter));
    return allowed ? { ...subscription, pattern: filter, prefix: '' } : 'forbidden';
  }

  return {
    key,
    owner,
    clientId,
    connection: null,
    keepMs: 0,
    stored: false,
    touchedAt: 0,
    resuming: false,
    kept: 0,
    awaySince: 0,
    subscriptions,
    inflight,
    queue: [],
    received: new Map(),
    subscribe(subscription) {
      const compiled = compile(subscription);
      const isNew = !subscriptions.has(subscription.filter);
      if (compiled === 'invalid' || compiled === 'forbidden') return { refused: compiled, isNew };
      if (isNew && subscriptions.size >= MQTT_LIMITS.subscriptions) return { refused: 'limit', isNew };
      subscriptions.set(subscription.filter, compiled);
      return { refused: null, isNew };
    },
    unsubscribe: (filter) => subscriptions.delete(filter),
    take(message) {
      // ThingsBoard has one topic for both ways: what the device says there must not come back as what is wanted of it
      if (owner.kind === 'device' && message.from !== null && message.rest.startsWith(THINGSBOARD)) return null;
      let qos = -1;
      let topic = '';
      let retain = false;
      let ids: number[] | null = null;
      const isOperator = owner.kind === 'operator';
      const name = isOperator ? `devices/${message.deviceId}/${message.rest}` : message.rest;
      for (const one of subscriptions.values()) {
        if (!matches(one.pattern, name) || (one.noLocal && message.from === key)) continue;
        if (qos < 0) topic = one.prefix + name;
        qos = Math.max(qos, Math.min(one.qos, message.qos));
        retain ||= one.retainAsPublished && message.retain;
        if (one.id !== null) {
          ids ??= [];
          ids.push(one.id);
        }
      }
      if (qos < 0) return null;
      const { payload, properties, expiresAt } = message;
      return {
        topic,
        payload,
        qos: qos as 0 | 1 | 2,
        retain,
        properties,
        subscriptionIds: ids ?? NONE,
        expiresAt,
        row: null,
      };
    },
    nextId() {
      for (let tries = 0; tries < 65_535; tries++) {
        lastId = lastId === 65_535 ? 1 : lastId + 1;
        if (!inflight.has(lastId)) return lastId;
      }
      return 0;
    },
  };
}

const NONE: readonly number[] = [];
