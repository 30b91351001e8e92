import { MusterError } from '@muster/contract';
import type { Pool } from 'pg';
import { Value } from 'typebox/value';
import { createClientRates } from '../../platform/client-rate.ts';
import { systemClock } from '../../platform/clock.ts';
import { createTestDatabase } from '../../platform/db/test-database.fixture.ts';
import { createLogger } from '../../platform/log.ts';
import { createMetrics } from '../../platform/metrics.ts';
import { type MqttConfig, mqttConfig } from './config.ts';
import type { MqttClient, MqttInbox, MqttPublish } from './inbox.ts';
import { createMqttGateway, type MqttGateway, type MqttGatewayDeps } from './index.ts';

export const SITE = '019a0000-0000-7000-8000-0000000000aa';
export const OTHER_SITE = '019a0000-0000-7000-8000-0000000000bb';
export const DEVICES = {
  one: '019a0000-0000-7000-8000-000000000001',
  two: '019a0000-0000-7000-8000-000000000002',
  elsewhere: '019a0000-0000-7000-8000-000000000003',
} as const;
export const KEY = '019a0000-0000-7000-8000-0000000000cc';

/** The broker on a real database with an inbox that writes down what it is told. Tokens are `token-of-NAME`. */
export interface Broker {
  readonly gateway: MqttGateway;
  readonly pool: Pool;
  readonly port: number;
  readonly url: string;
  readonly published: {
    readonly deviceId: string;
    readonly topic: string;
    readonly text: string;
    readonly qos: number;
  }[];
  readonly opened: MqttClient[];
  readonly closed: MqttClient[];
  /** What the inbox does with the next messages. */
  answer: (message: MqttPublish) => Promise<void> | undefined;
  /** What is waited for once the credentials of a device were looked up. */
  lookedUp: () => Promise<void>;
  /** Stops the broker and starts another on the same database. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export async function startBroker(
  settings: Partial<MqttConfig> = {},
  tls: MqttGatewayDeps['tls'] = null,
): Promise<Broker> {
  const database = await createTestDatabase();
  await database.pool.query(
    `INSERT INTO sites (site_id, name, kind, language, time_zone, created_at)
     VALUES ($1, 'Here', 'lab', 'en', 'UTC', 0), ($2, 'There', 'lab', 'en', 'UTC', 0)`,
    [SITE, OTHER_SITE],
  );
  const siteOf = (name: keyof typeof DEVICES): string => (name === 'elsewhere' ? OTHER_SITE : SITE);
  const deviceOf = (name: keyof typeof DEVICES) => {
    return { deviceId: DEVICES[name], siteId: siteOf(name), name, profile: null, simulated: false };
  };
  for (const name of Object.keys(DEVICES) as (keyof typeof DEVICES)[]) {
    await database.pool.query(
      `INSERT INTO devices (device_id, site_id, name, hardware_id, client_id, proof, state, created_at)
       VALUES ($1, $2, $3, $3, '', 'none', 'active', 0)`,
      [DEVICES[name], siteOf(name), name],
    );
  }
  await database.pool.query(
    `INSERT INTO api_keys (key_id, key_hash, site_id, name, may_publish, may_subscribe, created_at, expires_at)
     VALUES ($1, '\\x00', $2, 'key', '{}', '{}', 0, 9e15)`,
    [KEY, SITE],
  );
  const config = { ...(Value.Create(mqttConfig) as MqttConfig), port: 0, connectsPerMinute: 100_000, ...settings };
  const inbox: MqttInbox = {
    async authenticate({ username, password }) {
      if (username === 'key' && password === 'the-key') {
        return {
          kind: 'operator',
          keyId: KEY,
          siteId: SITE,
          mayPublish: ['devices/+/app/#'],
          maySubscribe: ['devices/+/app/#', 'devices/+/telemetry'],
        };
      }
      const name = /^token-of-(\w+)$/.exec(password ?? username ?? '')?.[1] as keyof typeof DEVICES | undefined;
      if (name === undefined || DEVICES[name] === undefined) return null;
      await broker.lookedUp();
      return { kind: 'device', device: deviceOf(name), speaks: 'device-api' };
    },
    publish(client, message) {
      const { topic, payload, qos } = message;
      const deviceId = client.identity.kind === 'device' ? client.identity.device.deviceId : '';
      broker.published.push({ deviceId, topic, text: payload.toString(), qos });
      return broker.answer(message);
    },
    refused: () => undefined,
    opened: (client) => void broker.opened.push(client),
    subscribed: () => undefined,
    closed: (client) => void broker.closed.push(client),
    deviceOf: async (deviceId) => {
      const name = (Object.keys(DEVICES) as (keyof typeof DEVICES)[]).find((one) => DEVICES[one] === deviceId);
      return name === undefined ? null : deviceOf(name);
    },
  };
  const make = (): MqttGateway =>
    createMqttGateway({
      log: createLogger('silent'),
      clock: systemClock,
      metrics: createMetrics(),
      pool: database.pool,
      config,
      inbox,
      rates: createClientRates(systemClock, config.messagesPerSecond, config.bytesPerSecond),
      tls,
      httpHost: '127.0.0.1',
    });
  let gateway = make();
  await gateway.listen();
  const broker = {
    pool: database.pool,
    get gateway() {
      return gateway;
    },
    get port() {
      return gateway.ports().plain ?? 0;
    },
    get url() {
      return `mqtt://127.0.0.1:${gateway.ports().plain}`;
    },
    published: [] as Broker['published'],
    opened: [] as MqttClient[],
    closed: [] as MqttClient[],
    answer: (() => undefined) as Broker['answer'],
    lookedUp: (async () => undefined) as Broker['lookedUp'],
    async restart() {
      await gateway.drain(500);
      gateway = make();
      await gateway.listen();
    },
    async stop() {
      await gateway.drain(500);
      await database.stop();
    },
  };
  return broker;
}

export function refusal(): Promise<void> {
  return Promise.reject(new MusterError('MESSAGE_INVALID', {}, { say: 'It is no temperature.' }));
}
