import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { generate, type Packet } from 'mqtt-packet';
import type { Clock } from '../../../platform/clock.ts';
import type { Logger } from '../../../platform/log.ts';
import { MQTT_LIMITS } from '../config.ts';
import type { MessageProperties } from '../messages.ts';
import { decodePacket, decodePublish, isPublish } from '../wire/decode.ts';
import { encodeAck, encodePublish } from '../wire/outgoing.ts';
import { createPacketReader } from '../wire/packet-reader.ts';

/** A message that the broker brought. It is acknowledged when the answer is settled. */
export interface BrokerMessage {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: 0 | 1 | 2;
  readonly properties: MessageProperties | null;
}

/** Our connection to a broker of others, MQTT 5; made again when it breaks, with its session there. */
export interface BrokerLink {
  start(): void;
  /** At QoS 0; false when there is no connection, or too much waits in it. */
  publish(message: Pick<BrokerMessage, 'topic' | 'payload' | 'properties'>): boolean;
  waitingBytes(): number;
  stop(): void;
}

const KEEP_ALIVE_S = 30;
/** The broker keeps what came for us while we were away for so long, s. */
const SESSION_S = 7 * 86_400;
const SLOWEST_RETRY_MS = 30_000;
const TICK_MS = 5_000;
/** Publishes that wait for their commit; the broker holds back the rest. */
const RECEIVE_MAXIMUM = 1_000;

interface Waiting {
  readonly messageId: number;
  done: boolean;
}

export function createBrokerLink(deps: {
  readonly clock: Clock;
  readonly log: Logger;
  /** `mqtt://user:password@host:port` or `mqtts://…`; `?clientId=…` names the session, one for each server. */
  readonly url: string;
  readonly packetBytes: number;
  readonly filters: readonly string[];
  /** Rejects when the message shall come again; whatever else is wrong with it is for the handler to count. */
  readonly onMessage: (message: BrokerMessage) => Promise<void>;
  readonly onLost: () => void;
}): BrokerLink {
  const { clock, log } = deps;
  const url = new URL(deps.url);
  let socket: Socket | null = null;
  let connected = false;
  let stopped = false;
  let failures = 0;
  let heardAt = 0;
  let cancelRetry = (): void => undefined;
  let cancelWatch = (): void => undefined;

  function open(): void {
    const secure = url.protocol === 'mqtts:';
    const port = url.port === '' ? (secure ? 8883 : 1883) : Number(url.port);
    const host = url.hostname;
    const mine = secure ? connectTls({ host, port, servername: host }) : connectTcp({ host, port });
    socket = mine;
    heardAt = clock.monotonic();
    const waiting: Waiting[] = [];
    const reader = createPacketReader(deps.packetBytes);
    const write = (packet: Packet): void => void mine.write(generate(packet, { protocolVersion: 5 }));

    const finish = (one: Waiting): void => {
      one.done = true;
      // in the order in which they came (MQTT 5, 4.6)
      while (waiting[0]?.done === true) {
        const first = waiting.shift();
        if (first !== undefined && !mine.destroyed) mine.write(encodeAck('puback', 5, first.messageId, 0));
      }
    };

    const take = (bytes: Buffer, bodyAt: number): boolean => {
      if (isPublish(bytes)) {
        const found = decodePublish(bytes, bodyAt, 5);
        if (found === null) return lose('a malformed message');
        const message = {
          topic: found.topic.toString('utf8'),
          payload: Buffer.from(found.payload),
          qos: found.qos,
          properties: found.properties,
        };
        const one: Waiting = { messageId: found.messageId, done: false };
        if (found.qos > 0) waiting.push(one);
        deps.onMessage(message).then(
          () => void (found.qos > 0 && finish(one)),
          // without an acknowledgement the broker sends it again once we are back
          () => void (found.qos > 0 && lose('a message could not be stored')),
        );
        return true;
      }
      const packet = decodePacket(bytes, 5);
      if (packet === null) return lose('a malformed packet');
      if (packet.cmd === 'connack') {
        if (packet.reasonCode !== 0) return lose(`CONNACK ${packet.reasonCode}`);
        const subscriptions = deps.filters.map((topic) => ({
          topic,
          qos: 1 as const,
          nl: true,
          rap: true,
          rh: 2 as const,
        }));
        write({ cmd: 'subscribe', messageId: 1, subscriptions });
      } else if (packet.cmd === 'suback') {
        const refused = deps.filters.filter((_, index) => Number(packet.granted[index]) >= 0x80);
        if (refused.length > 0) return lose(`the broker refuses ${refused.join(', ')}`);
        failures = 0;
        connected = true;
        log.info({ host, port }, 'connected to the MQTT broker');
      } else if (packet.cmd === 'disconnect') {
        return lose(`DISCONNECT ${packet.reasonCode ?? 0}`);
      }
      return true;
    };

    function lose(why: string): false {
      if (socket !== mine) return false;
      socket = null;
      cancelWatch();
      mine.destroy();
      const was = connected;
      connected = false;
      if (was) deps.onLost();
      if (stopped) return false;
      failures += 1;
      const waitMs = Math.min(SLOWEST_RETRY_MS, 500 * 2 ** Math.min(failures, 10)) * (0.5 + Math.random() / 2);
      log.warn({ host, port, why, waitMs: Math.round(waitMs) }, 'no connection to the MQTT broker');
      cancelRetry = clock.after(waitMs, open);
      return false;
    }

    mine.setNoDelay(true);
    mine.on(secure ? 'secureConnect' : 'connect', () => {
      write({
        cmd: 'connect',
        protocolId: 'MQTT',
        protocolVersion: 5,
        clean: false,
        clientId: url.searchParams.get('clientId') ?? 'muster',
        keepalive: KEEP_ALIVE_S,
        ...(url.username === '' ? {} : { username: decodeURIComponent(url.username) }),
        ...(url.password === '' ? {} : { password: Buffer.from(decodeURIComponent(url.password)) }),
        properties: {
          sessionExpiryInterval: SESSION_S,
          receiveMaximum: RECEIVE_MAXIMUM,
          maximumPacketSize: deps.packetBytes,
        },
      });
    });
    mine.on('data', (chunk) => {
      heardAt = clock.monotonic();
      if (reader.push(chunk, take) !== 'ok') lose('no MQTT');
    });
    mine.on('error', (error) => void lose(error.message));
    mine.on('close', () => void lose('the broker closed it'));
    watch(mine, lose);
  }

  /** Says that we are here, and notices when the broker is not. */
  function watch(mine: Socket, lose: (why: string) => false): void {
    cancelWatch = clock.after(TICK_MS, () => {
      if (socket !== mine) return;
      const silentMs = clock.monotonic() - heardAt;
      if (silentMs > KEEP_ALIVE_S * 1_500) return void lose('the broker is silent');
      if (connected && silentMs > (KEEP_ALIVE_S * 1_000) / 3) mine.write(generate({ cmd: 'pingreq' }));
      watch(mine, lose);
    });
  }

  return {
    start: open,
    waitingBytes: () => socket?.writableLength ?? 0,
    publish({ topic, payload, properties }) {
      if (socket === null || !connected || socket.writableLength > 4 * MQTT_LIMITS.waitingBytes) return false;
      socket.write(encodePublish(5, { topic, payload, qos: 0, retain: false }, 0, false, properties));
      return true;
    },
    stop() {
      stopped = true;
      cancelRetry();
      cancelWatch();
      const open = socket;
      socket = null;
      if (open === null) return;
      // the broker keeps the session: what is not acknowledged comes again
      open.end(generate({ cmd: 'disconnect' } as Packet, { protocolVersion: 5 }));
      open.once(
        'close',
        clock.after(1_000, () => open.destroy()),
      );
    },
  };
}
