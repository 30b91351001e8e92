import { type CommandReply, codeOf, type Device, ERROR_CODES, type ErrorCode } from '@muster/contract';
import type { Certificates, DeviceLink, Devices, Twins } from './devices/index.ts';
import type { DeviceInbox, KnownDevice } from './gateway/device/index.ts';
import type { Bus } from './platform/bus/index.ts';
import type { Clock } from './platform/clock.ts';
import { translateDatabaseError } from './platform/db/index.ts';
import type { Logger } from './platform/log.ts';
import type { Metrics } from './platform/metrics.ts';
import type { Telemetry } from './telemetry/index.ts';

/** Refusals of one device and code are told together, at most so often, ms. */
const REFUSALS_MS = 1_000;
/** Devices and codes that are counted at a time; a flood of them is told when it is over. */
const MOST_REFUSALS = 10_000;
/** The same may succeed later, and yet it is the device that is at fault: it is past its limit. */
const PAST_LIMIT: ReadonlySet<ErrorCode> = new Set(['RATE_LIMITED', 'MESSAGE_RATE', 'QUOTA_EXCEEDED']);

/** Joins the device API, whatever the wire, to the features that answer it. */
export function createDeviceInbox(deps: {
  readonly clock: Clock;
  readonly log: Logger;
  readonly bus: Bus;
  readonly metrics: Metrics;
  readonly devices: Devices;
  readonly certificates: Pick<Certificates, 'identify'>;
  /** Whether devices may come in that say they are simulated. */
  readonly simulatedAllowed: boolean;
  readonly twins: Twins;
  readonly telemetry: Telemetry;
  readonly commands: {
    reply(device: KnownDevice, reply: CommandReply): Promise<void>;
    /** A connection began: what waits for the device goes out on it. */
    deviceReady(link: DeviceLink): void;
  };
}): DeviceInbox {
  const { clock, log, bus, devices, twins, telemetry, commands } = deps;
  const refusedTotal = deps.metrics.counter('muster_device_refused_total', 'What devices sent and was refused', [
    'code',
  ]);
  const refusals = new Map<
    string,
    { readonly device: Parameters<DeviceInbox['refused']>[0]; readonly code: ErrorCode; count: number }
  >();

  function tellRefusals(): void {
    const told = [...refusals.values()];
    refusals.clear();
    for (const { device, code, count } of told) {
      const { deviceId, siteId } = device;
      log.info({ deviceId, code, count }, 'messages of a device were refused');
      bus.publish('device.refused', { deviceId, siteId, code, count });
    }
  }

  async function sendDelta(link: DeviceLink): Promise<void> {
    const delta = await twins.delta(link.deviceId);
    if (delta !== null) link.twinDelta(delta);
  }

  return {
    async authenticate(token, deviceId) {
      const device = await told(devices.authenticate(token, null));
      if (device === null || (deviceId !== null && device.deviceId !== deviceId)) return null;
      return { ...toKnown(device), credential: device.credential };
    },
    async identify(certificate) {
      const deviceId = await told(deps.certificates.identify(certificate));
      if (deviceId === null) return null;
      await told(devices.checkQuarantine(deviceId));
      const device = await told(devices.get(deviceId));
      return device.simulated && !deps.simulatedAllowed ? null : toKnown(device);
    },
    heard: ({ deviceId }) => devices.heard(deviceId),
    telemetry: (device, message) => told(telemetry.ingest(device, message)),
    event: (device, message) => told(telemetry.ingestEvent(device, message)),
    twin: (device) => told(twins.read(device.deviceId)),
    reportTwin: (device, { reported }) => told(twins.report(device, reported)),
    async commandReply(device, reply) {
      try {
        await told(commands.reply(device, reply));
      } catch (error) {
        // a new token is told as a command is, and has no row of one
        if (codeOf(error) !== 'NOT_FOUND') throw error;
        if (!(await told(devices.credentials.reply(device.deviceId, reply)))) throw error;
      }
    },
    refused(device, code) {
      if (ERROR_CODES[code].retryable && !PAST_LIMIT.has(code)) return;
      refusedTotal.inc({ code });
      const key = `${device.deviceId} ${code}`;
      const known = refusals.get(key);
      if (known !== undefined) {
        known.count += 1;
        return;
      }
      if (refusals.size >= MOST_REFUSALS) return;
      if (refusals.size === 0) clock.after(REFUSALS_MS, tellRefusals);
      refusals.set(key, { device, code, count: 1 });
    },
    opened({ deviceId, siteId, credential = null }, open) {
      const { transport, staysOpen, command, twinDelta, close, address = null, heardAt } = open;
      const link: DeviceLink = {
        deviceId,
        siteId,
        transport,
        credential,
        address,
        ...(heardAt === undefined ? {} : { heardAt }),
        staysOpen,
        command,
        twinDelta,
        close,
        takes: () => open.listens(),
      };
      const ended = devices.links.open(link);
      return {
        ended,
        ready(what) {
          if (what === 'commands') {
            devices.credentials.deviceReady(link);
            return commands.deviceReady(link);
          }
          sendDelta(link).catch((error: unknown) =>
            log.warn({ err: error, deviceId }, 'the delta of a device was not sent'),
          );
        },
      };
    },
  };
}

function toKnown({ deviceId, siteId, name, profile, simulated }: Device): KnownDevice {
  return { deviceId, siteId, name, profile, simulated };
}

/** Devices are told that the database is away, so that they try again, and not that the server is at fault. */
function told<T>(work: Promise<T>): Promise<T> {
  return work.catch((error: unknown) => {
    throw translateDatabaseError(error) ?? error;
  });
}
