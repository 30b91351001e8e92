import { readFile } from 'node:fs/promises';
import { codeOf, type ErrorCode, FACTORY_RESET, MusterError } from '@muster/contract';
import type { ApiKeys, Audit } from './accounts/index.ts';
import { type Commands, commandRoutes, createCommands, runRoutes } from './commands/index.ts';
import type { Config } from './config.ts';
import { createDeviceInbox } from './device-inbox.ts';
import {
  type Certificates,
  createDecommissions,
  createTwins,
  type Devices,
  decommissionRoutes,
  type Groups,
  type Twins,
  twinRoutes,
} from './devices/index.ts';
import {
  createDeviceApi,
  createDeviceSockets,
  createTokens,
  type DeviceInbox,
  deviceApiRoutes,
  type KnownDevice,
} from './gateway/device/index.ts';
import { createMqttGateway, type MqttGateway } from './gateway/mqtt/index.ts';
import type { XiaozhiGateway } from './gateway/xiaozhi/index.ts';
import { createMqttInbox } from './mqtt-inbox.ts';
import type { Part } from './operations/index.ts';
import type { Bus } from './platform/bus/index.ts';
import { createClientRates } from './platform/client-rate.ts';
import type { Clock } from './platform/clock.ts';
import type { OpenDatabase } from './platform/db/index.ts';
import type { Http } from './platform/http/index.ts';
import type { Lifecycle } from './platform/lifecycle.ts';
import type { Logger } from './platform/log.ts';
import type { Metrics } from './platform/metrics.ts';
import { type CertificateProxy, createCertificateReader } from './platform/tls/proxy-header.ts';
import { commandNamesOf, rulesOf, unitsOf } from './profile-rules.ts';
import type { Sites } from './sites/index.ts';
import { createTelemetry, type Telemetry, telemetryRoutes, transferRoutes } from './telemetry/index.ts';

/** What every kind of device has: measurements, a twin, commands, and the wires of the device API. */
export interface Fleet {
  readonly telemetry: Telemetry;
  readonly twins: Twins;
  readonly commands: Commands;
  readonly mqtt: MqttGateway;
  readonly parts: readonly Part[];
  /** What a device sent over a wire that is not the device API was refused: counted, and told to the alerts. */
  readonly refused: DeviceInbox['refused'];
  /** Closes every connection of a device to this server, and forgets what is known of its credentials. */
  disconnect(deviceId: string, code?: ErrorCode): void;
  routes(http: Http): void;
  /** Opens the ports and starts the work in the background; stopped by the lifecycle. Call it after the routes. */
  start(): Promise<void>;
}

const DRAIN_MS = 5_000;
const LOOPBACK = ['127.0.0.1', '::1'];
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The part of the composition root that joins the features of a fleet. */
export async function createFleet(deps: {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Logger;
  readonly bus: Bus;
  readonly metrics: Metrics;
  readonly database: OpenDatabase;
  readonly lifecycle: Lifecycle;
  readonly sites: Sites;
  readonly devices: Devices;
  readonly groups: Groups;
  readonly certificates: Certificates;
  readonly apiKeys: ApiKeys;
  readonly audit: Audit;
  readonly xiaozhi: Pick<XiaozhiGateway, 'openChannel'>;
}): Promise<Fleet> {
  const { config, clock, log, bus, metrics, database, lifecycle, sites, devices } = deps;
  const { pool } = database;
  const deviceOf = (deviceId: string) => devices.get(deviceId);
  const twins = createTwins({ db: database.for(), clock, bus, log, links: devices.links });
  const telemetry = await createTelemetry({
    pool,
    clock,
    log,
    bus,
    metrics,
    config: config.telemetry,
    unitsOf: async (deviceId) => unitsOf((await devices.get(deviceId)).profile),
    keepDaysOf: async (siteId) => (await sites.get(siteId)).telemetryKeepDays,
  });
  lifecycle.onStop('telemetry', 15_000, () => telemetry.stop());
  const commands = createCommands({
    pool,
    clock,
    log,
    bus,
    metrics,
    config: config.commands,
    links: devices.links,
    audit: deps.audit,
    rulesOf: async (deviceId, name) => {
      const { state, profile } = await devices.get(deviceId);
      if (state === 'revoked') throw new MusterError('CONFLICT', { deviceId }, { say: 'The device is revoked.' });
      const rules = rulesOf(profile, name);
      // a tool that the device lists itself needs no profile to say so
      const isTool = devices.links.of(deviceId).some((link) => link.transport === 'xiaozhi' && link.takes(name));
      if (rules !== null) return rules;
      if (isTool) return undefined;
      const say = `A device with the profile ${profile} has no command ${name}; it has ${commandNamesOf(profile).join(', ')}.`;
      throw new MusterError('COMMAND_UNKNOWN', { deviceId, name }, { say });
    },
  });
  lifecycle.onStop('commands', 5_000, () => commands.stop());
  const decommissions = createDecommissions({
    pool,
    clock,
    bus,
    log,
    resets: {
      send: async ({ deviceId, siteId }, deadlineMs) => {
        const reset = { deviceId, siteId, name: FACTORY_RESET, args: {}, deadlineMs, sentBy: 'decommission' };
        // whatever its profile lists: a device that does not know it says so
        const rules = { commandClass: 'act', deadlineMs: null, check: () => [] } as const;
        return (await commands.dispatch({ ...reset, rules })).command.commandId;
      },
      statesOf: (commandIds) => commands.getAll(commandIds),
    },
  });
  const inbox = createDeviceInbox({
    clock,
    log,
    bus,
    metrics,
    devices,
    certificates: deps.certificates,
    simulatedAllowed: config.devices.allowSimulated,
    twins,
    telemetry,
    commands,
  });
  const certificateOf = createCertificateReader(proxyOf(config));
  const api = createDeviceApi(inbox, clock);
  /** Ids that topics name may be anything. */
  const knownDevice = async (deviceId: string): Promise<KnownDevice | null> => {
    if (!UUID.test(deviceId)) return null;
    try {
      const { siteId, name, profile, simulated, state } = await devices.get(deviceId);
      return state === 'active' ? { deviceId, siteId, name, profile, simulated } : null;
    } catch (error) {
      if (codeOf(error) === 'NOT_FOUND') return null;
      throw error;
    }
  };
  const rates = createClientRates(clock, config.mqtt.messagesPerSecond, config.mqtt.bytesPerSecond);
  const mqtt = createMqttGateway({
    log,
    clock,
    metrics,
    pool,
    config: config.mqtt,
    inbox: createMqttInbox({ api, inbox, apiKeys: deps.apiKeys, xiaozhi: deps.xiaozhi, deviceOf: knownDevice }),
    rates,
    tls: await tlsOf(config),
    httpHost: config.http.host,
  });
  const tokens = createTokens(inbox, clock);
  const disconnect = (deviceId: string, code: ErrorCode = 'DEVICE_REVOKED'): void => {
    mqtt.closeDevice(deviceId, code);
    tokens.forget(deviceId);
    for (const link of devices.links.of(deviceId)) link.close(code);
  };
  bus.subscribe('device.revoked', ({ deviceId, code }) => disconnect(deviceId, code));
  bus.subscribe('device.changed', ({ deviceId }) => tokens.forget(deviceId));
  const socketsClosed = metrics.counter('muster_device_sockets_closed_total', 'Those that the server closed, by code', [
    'code',
  ]);
  const onClosed = (code: ErrorCode): void => socketsClosed.inc({ code });
  const sockets = createDeviceSockets({ api, inbox, tokens, rates, clock, log, certificateOf, onClosed });
  metrics.gauge('muster_device_sockets', 'WebSockets of the device API open now', () => sockets.count());
  bus.subscribe('apiKey.removed', ({ keyId }) => mqtt.closeKey(keyId));

  return {
    telemetry,
    twins,
    commands,
    mqtt,
    parts: [telemetryPart(telemetry)],
    refused: inbox.refused,
    disconnect,
    routes(http) {
      twinRoutes(http, twins, deviceOf);
      decommissionRoutes(http, decommissions, deviceOf);
      telemetryRoutes(http, telemetry, deviceOf);
      transferRoutes(http, {
        telemetry,
        clock,
        audit: deps.audit,
        deviceOf,
        devicesOf: (siteId) => devicesOf(devices, siteId),
      });
      commandRoutes(http, commands, deviceOf);
      runRoutes(http, commands.runs, deps.groups);
      deviceApiRoutes(http, { api, inbox, tokens, rates, clock, certificateOf });
      sockets.register(http);
    },
    async start() {
      telemetry.start();
      commands.start();
      devices.credentials.start({
        tokens: (ended) => tokens.forgetTokens(new Set(ended.map(({ hash }) => hash))),
        device: ({ deviceId, code }) => disconnect(deviceId, code),
      });
      lifecycle.onStop('credentials', 3_000, () => devices.credentials.stop());
      decommissions.start();
      lifecycle.onStop('decommissions', 5_000, () => decommissions.stop());
      await mqtt.listen();
      lifecycle.onStop('device sockets', 1_000, () => sockets.close());
      lifecycle.onStop('mqtt', DRAIN_MS, () => mqtt.drain(DRAIN_MS - 1_000));
    },
  };
}

/** Ids of the devices of a site. */
async function* devicesOf(devices: Devices, siteId: string): AsyncIterable<string> {
  for await (const { deviceId } of devices.all({ sites: [siteId] })) yield deviceId;
}

/** Null: no proxy ends the TLS of devices, or none that says what they show. */
function proxyOf({ http }: Config): CertificateProxy | null {
  if (http.certificateHeader === undefined) return null;
  if (!http.behindProxy) {
    const say = 'http.certificateHeader is what a proxy sends: set http.behindProxy too, or leave it out.';
    throw new MusterError('CONFIG_INVALID', {}, { say });
  }
  return { header: http.certificateHeader, addresses: http.certificateProxies ?? LOOPBACK };
}

async function tlsOf({ http }: Config): Promise<{ readonly cert: Buffer; readonly key: Buffer } | null> {
  if (http.tlsCert === undefined || http.tlsKey === undefined) return null;
  return { cert: await readFile(http.tlsCert), key: await readFile(http.tlsKey) };
}

/** Points that cannot be stored are refused, and devices keep them: that is worse than slow, and not the end. */
function telemetryPart(telemetry: Telemetry): Part {
  return {
    name: 'telemetry',
    async check() {
      const { waiting, failure } = telemetry.state();
      if (failure !== null) return { state: 'degraded', detail: `the last batch was not stored: ${failure}` };
      return { state: 'ready', detail: `${waiting} points wait to be stored` };
    },
  };
}
