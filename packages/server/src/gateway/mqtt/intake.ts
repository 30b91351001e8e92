import { codeOf, ERROR_CODES, type ErrorCode, MusterError } from '@muster/contract';
import type { Clock } from '../../platform/clock.ts';
import { translateDatabaseError } from '../../platform/db/index.ts';
import type { Logger } from '../../platform/log.ts';
import { MQTT_LIMITS } from './config.ts';
import type { MqttCounters } from './counters.ts';
import type { MqttInbox } from './inbox.ts';
import type { MessageProperties, RoutedMessage } from './messages.ts';
import type { Router } from './router.ts';
import { covers, deviceTopic, isTopic, ownTopic, readTopic } from './topics.ts';
import type { Connection } from './wire/connection.ts';
import type { IncomingPublish } from './wire/decode.ts';
import { publishReason, REASON } from './wire/reasons.ts';

/** Topics below this go from client to client; all others come to us. */
const APP = 'app/';

/** A client whose messages of one read take longer than this at its rate is closed. */
const FAR_PAST_MS = 30_000;
const NO_TOPIC = Buffer.alloc(0);

/** A publish that waits for its acknowledgement. They leave in the order in which the messages came (MQTT 5, 4.6). */
interface Waiting {
  readonly command: 'puback' | 'pubrec';
  readonly messageId: number;
  /** -1 until it is known. */
  reason: number;
  /** About a reason that is no success. */
  say?: string;
  /** Monotonic ms at which it came. */
  readonly since: number;
}

export interface IntakeDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly inbox: MqttInbox;
  readonly router: Router;
  readonly counters: MqttCounters;
}

/** What one client publishes: who may, where it goes, and when it is acknowledged. */
export interface Intake {
  /** `topic` as bytes, or as the text that an alias stands for. */
  publish(publish: IncomingPublish, topic: Buffer | string): void;
  /** A last will: as a message, with nobody left to acknowledge to. */
  will(publish: IncomingPublish): void;
  /** A packet that is no PUBLISH came, worth so many messages: it counts against the rate of the client too. */
  count(messages: number): void;
  /** PUBREL: the client has our PUBREC. */
  release(messageId: number): void;
  /** Monotonic ms since which the oldest message waits for its acknowledgement; null when none does. */
  waitingSince(): number | null;
}

export function createIntake(deps: IntakeDeps, connection: Connection): Intake {
  const { router, inbox, counters, clock } = deps;
  const { identity, session, version } = connection;
  const waiting: Waiting[] = [];
  let paused = false;
  let throttled = false;
  /** The topic of the message before: clients publish to one topic again and again. */
  let lastBytes: Buffer = NO_TOPIC;
  let lastTopic = '';

  function topicOf(bytes: Buffer | string): string | null {
    if (typeof bytes === 'string') return isTopic(bytes) ? bytes : null;
    if (lastBytes.equals(bytes)) return lastTopic;
    const topic = readTopic(bytes);
    if (topic === null) return null;
    lastBytes = Buffer.from(bytes);
    lastTopic = topic;
    return topic;
  }

  /** Where the message goes; a promise when that has to be waited for. Throws when it may not. */
  function dispatch(publish: IncomingPublish, topic: string): Promise<void> | undefined {
    if (identity.kind === 'operator') return fromOperator(publish, topic);
    const { deviceId, siteId } = identity.device;
    const own = ownTopic(topic, deviceId);
    if (own === null) throw new MusterError('TOPIC_FORBIDDEN', { topic: topic.slice(0, 200) });
    if (own.rest.startsWith(APP)) return router.route(routed(publish, deviceId, siteId, own.rest));
    if (publish.retain) throw new MusterError('TOPIC_FORBIDDEN', {}, { say: 'Only topics below app/ are retained.' });
    const taken = inbox.publish(connection, {
      topic: own.rest,
      payload: publish.payload,
      qos: publish.qos,
      responseTopic: publish.properties?.responseTopic ?? null,
      correlationData: publish.properties?.correlationData ?? null,
    });
    // operators who watch the device get a copy of what was taken
    const copy = routed(publish, deviceId, siteId, own.rest);
    if (taken === undefined) return router.route(copy);
    const payload = Buffer.from(publish.payload);
    return taken.then(() => router.route({ ...copy, payload }));
  }

  async function fromOperator(publish: IncomingPublish, topic: string): Promise<void> {
    const found = deviceTopic(topic);
    const allowed =
      identity.kind === 'operator' &&
      found?.rest.startsWith(APP) === true &&
      identity.mayPublish.some((filter) => covers(filter, topic));
    if (!allowed || found === null) throw new MusterError('TOPIC_FORBIDDEN', { topic: topic.slice(0, 200) });
    const message = { ...publish, payload: Buffer.from(publish.payload) };
    const siteId = (await inbox.deviceOf(found.deviceId))?.siteId;
    if (siteId !== identity.siteId) throw new MusterError('TOPIC_FORBIDDEN', { topic: topic.slice(0, 200) });
    await router.route(routed(message, found.deviceId, siteId, found.rest));
  }

  function routed(publish: IncomingPublish, deviceId: string, siteId: string, rest: string): RoutedMessage {
    const { payload, qos, retain, properties } = publish;
    const seconds = properties?.messageExpiryInterval;
    return {
      deviceId,
      siteId,
      rest,
      payload,
      qos,
      retain,
      properties: properties === null ? null : passedOn(properties),
      expiresAt: seconds === undefined ? null : clock.now() + seconds * 1_000,
      from: session.key,
    };
  }

  /** What an acknowledgement says; null: none is sent, the connection ends and the client sends the message again. */
  function verdict(cause: unknown, topic: string): number | null {
    const error = translateDatabaseError(cause) ?? cause;
    const code = codeOf(error);
    counters.refused(code);
    inbox.refused(connection, code);
    if (code === 'INTERNAL') deps.log.error({ err: error }, 'a message of a client failed');
    tell(code, error, topic);
    if (version === 5) return publishReason(code);
    return ERROR_CODES[code].retryable ? null : REASON.success;
  }

  /** MQTT 3.1.1 and QoS 0 have no reason codes: who wants to know subscribes to `…/refused`. */
  function tell(code: ErrorCode, error: unknown, topic: string): void {
    const refused = 'devices/me/refused';
    if (identity.kind !== 'device' || !connection.subscribed(refused)) return;
    connection.send(refused, Buffer.from(JSON.stringify({ topic, code, message: sentenceOf(error) })));
  }

  function answer(one: Waiting, reason: number): void {
    one.reason = reason;
    while (waiting[0] !== undefined && waiting[0].reason >= 0) {
      const first = waiting.shift();
      if (first !== undefined) connection.ack(first.command, first.messageId, first.reason, first.say);
    }
    if (paused && waiting.length < MQTT_LIMITS.inflight / 2) {
      paused = false;
      connection.resume();
    }
  }

  function settled(one: Waiting | null, error: unknown, topic: string): void {
    const reason = error === null ? REASON.success : verdict(error, topic);
    if (one === null) return;
    // not taken: it is new when it comes again, over this connection or the next
    if (error !== null && one.command === 'pubrec') session.received.delete(one.messageId);
    if (reason === null) connection.close(codeOf(error));
    else {
      if (reason !== REASON.success) one.say = sentenceOf(error);
      answer(one, reason);
    }
  }

  /** Past its rate a client is not read for a while; far past it, with what was read already, it is closed. */
  function throttle(bytes: number): void {
    if (connection.rate.take(bytes) || throttled) return;
    throttled = true;
    counters.throttled();
    inbox.refused(connection, 'QUOTA_EXCEEDED');
    connection.pause();
    readAgain();
  }

  function readAgain(): void {
    const waitMs = connection.rate.waitMs();
    if (waitMs > FAR_PAST_MS) connection.close('MESSAGE_RATE');
    else if (waitMs > 0) clock.after(waitMs, readAgain);
    else {
      throttled = false;
      connection.resume();
    }
  }

  function answerAfter(one: Waiting | null, work: Promise<void>, topic: string): void {
    if (one !== null) waiting.push(one);
    if (waiting.length >= MQTT_LIMITS.inflight && !paused) {
      paused = true;
      connection.pause();
    }
    work.then(
      () => settled(one, null, topic),
      (error: unknown) => settled(one, error, topic),
    );
  }

  /** A QoS 2 message came again: it was taken, or it is being taken, perhaps since an earlier connection. */
  function again(messageId: number, before: Promise<void> | null): void {
    if (waiting.some((one) => one.messageId === messageId && one.command === 'pubrec')) return;
    if (before === null) connection.ack('pubrec', messageId, REASON.success);
    else answerAfter({ command: 'pubrec', messageId, reason: -1, since: connection.lastSeen }, before, '');
  }

  return {
    waitingSince: () => waiting[0]?.since ?? null,
    publish(publish, bytes) {
      const { qos, messageId, payload } = publish;
      counters.messageIn(payload.length);
      throttle(payload.length);
      if (qos === 2) {
        const before = session.received.get(messageId);
        if (before !== undefined) return again(messageId, before);
        if (session.received.size >= MQTT_LIMITS.inflight) {
          return connection.disconnect(REASON.receiveMaximum, 'QUOTA_EXCEEDED');
        }
        session.received.set(messageId, null);
      }
      const topic = topicOf(bytes);
      const one: Waiting | null =
        qos === 0
          ? null
          : { command: qos === 1 ? 'puback' : 'pubrec', messageId, reason: -1, since: connection.lastSeen };
      let work: Promise<void> | undefined;
      try {
        if (topic === null) throw new MusterError('TOPIC_UNKNOWN');
        work = dispatch(publish, topic);
      } catch (error) {
        if (one !== null) waiting.push(one);
        settled(one, error, topic ?? '');
        return;
      }
      if (work === undefined) {
        if (one === null) return;
        // nothing before it waits: the short way, without the list
        if (waiting.length === 0) connection.ack(one.command, messageId, REASON.success);
        else {
          waiting.push(one);
          answer(one, REASON.success);
        }
        return;
      }
      if (qos === 2) {
        const taking = work;
        session.received.set(messageId, taking);
        taking.then(
          () => {
            if (session.received.get(messageId) === taking) session.received.set(messageId, null);
          },
          // `settled` forgets it
          () => undefined,
        );
      }
      answerAfter(one, work, topic ?? '');
    },
    will(publish) {
      const topic = topicOf(publish.topic) ?? '';
      const failed = (error: unknown): void => {
        counters.refused(codeOf(error));
        inbox.refused(connection, codeOf(error));
        deps.log.info({ code: codeOf(error) }, 'a last will was not taken');
      };
      try {
        dispatch(publish, topic)?.catch(failed);
      } catch (error) {
        failed(error);
      }
    },
    count(messages) {
      connection.rate.spend(messages - 1);
      throttle(0);
    },
    release(messageId) {
      const known = session.received.delete(messageId);
      connection.ack('pubcomp', messageId, known || version !== 5 ? REASON.success : REASON.idNotFound);
    },
  };
}

function sentenceOf(error: unknown): string {
  return error instanceof MusterError ? error.message : ERROR_CODES.INTERNAL.meaning;
}

/** Properties that a message keeps on its way to others; alias and expiry are of one connection, or counted anew. */
function passedOn(properties: MessageProperties): MessageProperties | null {
  const { topicAlias: _, messageExpiryInterval: __, subscriptionIdentifier: ___, ...rest } = properties;
  return Object.keys(rest).length === 0 ? null : rest;
}
