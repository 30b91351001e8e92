import { LIMITS } from '@muster/contract';
import type { Api } from '../server/api.ts';
import type { KnownDevice } from './fleet-file.ts';
import type { PlannedDevice } from './plan.ts';

/** The devices of every simulated fleet have it, so that people find them, and so do we. */
const FLEET_TAG = 'simulated-fleet';
/** Requests for a token at a time: there is no route for many. */
const AT_ONCE = 8;

export interface Enrolment {
  /** By hardware id, every device of the plan. */
  readonly devices: ReadonlyMap<string, KnownDevice>;
  readonly made: number;
  readonly reused: number;
}

/**
 * Makes what is missing of the plan and takes what an earlier run left. `known`: tokens of this computer. When it is
 * aborted, what was made until then is given.
 */
export async function enrol(
  api: Api,
  siteId: string,
  plan: readonly PlannedDevice[],
  known: Readonly<Record<string, KnownDevice>>,
  options: { readonly signal: AbortSignal; progress(done: number): void },
): Promise<Enrolment> {
  const { signal, progress } = options;
  const there = await devicesThere(api, siteId, signal);
  const devices = new Map<string, KnownDevice>();
  const unsigned: { readonly hardwareId: string; readonly deviceId: string }[] = [];
  const missing: PlannedDevice[] = [];
  for (const planned of plan) {
    const { hardwareId } = planned;
    const deviceId = there.get(hardwareId);
    const mine = Object.hasOwn(known, hardwareId) ? known[hardwareId] : undefined;
    if (deviceId === undefined) missing.push(planned);
    else if (mine?.deviceId === deviceId) devices.set(hardwareId, mine);
    else unsigned.push({ hardwareId, deviceId });
  }
  const reused = devices.size + unsigned.length;
  progress(devices.size);
  for (let at = 0; at < unsigned.length && !signal.aborted; at += AT_ONCE) {
    const some = unsigned.slice(at, at + AT_ONCE);
    const tokens = await Promise.all(some.map(({ deviceId }) => api.newDeviceToken(deviceId)));
    for (const [nth, { hardwareId, deviceId }] of some.entries()) {
      devices.set(hardwareId, { deviceId, token: tokens[nth]?.token ?? '' });
    }
    progress(devices.size);
  }
  for (let at = 0; at < missing.length && !signal.aborted; at += LIMITS.devicesPerBatch) {
    const some = missing.slice(at, at + LIMITS.devicesPerBatch);
    const asked = some.map(({ hardwareId, name, profile }) => ({
      hardwareId,
      name,
      profile,
      tags: [FLEET_TAG],
      simulated: true,
    }));
    const reply = await api.createDevices({ siteId, devices: asked });
    for (const { device, token } of reply.devices) devices.set(device.hardwareId, { deviceId: device.deviceId, token });
    progress(devices.size);
  }
  return { devices, made: devices.size - reused, reused };
}

/** Ends the tokens of these devices. */
export async function dismiss(api: Api, siteId: string, deviceIds: readonly string[]): Promise<void> {
  for (let at = 0; at < deviceIds.length; at += LIMITS.devicesPerBatch) {
    await api.revokeDevices({ siteId, deviceIds: deviceIds.slice(at, at + LIMITS.devicesPerBatch) });
  }
}

/** Simulated devices of the site that are in use: hardware id to device id. */
async function devicesThere(api: Api, siteId: string, signal: AbortSignal): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (let after: string | undefined; ; ) {
    const page = await api.devices({ siteId, tag: FLEET_TAG, state: 'active', limit: 1_000, after });
    for (const { hardwareId, deviceId, simulated } of page.devices) if (simulated) found.set(hardwareId, deviceId);
    after = page.next ?? undefined;
    if (after === undefined || signal.aborted) return found;
  }
}
