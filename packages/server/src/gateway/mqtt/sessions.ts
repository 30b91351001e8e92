import { randomBytes } from 'node:crypto';
import { type ErrorCode, MusterError } from '@muster/contract';
import type { IConnectPacket } from 'mqtt-packet';
import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/log.ts';
import { MQTT_LIMITS, type MqttConfig } from './config.ts';
import type { MqttIdentity } from './inbox.ts';
import type { Router } from './router.ts';
import { createSession, ownerOf, type Session } from './session.ts';
import type { MqttStore } from './store.ts';
import type { Wills } from './wills.ts';

/** Which session a connection gets, and what becomes of it afterwards. */
export interface Sessions {
  /**
   * Finds or makes the session that a CONNECT asks for and calls `attach` with it. Connections of one identity come
   * one after the other; the session has no connection when `attach` is called. CLIENT_ID_INVALID; RATE_LIMITED when
   * the identity has too many sessions that are in use.
   */
  take(
    identity: MqttIdentity,
    connect: IConnectPacket,
    attach: (session: Session, present: boolean) => void,
  ): Promise<void>;
  /** The client asked for another expiry as it left, s. */
  expireIn(session: Session, seconds: number): void;
  /** Its connection ended: it is kept, or forgotten. */
  left(session: Session): void;
  /** Ends sessions with their connections. */
  end(sessions: readonly Session[], code: ErrorCode): void;
  /** Rows of sessions in use get a later expiry: call every minute. */
  touch(): Promise<void>;
}

/** A row in use is written again no more often, ms; it outlives its session by {@link ROW_SLACK_MS}. */
const TOUCH_EVERY_MS = 120_000;
const ROW_SLACK_MS = 300_000;
/** It is part of the key of a row, characters. */
const LONGEST_CLIENT_ID = 256;

export function createSessions(deps: {
  readonly clock: Clock;
  readonly log: Logger;
  readonly config: MqttConfig;
  readonly router: Router;
  readonly store: MqttStore;
  /** Wills that wait for a session that is forgotten before its time, and for one that is ended. */
  readonly wills: Pick<Wills, 'forgotten' | 'returned'>;
}): Sessions {
  const { clock, config, router, store } = deps;
  const turns = new Map<string, Promise<void>>();
  /** Sessions whose rows are being removed: their end counts, whatever the database still says. */
  const dropping = new Map<string, Promise<void>>();
  const longestMs = config.sessionDays * 86_400_000;

  async function drop(session: Session): Promise<void> {
    router.remove(session);
    if (!session.stored) return;
    session.stored = false;
    const { key } = session;
    const dropped = store.drop(key);
    dropping.set(key, dropped);
    try {
      await dropped;
    } finally {
      if (dropping.get(key) === dropped) dropping.delete(key);
    }
  }

  function dropLater(session: Session): void {
    drop(session).catch((error: unknown) => deps.log.warn({ err: error }, 'an MQTT session could not be removed'));
  }

  /** A session in 3.1.1 is kept when it is not clean; in MQTT 5 as long as the client says. */
  function keepMsOf(connect: IConnectPacket): number {
    if (connect.protocolVersion !== 5) return connect.clean === false ? longestMs : 0;
    return Math.min((connect.properties?.sessionExpiryInterval ?? 0) * 1_000, longestMs);
  }

  async function takeInTurn(
    identity: MqttIdentity,
    key: string,
    clientId: string,
    connect: IConnectPacket,
    attach: (session: Session, present: boolean) => void,
  ): Promise<void> {
    const owner = ownerOf(identity);
    const clean = connect.clean !== false;
    router.session(key)?.connection?.close('SESSION_REPLACED');
    let session = router.session(key);
    // another server on this database may have kept it
    if (session === undefined && !clean) {
      await dropping.get(key);
      session = await router.recall(key);
    }
    const present = session !== undefined && !clean;
    if (session !== undefined && clean) {
      await drop(session);
      session = undefined;
    }
    if (session === undefined) {
      const others = router.sessionsOf(owner);
      if (others.length >= MQTT_LIMITS.sessionsPerIdentity) {
        const idle = others.find(({ connection }) => connection === null);
        if (idle === undefined) throw new MusterError('RATE_LIMITED', { limit: MQTT_LIMITS.sessionsPerIdentity });
        await drop(idle);
        deps.wills.forgotten(idle.key);
      }
      session = createSession(key, owner, clientId);
    }
    session.keepMs = keepMsOf(connect);
    // what is told to a client is stored: a session that it finds again after a restart
    if (session.keepMs > 0) await store.save(session, clock.now() + session.keepMs + ROW_SLACK_MS);
    session.touchedAt = clock.now();
    if (!present) router.add(session);
    attach(session, present);
    if (session.connection === null && session.keepMs === 0) dropLater(session);
  }

  return {
    take(identity, connect, attach) {
      if (connect.clientId === '' && connect.protocolVersion !== 5 && connect.clean === false) {
        // MQTT 3.1.1, section 3.1.3.1
        return Promise.reject(new MusterError('CLIENT_ID_INVALID'));
      }
      if (connect.clientId.length > LONGEST_CLIENT_ID || /\p{Cc}/u.test(connect.clientId)) {
        return Promise.reject(new MusterError('CLIENT_ID_INVALID'));
      }
      const owner = ownerOf(identity);
      const clientId = connect.clientId === '' ? `auto-${randomBytes(12).toString('hex')}` : connect.clientId;
      const ownerId = owner.kind === 'device' ? owner.deviceId : owner.keyId;
      const key = `${ownerId} ${clientId}`;
      const run = (): Promise<void> => takeInTurn(identity, key, clientId, connect, attach);
      const before = turns.get(ownerId);
      const mine = before === undefined ? run() : before.then(run, run);
      turns.set(ownerId, mine);
      return mine.finally(() => {
        if (turns.get(ownerId) === mine) turns.delete(ownerId);
      });
    },
    expireIn(session, seconds) {
      // a session that was begun without an expiry cannot get one (MQTT 5, 3.14.2.2.2)
      if (session.keepMs > 0) session.keepMs = Math.min(seconds * 1_000, longestMs);
    },
    left(session) {
      session.connection = null;
      session.awaySince = clock.now();
      if (session.keepMs === 0) return dropLater(session);
      router.suspend(session);
      store
        .save(session, session.awaySince + session.keepMs)
        .catch((error: unknown) => deps.log.warn({ err: error }, 'an MQTT session could not be stored'));
    },
    end(sessions, code) {
      for (const session of sessions) {
        session.keepMs = 0;
        deps.wills.returned(session.key);
        if (session.connection === null) dropLater(session);
        else session.connection.close(code);
      }
    },
    async touch() {
      const now = clock.now();
      const due = router.stored().filter(({ connection, keepMs, touchedAt }) => {
        return connection !== null && now - touchedAt > Math.max(TOUCH_EVERY_MS, keepMs / 2);
      });
      if (due.length === 0) return;
      for (const session of due) session.touchedAt = now;
      await store.touch(
        due.map(({ key }) => key),
        now + ROW_SLACK_MS,
      );
    },
  };
}
