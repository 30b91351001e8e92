import type { IConnectPacket } from 'mqtt-packet';
import type { Clock } from '../../platform/clock.ts';
import type { Intake } from './intake.ts';
import { isTopic } from './topics.ts';
import type { Connection } from './wire/connection.ts';
import type { IncomingPublish } from './wire/decode.ts';

/** Last wills: published when a connection ends without a DISCONNECT, by the same way and rights as any message. */
export interface Wills {
  keep(connection: Connection, intake: Intake, connect: IConnectPacket): void;
  /** The connection ended. `orderly`: the will is void. */
  ended(connection: Connection, orderly: boolean): void;
  /** The session has a connection again: a will that waits for its delay is void (MQTT 5, 3.1.3.2.2). */
  returned(sessionKey: string): void;
  /** The session is forgotten before its will was due: it is due now. */
  forgotten(sessionKey: string): void;
  /** No will is published from here on: our own end is nothing that happened to a client. */
  stop(): void;
}

/** A timer holds no more than 24 days, ms. */
const LONGEST_DELAY_MS = 7 * 86_400_000;

export function createWills(clock: Clock): Wills {
  const kept = new WeakMap<Connection, { readonly send: () => void; readonly delayMs: number }>();
  const delayed = new Map<string, { readonly cancel: () => void; readonly send: () => void }>();
  let stopped = false;
  return {
    keep(connection, intake, { will }) {
      if (will === undefined || !isTopic(will.topic)) return;
      const { willDelayInterval = 0, ...rest } = will.properties ?? {};
      const publish: IncomingPublish = {
        topic: Buffer.from(will.topic),
        qos: will.qos ?? 0,
        retain: will.retain === true,
        messageId: 0,
        properties: Object.keys(rest).length === 0 ? null : (rest as IncomingPublish['properties']),
        payload: Buffer.from(will.payload),
      };
      const send = (): void => intake.will(publish);
      kept.set(connection, { send, delayMs: willDelayInterval * 1_000 });
    },
    ended(connection, orderly) {
      const will = kept.get(connection);
      kept.delete(connection);
      if (will === undefined || orderly || stopped) return;
      const { send } = will;
      const { key, keepMs } = connection.session;
      // a session that ends takes its will with it, so that no more wills wait than there are sessions
      const delayMs = Math.min(will.delayMs, keepMs, LONGEST_DELAY_MS);
      if (delayMs === 0) return send();
      const cancel = clock.after(delayMs, () => {
        delayed.delete(key);
        send();
      });
      delayed.set(key, { cancel, send });
    },
    returned(sessionKey) {
      delayed.get(sessionKey)?.cancel();
      delayed.delete(sessionKey);
    },
    forgotten(sessionKey) {
      const will = delayed.get(sessionKey);
      delayed.delete(sessionKey);
      will?.cancel();
      will?.send();
    },
    stop() {
      stopped = true;
      for (const { cancel } of delayed.values()) cancel();
      delayed.clear();
    },
  };
}
