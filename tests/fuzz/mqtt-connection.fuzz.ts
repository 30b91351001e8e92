import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { bug, MusterError } from '@muster/contract';
import type { Pool } from 'pg';
import { Value } from 'typebox/value';
import { type MqttConfig, mqttConfig } from '../../packages/server/src/gateway/mqtt/config.ts';
import type { MqttIdentity, MqttInbox } from '../../packages/server/src/gateway/mqtt/inbox.ts';
import { createOwnBroker } from '../../packages/server/src/gateway/mqtt/own-broker.ts';
import { createHandClock } from '../../packages/server/src/gateway/xiaozhi/rig/hand-clock.ts';
import { createClientRates } from '../../packages/server/src/platform/client-rate.ts';
import { createLogger } from '../../packages/server/src/platform/log.ts';
import { createMetrics } from '../../packages/server/src/platform/metrics.ts';
import { defineFuzz } from './define.ts';
import { makeStream } from './inputs/mqtt-stream.ts';

const SITE = '019a0000-0000-7000-8000-0000000000aa';
const DEVICES = { one: '019a0000-0000-7000-8000-000000000001', two: '019a0000-0000-7000-8000-000000000002' };
/** The clock goes on by so much with each input, ms, and by a day now and then: what is kept must end. */
const STEP_MS = 50;
const DAY_EVERY = 2_000;
const DAY_MS = 86_400_000;

export const target = defineFuzz({
  name: 'mqtt-connection',
  summary: 'whole connections to our MQTT broker: sessions, wills, subscriptions, acknowledgements',
  make: (random) => makeStream(random).bytes,
  open() {
    const clock = createHandClock();
    const faults: string[] = [];
    let published = 0;
    const broker = createOwnBroker({
      // the broker ends a connection on a fault of its own and says so: here that is what is looked for
      log: createLogger('error', { write: (line) => void faults.push(line) }),
      clock,
      metrics: createMetrics(),
      pool: emptyDatabase(),
      config: { ...(Value.Create(mqttConfig) as MqttConfig), port: 0, connectsPerMinute: 1_000_000 },
      inbox: inboxOf(() => {
        published += 1;
      }),
      rates: createClientRates(clock, 1_000, 262_144),
      tls: null,
      httpHost: '127.0.0.1',
    });
    let inputs = 0;
    const opened = broker.listen();
    return {
      async take(input, random) {
        await opened;
        published = 0;
        inputs += 1;
        const socket = createFakeSocket();
        broker.accept(socket as unknown as Socket);
        for (let at = 0; at < input.length && !socket.destroyed; ) {
          const end = at + 1 + random.below(random.pick([8, 128, input.length]));
          socket.emit('data', Buffer.from(input.subarray(at, end)));
          at = end;
          if (random.chance(0.3)) await turn();
        }
        await turn();
        await turn();
        clock.advance(inputs % DAY_EVERY === 0 ? DAY_MS : STEP_MS);
        if (!socket.destroyed) socket.destroy();
        await turn();
        const [fault] = faults;
        if (fault !== undefined) throw bug(fault);
        if (broker.connectionCount() !== 0) throw bug('a connection is left');
        if (socket.listenerCount('data') > 1) throw bug('a listener is left');
        return published > 0 ? 'taken' : socket.written > 4 ? 'connected' : 'refused';
      },
      close: () => broker.drain(0),
    };
  },
});

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function inboxOf(onPublish: () => void): MqttInbox {
  return {
    async authenticate({ username }): Promise<MqttIdentity | null> {
      if (username === 'key') {
        return {
          kind: 'operator',
          keyId: 'key',
          siteId: SITE,
          mayPublish: ['devices/+/app/#'],
          maySubscribe: ['devices/#'],
        };
      }
      if (username !== 'one' && username !== 'two') return null;
      const device = { deviceId: DEVICES[username], siteId: SITE, name: username, profile: null, simulated: true };
      return { kind: 'device', device, speaks: 'device-api' };
    },
    publish({ send }, { topic, responseTopic }) {
      onPublish();
      if (topic === 'commands/reply') return Promise.reject(new MusterError('MESSAGE_INVALID'));
      if (responseTopic !== null) send(responseTopic, Buffer.from('answer'));
      return topic === 'telemetry' ? Promise.resolve() : undefined;
    },
    refused: () => undefined,
    opened: () => undefined,
    subscribed: () => undefined,
    closed: () => undefined,
    deviceOf: async () => ({ deviceId: DEVICES.one, siteId: SITE, name: '', profile: null, simulated: true }),
  };
}

/** A database that keeps nothing: each query is answered, no row is found. */
function emptyDatabase(): Pool {
  return { query: async () => ({ rows: [], rowCount: 1 }) } as unknown as Pool;
}

interface FakeSocket extends EventEmitter {
  destroyed: boolean;
  /** Bytes. */
  written: number;
  destroy(): void;
}

/** The side of the network that the broker sees. */
function createFakeSocket(): FakeSocket {
  const socket = Object.assign(new EventEmitter(), {
    remoteAddress: '127.0.0.1',
    localAddress: '127.0.0.1',
    destroyed: false,
    written: 0,
    writableLength: 0,
    setNoDelay: () => socket,
    pause: () => socket,
    resume: () => socket,
    write(bytes: Buffer) {
      socket.written += bytes.length;
      return true;
    },
    end: () => socket.destroy(),
    destroy() {
      if (socket.destroyed) return;
      socket.destroyed = true;
      // as a socket does: not before the call returned
      queueMicrotask(() => void socket.emit('close'));
    },
  });
  return socket;
}
