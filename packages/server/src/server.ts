import type { AddressInfo } from 'node:net';
import { type AboutReply, LIVE_PATH, MusterError, type Site } from '@muster/contract';
import packageJson from '../package.json' with { type: 'json' };
import { accountRoutes, createAccounts, protectRoutes, SESSION_COOKIES } from './accounts/index.ts';
import { alertRoutes, createAlerts, notifierRoutes, ruleRoutes } from './alerts/index.ts';
import { type Config, showConfig } from './config.ts';
import {
  certificateRoutes,
  createCertificates,
  createDevices,
  createGroups,
  createRotationJobs,
  credentialRoutes,
  deviceRoutes,
  groupRoutes,
  profileRoutes,
  rotationJobRoutes,
} from './devices/index.ts';
import { createFleet } from './fleet.ts';
import { DEVICE_SOCKET_PATH } from './gateway/device/index.ts';
import { createLiveGateway } from './gateway/live/index.ts';
import { createXiaozhiGateway, WEBSOCKET_PATH } from './gateway/xiaozhi/index.ts';
import { createLiveInbox } from './live-inbox.ts';
import { openStore } from './open-store.ts';
import {
  createIncidents,
  createReadiness,
  incidentRoutes,
  operationRoutes,
  secretsRoutes,
  securityTxtRoute,
} from './operations/index.ts';
import { type Bus, createInProcessBus, createNatsBus, publishAfterCommit } from './platform/bus/index.ts';
import { type Clock, systemClock } from './platform/clock.ts';
import { createHttp, type Http } from './platform/http/index.ts';
import { refuseOtherUpgrades } from './platform/http/upgrades.ts';
import { createLifecycle, type Lifecycle } from './platform/lifecycle.ts';
import { createLogger, type Logger } from './platform/log.ts';
import { createMailer, serverMailOf } from './platform/mail/index.ts';
import { createMetrics, type Metrics } from './platform/metrics.ts';
import { openVault } from './platform/vault/index.ts';
import { busParts, databasePart, mailParts } from './ready-parts.ts';
import { createSites, siteRoutes } from './sites/index.ts';
import {
  assistantRoutes,
  createAssistants,
  createProviders,
  createRecorder,
  createReminders,
  createSilero,
  createToolbox,
  createVoice,
  type Providers,
  turnRoutes,
  type Vad,
  voiceRoutes,
} from './voice/index.ts';
import { createXiaozhiInbox } from './xiaozhi-inbox.ts';

export { assemble } from './voice/index.ts';

export interface Server {
  /** `http://127.0.0.1:8080`: where it listens. */
  readonly url: string;
  /** While there is no administrator: the link that makes the first one. A new start voids it. */
  readonly setupLink: string | null;
  /** Where MQTT is listened for: `127.0.0.1:1883`; null when it is switched off. */
  readonly mqtt: { readonly port: number | null; readonly tlsPort: number | null };
  /** Resolves when every part is ready, models warm; rejects when one never will be. */
  readonly ready: Promise<void>;
  /** For the documentation: the OpenAPI document. */
  openapi(): unknown;
  /** Lets conversations finish their turn, closes sockets, stores what is on its way, stops the database last. */
  stop(): Promise<void>;
}

/** Parts that a caller may bring instead of those of the configuration. */
export interface ServerParts {
  readonly log?: Logger;
  readonly clock?: Clock;
  readonly vad?: Vad;
  readonly providers?: Providers;
  /** What is for the eyes of whoever runs the server: links that nobody else may have. Default: standard output. */
  readonly print?: (line: string) => void;
}

const DRAIN_MS = 8_000;

/** The composition root: makes every feature and joins them. Starts what was started in reverse when a part fails. */
export async function startServer(config: Config, parts: ServerParts = {}): Promise<Server> {
  const log = parts.log ?? createLogger(config.log.level);
  const clock = parts.clock ?? systemClock;
  const lifecycle = createLifecycle(clock, log);
  try {
    return await compose(config, parts, log, clock, lifecycle);
  } catch (error) {
    await lifecycle.stop();
    throw error;
  }
}

async function compose(
  config: Config,
  parts: ServerParts,
  log: Logger,
  clock: Clock,
  lifecycle: Lifecycle,
): Promise<Server> {
  const metrics = createMetrics();
  const bus = await openBus(config, { clock, log, metrics });
  lifecycle.onStop('bus', 3_000, () => bus.close());

  // models load while the database starts: together they are the time to ready
  const vad = parts.vad ?? createSilero({ log, clock });
  const providers = parts.providers ?? (await createProviders(config.voice, { log, clock }));
  lifecycle.onStop('voice', 5_000, async () => {
    await Promise.all([vad.close(), providers.close()]);
  });
  const warmed = Promise.all([vad.warm(), providers.warm()]);
  // it is awaited below; until then a failure must not count as nobody's
  warmed.catch(() => undefined);

  const database = await openStore(config, log, lifecycle);
  const vault = await openVault({
    pool: database.pool,
    dataDir: config.dataDir,
    config: config.secrets,
    log,
    isShared: config.database.url !== undefined,
  });
  lifecycle.onStop('vault', 5_000, () => vault.stop());
  const mailer = createMailer(config.mail, { clock, log, metrics });
  lifecycle.onStop('mail', 1_000, () => mailer.stop());
  let address = '';
  const accounts = await createAccounts({
    database,
    clock,
    log,
    bus,
    vault,
    mailer,
    config: config.accounts,
    dataDir: config.dataDir,
    base: () => config.http.publicUrl?.replace(/\/$/, '') ?? address,
    print: parts.print ?? console.log,
    siteOf: (siteId) => sites.get(siteId),
  });
  lifecycle.onStop('audit', 5_000, () => accounts.sealer.stop());
  const assistants = createAssistants({ db: database.for(), clock, bus, providers: providers.names() });
  const sites = createSites({
    db: database.for(),
    clock,
    bus,
    addOwner: (siteId, userId) => accounts.users.addOwner(siteId, userId),
    afterCreate: async (site) => {
      await assistants.create(site, { name: 'Muster' });
      await alerts.siteCreated(site.siteId);
    },
  });
  const devices = createDevices({ db: database.for(), clock, bus, log, vault, config: config.devices });
  await devices.start();
  lifecycle.onStop('presence', 3_000, () => devices.stop());
  const certificates = createCertificates({
    db: database.for(),
    clock,
    log,
    bus,
    audit: accounts.audit,
    checkProfile: (name) => devices.checkProfile(name),
    admit: (siteId, wanted) => devices.admit(siteId, wanted),
    isConnected: (deviceId) => devices.links.of(deviceId).length > 0,
    disconnect: (deviceId) => fleet.disconnect(deviceId),
  });
  const groups = createGroups({ db: database.for(), clock, devices });
  const rotationJobs = createRotationJobs({
    pool: database.pool,
    clock,
    bus,
    log,
    rotations: devices.credentials,
  });
  const recorder = createRecorder({ db: database.for(), clock, log, metrics, keepDays: config.voice.turn.keepDays });
  lifecycle.onStop('recorder', 5_000, () => recorder.stop());
  const reminders = createReminders({ db: database.for(), clock, log, ring: (reminder) => voice.ring(reminder) });
  bus.subscribe('device.connected', ({ deviceId }) => {
    if (devices.links.of(deviceId).some(({ transport }) => transport === 'xiaozhi'))
      reminders.deviceConnected(deviceId);
  });
  bus.subscribe('device.disconnected', ({ deviceId }) => reminders.deviceGone(deviceId));
  const voice = createVoice({
    config: config.voice.turn,
    clock,
    log,
    metrics,
    bus,
    vad,
    providers,
    assistants,
    recorder,
    toolbox: createToolbox({
      reminders,
      clock,
      commands: {
        dispatch: (request) => fleet.commands.dispatch(request),
        wait: (commandId, ms, signal) => fleet.commands.wait(commandId, ms, signal),
        cancel: (commandId) => fleet.commands.cancel(commandId),
      },
    }),
    siteOf: (siteId) => sites.get(siteId),
    assistantOf: async (deviceId) => (await devices.get(deviceId)).assistantId,
    siteOfDevice: async (deviceId) => (await devices.get(deviceId)).siteId,
    takesMessages: (deviceId) => gateway.isIdle(deviceId),
    leaveMessage: (deviceId, message) => gateway.notify(deviceId, message),
  });

  const http = await createHttp(config.http, log, metrics, packageJson.version);
  lifecycle.onStop('http', 5_000, () => http.close());
  const siteOf = (siteId: string): Promise<Site> => sites.get(siteId);
  const gateway = createXiaozhiGateway({
    log,
    clock,
    config: config.xiaozhi,
    publicUrl: config.http.publicUrl ?? null,
    registry: metrics.registry,
    httpHost: config.http.host,
    mqttPort: () => fleet.mqtt.ports().plain ?? config.mqtt.port,
    inbox: createXiaozhiInbox({
      devices,
      voice,
      siteOf,
      log,
      refused: (device, code) => fleet.refused(device, code),
      hangUp: (device, code) => gateway.hangUp(device, code),
      commands: {
        reply: (device, reply) => fleet.commands.reply(device, reply),
        deviceReady: (link) => fleet.commands.deviceReady(link),
      },
    }),
  });
  bus.subscribe('device.revoked', ({ deviceId, code }) => gateway.closeDevice(deviceId, code ?? 'DEVICE_REVOKED'));

  const fleet = await createFleet({
    config,
    clock,
    log,
    bus,
    metrics,
    database,
    lifecycle,
    sites,
    devices,
    groups,
    certificates,
    apiKeys: accounts.apiKeys,
    audit: accounts.audit,
    xiaozhi: gateway,
  });

  const incidents = createIncidents({ db: database.for(), clock, metrics });
  const alerts = createAlerts({
    db: database.for(),
    clock,
    log,
    bus,
    metrics,
    vault,
    config: config.alerts,
    serverMail: serverMailOf(config.mail),
    dataDir: config.dataDir,
    devices,
    groupMembers: (groupId, page) => groups.members(groupId, page),
    latestOf: (deviceId) => fleet.telemetry.latest(deviceId),
    certificateEnds: () => certificates.ends(),
    moreMeasures: () => incidents.measures(),
    publish: (to, rest, payload) => fleet.mqtt.publish(to, rest, Buffer.from(payload), 1),
  });

  const live = createLiveGateway({
    clock,
    log,
    bus,
    metrics,
    config: config.live,
    inbox: createLiveInbox({
      clock,
      sessions: accounts.sessions,
      sites,
      devices,
      twins: fleet.twins,
      telemetry: fleet.telemetry,
      commands: fleet.commands,
      alerts,
    }),
    cookieNames: SESSION_COOKIES,
    publicUrl: config.http.publicUrl ?? null,
  });

  const readiness = createReadiness(clock, [
    databasePart(database),
    ...busParts(bus),
    ...mailParts(mailer),
    ...fleet.parts,
    ...voice.parts(),
  ]);
  protectRoutes(http, { ...accounts, clock });
  accountRoutes(http, accounts, {
    now: () => clock.now(),
    publicUrl: config.http.publicUrl ?? null,
    afterSetup: async (userId, name) => void (await sites.create({ name }, userId)),
  });
  siteRoutes(http, sites);
  assistantRoutes(http, assistants, siteOf);
  const onlySite = async (only: readonly string[] | null): Promise<string | null> => {
    const [first, second] = await sites.list(only);
    return first !== undefined && second === undefined ? first.siteId : null;
  };
  deviceRoutes(http, devices, {
    siteOfAssistant: async (assistantId) => (await assistants.get(assistantId)).siteId,
    onlySite,
    group: (groupId) => groups.get(groupId),
  });
  certificateRoutes(http, certificates, { onlySite, deviceOf: (deviceId) => devices.get(deviceId) });
  credentialRoutes(http, devices.credentials, {
    deviceOf: (deviceId) => devices.get(deviceId),
    certificatesOf: ({ deviceId, siteId }) => certificates.list({ sites: [siteId], deviceId, limit: 100 }),
    now: () => clock.now(),
  });
  profileRoutes(http);
  groupRoutes(http, groups, onlySite);
  rotationJobRoutes(http, rotationJobs, {
    onlySite,
    group: (groupId) => groups.get(groupId),
    all: (filter) => devices.all(filter),
    graceMs: config.devices.rotationGraceDays * 86_400_000,
  });
  fleet.routes(http);
  ruleRoutes(http, alerts.rules);
  notifierRoutes(http, alerts.channels);
  alertRoutes(http, alerts, {
    deviceOf: (deviceId) => devices.get(deviceId),
    isMember: (siteId, userId) => accounts.users.isMember(siteId, userId),
  });
  turnRoutes(http, recorder, (deviceId) => devices.get(deviceId));
  voiceRoutes(http, providers, { deviceOf: (deviceId) => devices.get(deviceId), say: voice.say });
  incidentRoutes(http, incidents);
  securityTxtRoute(http, { config: config.security, publicUrl: config.http.publicUrl ?? null, clock, log });
  secretsRoutes(http, { rotation: vault.rotation, audit: accounts.audit });
  operationRoutes(http, {
    readiness,
    metrics,
    version: packageJson.version,
    config: () => showConfig(config),
    about: () => ({
      serverAt: clock.now(),
      simulatedAllowed: config.devices.allowSimulated,
      mqtt: whereMqttIs(config, fleet.mqtt.ports()),
    }),
  });
  gateway.register(http);
  live.register(http);
  refuseOtherUpgrades(http, [WEBSOCKET_PATH, DEVICE_SOCKET_PATH, LIVE_PATH]);

  await vault.start();
  accounts.sealer.start();
  await gateway.listen();
  await alerts.start();
  lifecycle.onStop('alerts', 10_000, () => alerts.stop());
  live.start();
  lifecycle.onStop('live feed', 3_000, () => live.drain());
  const url = await listen(http, config);
  address = url;
  // last: a fleet that waits for its server comes back in this moment, and what is not open by then waits behind it
  await fleet.start();
  certificates.start();
  rotationJobs.start();
  lifecycle.onStop('rotation jobs', 3_000, () => rotationJobs.stop());
  lifecycle.onStop('certificates', 3_000, () => certificates.stop());
  lifecycle.onStop('devices', DRAIN_MS, () => gateway.drain(DRAIN_MS - 1_000));
  recorder.start();
  reminders.start();
  lifecycle.onStop('reminders', 2_000, () => reminders.stop());
  readiness.start();
  lifecycle.onStop('readiness', 1_000, () => readiness.stop());
  const token = await accounts.users.setupToken();

  return {
    url,
    setupLink: token === null ? null : `${config.http.publicUrl?.replace(/\/$/, '') ?? url}/setup?token=${token}`,
    mqtt: { port: fleet.mqtt.ports().plain, tlsPort: fleet.mqtt.ports().tls },
    ready: Promise.all([warmed, voice.prepareLines()]).then(() => readiness.look()),
    openapi: () => http.swagger(),
    stop: () => lifecycle.stop(),
  };
}

async function openBus(
  { bus }: Config,
  deps: { readonly clock: Clock; readonly log: Logger; readonly metrics: Metrics },
): Promise<Bus> {
  const { url } = bus;
  const found =
    url === undefined ? createInProcessBus(deps.log) : await createNatsBus({ ...deps, config: { ...bus, url } });
  return publishAfterCommit(found);
}

/** Our own ports, or the broker of others without its password. */
function whereMqttIs(
  { mqtt }: Config,
  { plain, tls }: { readonly plain: number | null; readonly tls: number | null },
): AboutReply['mqtt'] {
  if (mqtt.brokerUrl === undefined)
    return plain === null && tls === null ? null : { host: null, port: plain, tlsPort: tls };
  const { protocol, hostname, port } = new URL(mqtt.brokerUrl);
  if (protocol === 'mqtts:') return { host: hostname, port: null, tlsPort: Number(port || 8_883) };
  return { host: hostname, port: Number(port || 1_883), tlsPort: null };
}

async function listen(http: Http, config: Config): Promise<string> {
  const { host, port } = config.http;
  try {
    await http.listen({ host, port });
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND' || code === 'EACCES') {
      const say = `Cannot listen on ${host}:${port} (${code}). Use 127.0.0.1 for this machine only, or 0.0.0.0 for all its addresses.`;
      throw new MusterError('CONFIG_INVALID', { host, port }, { cause, say });
    }
    if (code !== 'EADDRINUSE') throw cause;
    const say = `Another program listens on ${host}:${port}. Stop it, or start with --http.port and another number.`;
    throw new MusterError('PORT_IN_USE', { host, port }, { cause, say });
  }
  const { port: taken } = http.server.address() as AddressInfo;
  const name = host === '0.0.0.0' || host === '::' ? 'localhost' : host.includes(':') ? `[${host}]` : host;
  return `${config.http.tlsCert === undefined ? 'http' : 'https'}://${name}:${taken}`;
}
