import { hostname } from 'node:os';
import type {
  Alert,
  AlertDetail,
  Device,
  DeviceHealth,
  Maintenance,
  MaintenanceCreate,
  Notification,
} from '@muster/contract';
import { MusterError } from '@muster/contract';
import type { Kysely } from 'kysely';
import type { Bus } from '../platform/bus/index.ts';
import type { Clock } from '../platform/clock.ts';
import { newId } from '../platform/ids.ts';
import type { Logger } from '../platform/log.ts';
import type { ServerMail } from '../platform/mail/index.ts';
import type { Metrics } from '../platform/metrics.ts';
import type { Vault } from '../platform/vault/index.ts';
import type { AlertsConfig } from './config.ts';
import { type CertificateEnd, createEngine, type EngineDeps, type ServerMeasures } from './engine/engine.ts';
import { createStateStore } from './engine/store.ts';
import { createEpisodes, type Episodes } from './episodes/episodes.ts';
import { createEpisodeStore } from './episodes/store.ts';
import { createHealth } from './health/health.ts';
import { createMeasures } from './measures/measures.ts';
import type { Notifier, Outlets } from './notifiers/define.ts';
import { notifiers } from './notifiers/index.gen.ts';
import { type Channels, createChannels } from './outbox/channels.ts';
import { createOutbox } from './outbox/outbox.ts';
import { createOutlets } from './outbox/outlets.ts';
import { createOutboxStore } from './outbox/store.ts';
import { createRuleBook, type RuleBook } from './rulebook/rulebook.ts';
import { createRuleStore } from './rulebook/store.ts';
import type { AlertTables, MaintenanceRow } from './tables.ts';

export interface AlertsDeps extends Pick<EngineDeps, 'devices' | 'groupMembers' | 'latestOf'> {
  readonly db: Kysely<AlertTables>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly vault: Pick<Vault, 'column'>;
  readonly bus: Bus;
  readonly metrics: Metrics;
  readonly config: AlertsConfig;
  /** Where the data of the server lie: its disk is watched. */
  readonly dataDir: string;
  /** When the certificates of devices end. */
  readonly certificateEnds?: () => Promise<readonly CertificateEnd[]>;
  /** What else the server is measured by: series and value. */
  readonly moreMeasures?: () => Promise<ServerMeasures>;
  /** The mail server of the deployment; none by default. */
  readonly serverMail?: ServerMail | null;
  /** Publishes to MQTT clients with QoS 1, on `devices/{deviceId}/{rest}`. */
  readonly publish: Outlets['publish'];
}

export interface Alerts extends Pick<Episodes, 'list' | 'acknowledge' | 'assign' | 'comment' | 'snooze'> {
  readonly rules: RuleBook;
  readonly channels: Channels;
  /** NOT_FOUND */
  get(alertId: string): Promise<AlertDetail>;
  notificationsOf(alert: Alert): Promise<Notification[]>;
  windows(siteId: string): Promise<Maintenance[]>;
  window(maintenanceId: string): Promise<Maintenance>;
  /** REQUEST_INVALID for one that ends before it begins, has ended, or lasts longer than 90 days. */
  addWindow(window: MaintenanceCreate, userId: string | null): Promise<Maintenance>;
  /** NOT_FOUND. What it kept quiet is told within seconds. */
  deleteWindow(maintenanceId: string): Promise<void>;
  healthOf(device: Device): Promise<DeviceHealth>;
  /** Gives a new site its first rules. */
  siteCreated(siteId: string): Promise<void>;
  /** Begins to watch; resolves when every device is watched. Devices and telemetry must be there. */
  start(): Promise<void>;
  /** Writes what the rules must remember. Notifications under way are cut off and sent after the next start. */
  stop(): Promise<void>;
  /** Resolves when what the rules found is written and what was due is sent or failed. */
  settled(): Promise<void>;
}

/** How often the server measures itself, ms. */
const MEASURE_MS = 5_000;
/** How often it is asked when certificates end; sooner when one of them changed, ms. */
const CERTIFICATES_MS = 600_000;
/** How often closed alerts that are old are looked for, ms. */
const PRUNE_MS = 3_600_000;
const DAY_MS = 86_400_000;
/** Longest maintenance window, ms: a forgotten one must not keep a site quiet for ever. */
const LONGEST_WINDOW_MS = 90 * DAY_MS;

export function createAlerts(deps: AlertsDeps): Alerts {
  const { db, clock, log, bus, metrics, config } = deps;
  const kinds: ReadonlyMap<string, Notifier> = new Map(notifiers.map((notifier) => [notifier.kind, notifier]));
  const episodeStore = createEpisodeStore(db);
  const outboxStore = createOutboxStore(db);
  const ruleStore = createRuleStore(db);
  const seal = deps.vault.column({
    table: 'notifiers',
    column: 'sealed_secrets',
    key: ['notifier_id'],
    plain: 'plain_secrets',
  });
  const serverName = `server:${config.serverName ?? hostname()}`;

  const outbox = createOutbox({
    store: outboxStore,
    clock,
    log,
    metrics,
    config,
    kinds,
    outlets: createOutlets(config, clock, deps.publish, deps.serverMail),
    seal,
    nameOf: async ({ alert }) =>
      alert.deviceId === null ? alert.subject : (await deps.devices.get(alert.deviceId)).name,
  });
  const episodes = createEpisodes({ store: episodeStore, clock, bus, metrics, onMail: () => outbox.wake() });
  const channels = createChannels({ store: outboxStore, clock, kinds, outbox, seal });
  const engine = createEngine({
    ...deps,
    rules: ruleStore,
    states: createStateStore(db),
    serverName,
    report: (verdict) => episodes.report(verdict),
  });
  const rules = createRuleBook({
    store: ruleStore,
    clock,
    checkNotifiers: (siteId, ids) => channels.check(siteId, ids),
    onChange: () => engine.rulesChanged(),
    onGone: (ruleId, why) => episodes.closeOfRule(ruleId, why),
  });
  const health = createHealth({ ...deps, severitiesOf: (deviceId) => episodes.severitiesOf(deviceId) });
  const measure = createMeasures({ registry: metrics.registry, db, dataDir: deps.dataDir });

  let stopped = false;
  let forget = (): void => undefined;
  const loops: { cancel: () => void; running: Promise<void> }[] = [];

  /** Runs `task` every `ms`, one at a time, until the stop. */
  function every(ms: number, what: string, task: () => Promise<unknown>): void {
    const loop = { cancel: (): void => undefined, running: Promise.resolve() };
    loops.push(loop);
    const plan = (): void => {
      if (stopped) return;
      loop.cancel = clock.after(ms, () => {
        loop.running = task()
          .then(() => undefined)
          .catch((error: unknown) => log.warn({ err: error, what }, 'alerts could not be looked after; trying again'))
          .finally(plan);
      });
    };
    plan();
  }

  let certificatesAt = Number.NEGATIVE_INFINITY;
  async function lookAtCertificates(): Promise<void> {
    const now = clock.monotonic();
    if (deps.certificateEnds === undefined || now - certificatesAt < CERTIFICATES_MS) return;
    certificatesAt = now;
    try {
      engine.certificates(await deps.certificateEnds());
    } catch (error) {
      certificatesAt = Number.NEGATIVE_INFINITY;
      throw error;
    }
  }

  async function prune(): Promise<void> {
    const before = clock.now() - config.keepDays * DAY_MS;
    while (!stopped && (await episodeStore.prune(before)))
      log.debug({ before }, 'old alerts were removed; there are more');
  }

  async function findWindow(maintenanceId: string): Promise<MaintenanceRow> {
    const row = await episodeStore.findWindow(maintenanceId);
    if (row === undefined) throw new MusterError('NOT_FOUND', { maintenanceId });
    return row;
  }

  return {
    rules,
    channels,
    get: (alertId) => episodes.detail(alertId),
    notificationsOf: ({ alertId }) => outbox.ofAlert(alertId),
    list: (query) => episodes.list(query),
    acknowledge: (alertId, userId, comment) => episodes.acknowledge(alertId, userId, comment),
    assign: (alertId, userId, to) => episodes.assign(alertId, userId, to),
    comment: (alertId, userId, comment) => episodes.comment(alertId, userId, comment),
    snooze: (alertId, userId, until) => episodes.snooze(alertId, userId, until),
    healthOf: (device) => health.of(device),
    siteCreated: (siteId) => rules.makeDefaults(siteId),

    windows: async (siteId) => (await episodeStore.windows(siteId, clock.now())).map(toWindow),
    window: async (maintenanceId) => toWindow(await findWindow(maintenanceId)),
    async addWindow({ siteId, deviceId, beginsAt, endsAt, reason }, userId) {
      if (endsAt <= beginsAt || endsAt <= clock.now() || endsAt - beginsAt > LONGEST_WINDOW_MS) {
        const say = 'A window ends after it begins, has not ended yet, and lasts 90 days at most.';
        throw new MusterError('REQUEST_INVALID', {}, { say });
      }
      const row: MaintenanceRow = {
        maintenance_id: newId(clock.now()),
        site_id: siteId,
        device_id: deviceId ?? null,
        begins_at: beginsAt,
        ends_at: endsAt,
        reason: reason ?? '',
        created_by: userId,
      };
      await episodeStore.addWindow(row);
      return toWindow(row);
    },
    deleteWindow: async (maintenanceId) => episodeStore.deleteWindow(await findWindow(maintenanceId), clock.now()),

    async start() {
      await rules.makeDefaults(null);
      for (const siteId of await ruleStore.sitesWithoutDefaults()) await rules.makeDefaults(siteId);
      await engine.start();
      every(config.tickMs, 'episodes', async () => {
        await episodes.sweep();
        outbox.wake();
      });
      forget = bus.subscribe('certificates.changed', () => {
        certificatesAt = Number.NEGATIVE_INFINITY;
      });
      every(MEASURE_MS, 'certificates', lookAtCertificates);
      every(PRUNE_MS, 'old alerts', prune);
      every(MEASURE_MS, 'measures', async () =>
        engine.measured({ ...(await measure()), ...(await deps.moreMeasures?.()) }),
      );
      outbox.wake();
    },

    async stop() {
      stopped = true;
      forget();
      for (const loop of loops) loop.cancel();
      await Promise.allSettled(loops.map(({ running }) => running));
      await engine.stop();
      health.stop();
      await outbox.stop();
    },

    async settled() {
      await engine.settled();
      await outbox.settled();
    },
  };
}

function toWindow(row: MaintenanceRow): Maintenance {
  return {
    maintenanceId: row.maintenance_id,
    siteId: row.site_id,
    deviceId: row.device_id,
    beginsAt: row.begins_at,
    endsAt: row.ends_at,
    reason: row.reason,
    createdBy: row.created_by,
  };
}
