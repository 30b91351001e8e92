import { Value } from 'typebox/value';
import { createMqttGateway, type MqttConfig, mqttConfig } from '../../packages/server/src/gateway/mqtt/index.ts';
import { createClientRates } from '../../packages/server/src/platform/client-rate.ts';
import { systemClock } from '../../packages/server/src/platform/clock.ts';
import { createTestDatabase } from '../../packages/server/src/platform/db/test-database.fixture.ts';
import { createLogger } from '../../packages/server/src/platform/log.ts';
import { createMetrics } from '../../packages/server/src/platform/metrics.ts';

/**
 * The MQTT gateway alone, as a process of its own, forked: every user name is a device, nothing is stored. Limits of
 * one client are out of the way. Tells its parent its port.
 */
const database = await createTestDatabase();
const defaults = Value.Create(mqttConfig) as MqttConfig;
const gateway = createMqttGateway({
  log: createLogger('warn'),
  clock: systemClock,
  metrics: createMetrics(),
  pool: database.pool,
  config: {
    ...defaults,
    port: 0,
    connectsPerSecond: 100_000,
  },
  rates: createClientRates(systemClock, 1_000_000, 1_000_000_000),
  inbox: {
    authenticate: async ({ username }) => ({
      kind: 'device',
      device: { deviceId: username ?? '', siteId: 'site', name: '', profile: null, simulated: true },
      speaks: 'device-api',
    }),
    publish: () => undefined,
    refused: () => undefined,
    opened: () => undefined,
    subscribed: () => undefined,
    closed: () => undefined,
    deviceOf: async () => null,
  },
  tls: null,
  httpHost: '127.0.0.1',
});
await gateway.listen();
process.send?.({ port: gateway.ports().plain });
process.once('disconnect', () => {
  void gateway
    .drain(0)
    .then(() => database.stop())
    .then(() => process.exit(0));
});
