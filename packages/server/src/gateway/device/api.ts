import {
  CommandReply,
  EventMessage,
  MusterError,
  TelemetryMessage,
  type TimeReply,
  TimeRequest,
  TwinReport,
  type TwinState,
} from '@muster/contract';
import type { Clock } from '../../platform/clock.ts';
import { parsePayload, reader } from './decode.ts';
import type { DeviceInbox, KnownDevice } from './inbox.ts';

/**
 * The device API, the same for every wire: a payload comes in as bytes, is checked, and goes to the inbox. Promises
 * resolve when what came is committed; rejections are told to the device by the wire, with their code.
 */
export interface DeviceApi {
  telemetry(device: KnownDevice, payload: Uint8Array): Promise<void>;
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
  /** A message that is refused is counted for its device, whatever the reason. */
  function counted<T>(device: KnownDevice, task: () => Promise<T>): Promise<T> {
    let work: Promise<T>;
    try {
      work = task();
    } catch (error) {
      work = Promise.reject(error);
    }
    return work.catch((error: unknown) => {
      if (error instanceof MusterError && !error.retryable) inbox.refused(device, error.code);
      throw error;
    });
  }

  return {
    telemetry: (device, payload) =>
      counted(device, () => inbox.telemetry(device, readTelemetry(parsePayload(payload)))),
    event: (device, payload) => counted(device, () => inbox.event(device, readEvent(parsePayload(payload)))),
    twinGet: (device) => inbox.twin(device),
    twinReport: (device, payload) => counted(device, () => inbox.reportTwin(device, readReport(parsePayload(payload)))),
    commandReply: (device, payload, commandId) =>
      counted(device, () => {
        const value = parsePayload(payload);
        const named = commandId === undefined ? value : { ...(value as object), commandId };
        return inbox.commandReply(device, readReply(named));
      }),
    time(payload) {
      const { sentAt } = readTime(parsePayload(payload));
      return { serverAt: clock.now(), sentAt: sentAt ?? null };
    },
  };
}
