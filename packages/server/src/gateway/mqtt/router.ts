import { MusterError } from '@muster/contract';
import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/log.ts';
import { MQTT_LIMITS } from './config.ts';
import type { MqttCounters } from './counters.ts';
import type { OutgoingMessage, RoutedMessage } from './messages.ts';
import { createSession, type Session } from './session.ts';
import { type KeptSession, type MqttStore, RETAINED_PAGE } from './store.ts';

/** Which session gets which message. Found by device and site, so that the cost does not grow with the fleet. */
export interface Router {
  /** Sessions that were kept; call once before the first connection. */
  load(): Promise<void>;
  session(key: string): Session | undefined;
  /** A session that this server does not know and the database does: another server kept it. */
  recall(key: string): Promise<Session | undefined>;
  add(session: Session): void;
  /** Forgets a session and what it is owed. */
  remove(session: Session): void;
  sessionsOf(owner: Session['owner']): readonly Session[];
  /** Of an operator's key, at whatever site. */
  sessionsOfKey(keyId: string): readonly Session[];
  /** Those with a row. */
  stored(): readonly Session[];
  /**
   * Sends a message to whoever may see it and subscribed. The promise, if there is one, is settled when everything that
   * must outlive this process is stored.
   */
  route(message: RoutedMessage): Promise<void> | undefined;
  /** The client is back: sends again what it did not acknowledge, and what waited. */
  resume(session: Session): Promise<void>;
  /** Its connection ended: what it was sent and did not acknowledge waits again. */
  suspend(session: Session): void;
  /** The client acknowledged a packet: PUBACK or PUBCOMP. False when it was not waiting. */
  acknowledge(session: Session, messageId: number): boolean;
  /** Retained messages for a subscription that was just made, as its client gets them. */
  sendRetained(session: Session, filter: string): Promise<void>;
  /** Ends what has expired. */
  prune(): Promise<void>;
}

/** Rows that are deleted together, at most so late, ms: after a crash in between a client gets a message twice. */
const DEQUEUE_MS = 50;
/** Retained messages that a subscription to the devices of a whole site brings. */
const MOST_RETAINED = 10_000;
/** A queue without a connection is cut to its limit when it is so much longer: not at each message. */
const TRIM_AT = 1.1;

/** A message for a session that is kept. */
interface Target {
  readonly session: Session;
  readonly message: OutgoingMessage;
}

export function createRouter(deps: {
  readonly clock: Clock;
  readonly log: Logger;
  readonly store: MqttStore;
  readonly counters: MqttCounters;
}): Router {
  const { clock, log, store, counters } = deps;
  const sessions = new Map<string, Session>();
  const byDevice = new Map<string, Set<Session>>();
  const bySite = new Map<string, Set<Session>>();
  /** Retained messages on their way to the database. */
  const retaining = new Set<{ readonly message: RoutedMessage; readonly stored: Promise<void> }>();
  let acknowledged: number[] = [];
  let waitingTargets: Target[] = [];
  let batch: Promise<void> | null = null;
  let nextBatch: Promise<void> | null = null;

  const groupOf = ({ owner }: Session): [Map<string, Set<Session>>, string] =>
    owner.kind === 'device' ? [byDevice, owner.deviceId] : [bySite, owner.siteId];

  function add(session: Session): void {
    sessions.set(session.key, session);
    const [groups, id] = groupOf(session);
    const group = groups.get(id);
    if (group === undefined) groups.set(id, new Set([session]));
    else group.add(session);
  }

  function remove(session: Session): void {
    if (sessions.get(session.key) === session) sessions.delete(session.key);
    const [groups, id] = groupOf(session);
    const group = groups.get(id);
    group?.delete(session);
    if (group?.size === 0) groups.delete(id);
    session.queue.length = 0;
    session.inflight.clear();
  }

  /** Sends now if there is room, else the message waits; the oldest goes when too many do. */
  function push(session: Session, message: OutgoingMessage): void {
    session.queue.push(message);
    pump(session);
    if (session.queue.length <= MQTT_LIMITS.queued) return;
    const oldest = session.queue.shift();
    counters.dropped('queue');
    if (oldest !== undefined) settle(session, oldest);
  }

  function pump(session: Session): void {
    const { connection, queue, inflight } = session;
    if (connection === null || !connection.isOpen || session.resuming) return;
    const room = Math.min(connection.receiveMaximum, MQTT_LIMITS.inflight);
    while (queue.length > 0 && inflight.size < room) {
      if (connection.waitingBytes() > MQTT_LIMITS.waitingBytes) {
        if (connection.waitingBytes() > 4 * MQTT_LIMITS.waitingBytes) connection.close('DEVICE_SLOW');
        return;
      }
      const message = queue.shift();
      if (message === undefined) return;
      const remainingMs = message.expiresAt === null ? null : message.expiresAt - clock.now();
      const messageId = session.nextId();
      if (remainingMs !== null && remainingMs <= 0) {
        counters.dropped('expired');
        settle(session, message);
      } else if (connection.publish(message, messageId, false, remainingMs)) {
        inflight.set(messageId, { message, released: false });
      } else {
        counters.dropped('too-large');
        settle(session, message);
      }
    }
  }

  function sendNow(session: Session, message: OutgoingMessage): void {
    const { connection } = session;
    if (connection === null || !connection.isOpen) return;
    if (connection.waitingBytes() > MQTT_LIMITS.waitingBytes) {
      counters.dropped('slow');
      if (connection.waitingBytes() > 4 * MQTT_LIMITS.waitingBytes) connection.close('DEVICE_SLOW');
      return;
    }
    const remainingMs = message.expiresAt === null ? null : message.expiresAt - clock.now();
    if (!connection.publish(message, 0, false, remainingMs)) counters.dropped('too-large');
  }

  /** Rows of messages that were acknowledged and are not removed yet: a client that is back at once gets none again. */
  const leaving = new Set<number>();

  /** The row of a message, if it has one, is of no use any more. */
  function settle(session: Session, { row }: OutgoingMessage): void {
    if (row === null) return;
    session.kept -= 1;
    acknowledged.push(row);
    leaving.add(row);
    if (acknowledged.length > 1) return;
    clock.after(DEQUEUE_MS, () => {
      const rows = acknowledged;
      acknowledged = [];
      store
        .dequeue(rows)
        .catch((error: unknown) => log.warn({ err: error }, 'sent messages could not be removed'))
        .finally(() => {
          for (const one of rows) leaving.delete(one);
        });
    });
  }

  /** Writes one batch after the other: what comes meanwhile is in the next, so a busy queue costs few transactions. */
  function keep(targets: readonly Target[]): Promise<void> {
    waitingTargets.push(...targets);
    if (nextBatch === null) {
      nextBatch = (batch ?? Promise.resolve()).then(writeBatch, writeBatch);
    }
    return nextBatch;
  }

  async function writeBatch(): Promise<void> {
    const targets = waitingTargets;
    waitingTargets = [];
    batch = nextBatch;
    nextBatch = null;
    const rows = await store.enqueue(
      targets.map(({ session }) => session.key),
      targets.map(({ message }) => message),
    );
    const overfull: Session[] = [];
    for (const [index, { session, message }] of targets.entries()) {
      message.row = rows[index] ?? null;
      if (message.row !== null) session.kept += 1;
      // one without a connection reads its messages from their rows when it comes back
      if (session.connection !== null) push(session, message);
      else if (session.kept > MQTT_LIMITS.queued * TRIM_AT && !overfull.includes(session)) overfull.push(session);
    }
    if (overfull.length > 0) await trim(overfull);
  }

  async function trim(overfull: readonly Session[]): Promise<void> {
    for (const session of overfull) {
      for (; session.kept > MQTT_LIMITS.queued; session.kept -= 1) counters.dropped('queue');
    }
    await store.trim(
      overfull.map(({ key }) => key),
      MQTT_LIMITS.queued,
    );
  }

  async function retain(message: RoutedMessage): Promise<void> {
    const one = { message, stored: storeRetained(message) };
    retaining.add(one);
    try {
      await one.stored;
    } finally {
      retaining.delete(one);
    }
  }

  async function storeRetained(message: RoutedMessage): Promise<void> {
    const { deviceId, rest, payload } = message;
    if (payload.length === 0) return store.clearRetained(deviceId, rest);
    // the payload is a view into a packet that is gone after this call
    const copy = { ...message, payload: Buffer.from(payload) };
    if (await store.retain(copy, MQTT_LIMITS.retained)) return;
    throw new MusterError('RETAINED_LIMIT', { deviceId, limit: MQTT_LIMITS.retained });
  }

  function deliver(group: ReadonlySet<Session> | undefined, message: RoutedMessage): Promise<void> | undefined {
    if (group === undefined) return undefined;
    let kept: Target[] | null = null;
    for (const session of group) {
      const out = session.take(message);
      if (out === null) continue;
      if (out.qos === 0) sendNow(session, out);
      else if (session.keepMs === 0) push(session, { ...out, payload: Buffer.from(out.payload) });
      else {
        kept ??= [];
        kept.push({ session, message: { ...out, payload: Buffer.from(out.payload) } });
      }
    }
    return kept === null ? undefined : keep(kept);
  }

  function revive(kept: KeptSession): Session {
    const session = createSession(kept.key, kept.owner, kept.clientId);
    session.keepMs = kept.keepMs;
    session.stored = true;
    session.kept = kept.messages;
    session.awaySince = kept.expiresAt - kept.keepMs;
    for (const subscription of kept.subscriptions) session.subscribe(subscription);
    add(session);
    return session;
  }

  return {
    async load() {
      const now = clock.now();
      for (const kept of await store.sessions(now)) revive(kept);
    },
    async recall(key) {
      const kept = await store.session(key, clock.now());
      return sessions.get(key) ?? (kept === null ? undefined : revive(kept));
    },
    session: (key) => sessions.get(key),
    add,
    remove,
    sessionsOfKey: (keyId) =>
      [...sessions.values()].filter(({ owner }) => owner.kind === 'operator' && owner.keyId === keyId),
    stored: () => [...sessions.values()].filter(({ stored }) => stored),
    sessionsOf: (owner) => [
      ...((owner.kind === 'device'
        ? byDevice.get(owner.deviceId)
        : new Set(
            [...(bySite.get(owner.siteId) ?? [])].filter(
              ({ owner: other }) => other.kind === 'operator' && other.keyId === owner.keyId,
            ),
          )) ?? []),
    ],
    route(message) {
      const waits = [
        deliver(byDevice.get(message.deviceId), message),
        deliver(bySite.get(message.siteId), message),
        message.retain ? retain(message) : undefined,
      ].filter((wait) => wait !== undefined);
      return waits.length === 0 ? undefined : Promise.all(waits).then(() => undefined);
    },
    async resume(session) {
      const { connection } = session;
      if (connection === null) return;
      for (const [messageId, { message, released }] of session.inflight) {
        if (released) connection.ack('pubrel', messageId, 0);
        else connection.publish(message, messageId, true, null);
      }
      session.resuming = true;
      try {
        const sent = new Set([...session.inflight.values()].map(({ message }) => message.row));
        for (const row of leaving) sent.add(row);
        const stored = session.stored ? await store.queue(session.key, clock.now()) : [];
        if (session.connection !== connection) return;
        const known = new Set(stored.map(({ row }) => row));
        // what came during the query may be in its result or not
        const waiting = session.queue.splice(0).filter(({ row }) => row === null || !known.has(row));
        session.queue.push(...stored.filter(({ row }) => !sent.has(row)), ...waiting);
      } finally {
        if (session.connection === connection) session.resuming = false;
      }
      pump(session);
    },
    suspend(session) {
      // what has a row is read from there when the client is back
      const waiting = session.queue.filter(({ row }) => row === null);
      session.queue.length = 0;
      session.queue.push(...waiting);
    },
    acknowledge(session, messageId) {
      const found = session.inflight.get(messageId);
      if (found === undefined) return false;
      session.inflight.delete(messageId);
      settle(session, found.message);
      pump(session);
      return true;
    },
    async sendRetained(session, filter) {
      const { owner } = session;
      const own = session.subscriptions.get(filter);
      if (own === undefined) return;
      const probe = createSession(session.key, owner, session.clientId);
      probe.subscribe({ ...own, retainAsPublished: true, noLocal: false });
      const of = owner.kind === 'device' ? { deviceId: owner.deviceId } : { siteId: owner.siteId };
      // who subscribes between the copies for others and the row would get neither
      const coming = [...retaining].filter(({ message }) =>
        owner.kind === 'device' ? message.deviceId === owner.deviceId : message.siteId === owner.siteId,
      );
      await Promise.allSettled(coming.map(({ stored }) => stored));
      const { connection } = session;
      let last: RoutedMessage | undefined;
      // somebody who hung up is owed nothing more
      for (let nth = 0; nth < MOST_RETAINED && session.connection === connection; nth += RETAINED_PAGE) {
        const page: readonly RoutedMessage[] = await store.retained(of, clock.now(), last ?? null);
        for (const message of page) {
          const out = probe.take(message);
          if (out === null) continue;
          if (out.qos === 0) sendNow(session, { ...out, retain: true });
          else push(session, { ...out, retain: true });
        }
        last = page.at(-1);
        if (page.length < RETAINED_PAGE) return;
      }
    },
    async prune() {
      const now = clock.now();
      for (const session of sessions.values()) {
        if (session.connection === null && session.awaySince + session.keepMs <= now) remove(session);
      }
      await store.prune(now);
    },
  };
}
