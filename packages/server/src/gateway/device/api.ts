import {
  CommandReply,
  EventMessage,
  TelemetryMessage,
  type TimeReply,
  TimeRequest,
  TwinReport,
  type TwinState,
} from '@muster/contract';
import type { Clock } from '../../platform/clock.ts';
import { asObject, parsePayload, reader } from './decode.ts';
import type { DeviceInbox, KnownDevice } from './inbox.ts';
import { worthOf } from './worth.ts';

/**
 * The device API, the same for every wire: a payload comes in as bytes, is checked, and goes to the inbox. Promises
 * resolve when what came is committed; rejections are told by the wire, with their code: to the device, and to
 * `inbox.refused`.
 */
export interface DeviceApi {
  /** `spend` is told how many messages more than one it is worth, before it is stored. */
  telemetry(device: KnownDevice, payload: Uint8Array, spend: (messages: number) => void): Promise<void>;
  event(device: KnownDevice, payload: Uint8Array): Promise<void>;
  twinGet(device: KnownDevice): Promise<TwinState>;
  twinReport(device: KnownDevice, payload: Uint8Array): Promise<TwinState>;
  /** `commandId` when the wire names the command itself. */
  commandReply(device: KnownDevice, payload: Uint8Array, commandId?: string): Promise<void>;
  time(payload: Uint8Array): TimeReply;
}

const readTelemetry = reader(TelemetryMessage);
const readEvent = reader(EventMessage);
const readReport = reader(TwinReport);
const readReply = reader(CommandReply);
const readTime = reader(TimeRequest);

export function createDeviceApi(inbox: DeviceInbox, clock: Clock): DeviceApi {
  return {
    async telemetry(device, payload, spend) {
      const message = readTelemetry(parsePayload(payload));
      spend(worthOf(message));
      await inbox.telemetry(device, message);
    },
    event: async (device, payload) => inbox.event(device, readEvent(parsePayload(payload))),
    async twinGet(device) {
      const { desired, desiredVersion, reported, reportedVersion, delta } = await inbox.twin(device);
      return { desired, desiredVersion, reported, reportedVersion, delta };
    },
    twinReport: async (device, payload) => inbox.reportTwin(device, readReport(parsePayload(payload))),
    async commandReply(device, payload, commandId) {
      const value = parsePayload(payload);
      const named = commandId === undefined ? value : { ...asObject(value), commandId };
      await inbox.commandReply(device, readReply(named));
    },
    time(payload) {
      const { sentAt } = readTime(parsePayload(payload));
      return { serverAt: clock.now(), sentAt: sentAt ?? null };
    },
  };
}
