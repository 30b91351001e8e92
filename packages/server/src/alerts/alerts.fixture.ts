import { type AlertRuleCreate, bug, type Device, type PointValue } from '@muster/contract';
import { createVirtualClock, type VirtualClock } from '@muster/testkit';
import { type Bus, createInProcessBus } from '../platform/bus/index.ts';
import type { createTestDatabase } from '../platform/db/test-database.fixture.ts';
import { newId } from '../platform/ids.ts';
import { createLogger } from '../platform/log.ts';
import { createMetrics } from '../platform/metrics.ts';
import { readSettings } from '../platform/settings.ts';
import { type Alerts, createAlerts } from './alerts.ts';
import { alertsConfig } from './config.ts';
import type { LatestPoint } from './engine/roster.ts';
import type { AlertTables } from './tables.ts';

type TestDatabase = Awaited<ReturnType<typeof createTestDatabase>>;

/** Alerts on a real database with time in the hands of the test; devices and their points are given. */
export interface AlertRig {
  readonly alerts: Alerts;
  readonly clock: VirtualClock;
  readonly bus: Bus;
  readonly siteId: string;
  readonly device: Device;
  readonly userId: string;
  /** What the database of telemetry has: `send` writes it too. */
  readonly latest: Map<string, LatestPoint>;
  /** Points as telemetry tells them after their commit. `at`: now unless given. */
  send(series: string, value: PointValue, at?: number, server?: number): void;
  /** `keeps`: whether the device keeps its connection while it is on. */
  link(connected: boolean, server?: number, keeps?: boolean): void;
  /** The database has this of the device, and no word of it came over the bus. */
  unheard(change: Partial<Device>): void;
  /** Alerts of the other servers, when there are several buses. */
  readonly others: readonly Alerts[];
  rule(wanted: Partial<AlertRuleCreate> & { kind: string }): Promise<string>;
  /** Moves time on and waits until what happened is in the database. */
  pass(ms: number): Promise<void>;
  /** Stops and starts the alerts as a restart of the server would, `awayMs` later. */
  restart(awayMs: number): Promise<void>;
  /** Stops without writing anything: the process was killed. */
  stop(): Promise<void>;
}

/** One database for the file; each rig has a site of its own. */
export async function createAlertRig(
  database: TestDatabase,
  flags: readonly string[] = [],
  buses: readonly Bus[] = [createInProcessBus(createLogger('silent'))],
): Promise<AlertRig> {
  const clock = createVirtualClock(Date.now());
  const [bus] = buses;
  if (bus === undefined) throw bug('a rig has a bus');
  const siteId = newId(clock.now());
  const userId = newId(clock.now());
  const deviceId = newId(clock.now());
  await database.pool.query(
    `INSERT INTO sites (site_id, name, kind, language, time_zone, created_at) VALUES ($1, 'Test', 'lab', 'en', 'UTC', 0)`,
    [siteId],
  );
  // its rules are what the test makes
  await database.pool.query('INSERT INTO alert_defaults (made_for, made_at) VALUES ($1, 0)', [siteId]);
  await database.pool.query(
    `INSERT INTO users (user_id, email, email_key, name, password_hash, created_at)
     VALUES ($1::uuid, $1::text, $1::text, 'Tester', '', 0)`,
    [userId],
  );
  await database.pool.query(
    `INSERT INTO devices (device_id, site_id, name, hardware_id, client_id, proof, state, created_at)
     VALUES ($1::uuid, $2, 'Oven', $1::text, '', 'none', 'active', 0)`,
    [deviceId, siteId],
  );
  let device: Device = {
    deviceId,
    siteId,
    name: 'Oven',
    hardwareId: deviceId,
    serialNumber: null,
    model: null,
    firmwareVersion: null,
    simulated: false,
    proof: 'none',
    assistantId: null,
    state: 'active',
    profile: null,
    tags: [],
    connected: true,
    keepsConnection: true,
    lastSeenAt: clock.now(),
    createdAt: 0,
  };
  const latest = new Map<string, LatestPoint>();
  const config = readSettings(alertsConfig, {
    environment: {},
    flags: ['--startGraceMs', '0', '--serverName', siteId, '--allowedAddresses', '127.0.0.1', ...flags],
  });
  const make = (of = bus): Alerts =>
    createAlerts({
      db: database.for<AlertTables>(),
      clock,
      bus: of,
      log: createLogger('silent'),
      metrics: createMetrics(),
      config,
      dataDir: '/',
      vault: database.vault,
      devices: { list: async () => [device], get: async () => device },
      groupMembers: async () => [],
      latestOf: async () => [...latest.values()],
      publish: async () => undefined,
    });
  let alerts = make();
  const others = buses.slice(1).map((other) => make(other));

  /** Virtual time passes faster than a database answers: real turns are given to it. */
  async function settle(): Promise<void> {
    for (let turn = 0; turn < 4; turn += 1) {
      await database.pool.query('SELECT pg_sleep(0.003)');
      await alerts.settled();
      for (const other of others) await other.settled();
    }
  }

  await alerts.start();
  for (const other of others) await other.start();
  return {
    others,
    get alerts() {
      return alerts;
    },
    clock,
    bus,
    siteId,
    get device() {
      return device;
    },
    userId,
    latest,
    send(series, value, at = clock.now(), server = 0) {
      const receivedAt = clock.now();
      const before = latest.get(series);
      if (before === undefined || before.at <= at) latest.set(series, { series, at, receivedAt, value });
      const kind = typeof value as 'number' | 'string' | 'boolean';
      (buses[server] ?? bus).publish('telemetry.stored', {
        batches: [{ deviceId, siteId, receivedAt, points: [{ series, kind, at, value }] }],
      });
    },
    link(connected, server = 0, keeps = true) {
      device = { ...device, connected, keepsConnection: keeps, lastSeenAt: clock.now() };
      const from = buses[server] ?? bus;
      if (connected) from.publish('device.connected', { deviceId, siteId });
      else from.publish('device.disconnected', { deviceId, siteId, expected: !keeps });
    },
    unheard(change) {
      device = { ...device, ...change };
    },
    async rule(wanted) {
      const { ruleId } = await alerts.rules.create({ siteId, name: wanted.kind, ...wanted });
      await clock.advance(config.tickMs);
      await settle();
      await clock.advance(config.tickMs);
      await settle();
      return ruleId;
    },
    async pass(ms) {
      // in steps, so that what waits for the database is done before much time has passed
      for (let left = ms; left > 0; left -= 60_000) {
        await clock.advance(Math.min(left, 60_000));
        await settle();
      }
      await clock.advance(config.tickMs);
      await settle();
      await clock.advance(config.tickMs);
      await settle();
    },
    async restart(awayMs) {
      await alerts.stop();
      await clock.advance(awayMs);
      device = { ...device, connected: false };
      alerts = make();
      await alerts.start();
    },
    async stop() {
      await alerts.stop();
      for (const other of others) await other.stop();
    },
  };
}
