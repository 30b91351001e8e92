import type { DeviceCreated } from '@muster/contract';
import type { AckedLog } from './acked-log.ts';
import { pause } from './rig/until.ts';
import { type MessageKind, openWire, Refusal, type ServerPlace, type WireKind } from './rig/wires.ts';

/** One simulated device: it counts its messages, keeps what was not acknowledged and sends it again, as devices must. */
export interface LoadDevice {
  readonly deviceId: string;
  readonly token: string;
  readonly wire: WireKind;
  /** For MQTT. */
  readonly version: 4 | 5;
  /** Whether its messages say when: those that do not are told apart by their number alone. */
  readonly timed: boolean;
  /** The next number of its stream, and the messages that no acknowledgement came for. */
  seq: number;
  readonly unacked: Map<number, Unacked>;
}

interface Unacked {
  readonly at: number;
  readonly value: number;
}

export interface LoadOptions {
  /** Messages of one device under way at a time; default 8. */
  readonly inFlight?: number;
  /** Pause of each lane after a message, ms; default none. */
  readonly pauseMs?: number;
  /** The server answered that it did not take a message. */
  readonly onRefused?: (wire: WireKind, code: string) => void;
  /** A message was acknowledged so many ms after it was sent. */
  readonly onAcked?: (device: LoadDevice, ms: number) => void;
}

const WIRES = ['mqtt', 'http', 'socket'] as const;
const IN_FLIGHT = 8;
/** Every so many messages an event goes instead of measurements. */
const EVENT_EVERY = 16;
/** A device comes back this long after its connection broke, ms; the server counts those of MQTT a minute. */
const BACK_MS = { mqtt: 750, http: 100, socket: 100 } as const;
export const STREAM = 'main';
export const EVENT = 'load';

/** Devices of all wires and versions, with and without a clock. */
export async function makeLoadDevices(
  server: { call<T>(method: string, path: string, body?: unknown): Promise<T> },
  count: number,
  wires: readonly WireKind[] = WIRES,
): Promise<LoadDevice[]> {
  const made = await Promise.all(
    Array.from({ length: count }, (_, nth) =>
      server.call<DeviceCreated>('POST', '/api/devices', { name: `load ${nth}` }),
    ),
  );
  return made.map(({ device, token }, nth) => ({
    deviceId: device.deviceId,
    token,
    wire: wires[nth % wires.length] ?? 'mqtt',
    version: nth % 2 === 0 ? 4 : 5,
    timed: Math.floor(nth / wires.length) % 2 === 0,
    seq: 1,
    unacked: new Map(),
  }));
}

/**
 * Every device sends as fast as it is acknowledged until `signal` is aborted; a connection that breaks is opened again.
 * First goes what was not acknowledged before, with its old number. Never rejects.
 */
export async function load(
  devices: readonly LoadDevice[],
  server: ServerPlace,
  log: AckedLog,
  signal: AbortSignal,
  options: LoadOptions = {},
): Promise<void> {
  await Promise.all(
    devices.map(async (device) => {
      while (!signal.aborted) {
        await drive(device, server, log, signal, options);
        if (!signal.aborted) await pause(BACK_MS[device.wire]);
      }
    }),
  );
}

/** Sends what no acknowledgement came for until every device has it acknowledged, or `limitMs` is over. */
export async function settle(
  devices: readonly LoadDevice[],
  server: ServerPlace,
  log: AckedLog,
  limitMs: number,
): Promise<boolean> {
  const ending = new AbortController();
  const timer = setTimeout(() => ending.abort(), limitMs);
  await Promise.all(
    devices.map(async (device) => {
      while (device.unacked.size > 0 && !ending.signal.aborted) {
        await drive(device, server, log, ending.signal, { onlyOld: true });
        if (device.unacked.size > 0) await pause(BACK_MS[device.wire]);
      }
    }),
  );
  clearTimeout(timer);
  return devices.every(({ unacked }) => unacked.size === 0);
}

/** One connection: until it breaks, the server refuses, or `signal` is aborted. */
async function drive(
  device: LoadDevice,
  server: ServerPlace,
  log: AckedLog,
  signal: AbortSignal,
  options: LoadOptions & { readonly onlyOld?: boolean },
): Promise<void> {
  const { deviceId, timed } = device;
  const wire = await openWire(device.wire, device.token, server, device.version).catch(() => null);
  if (wire === null) return;
  const again = [...device.unacked].sort(([a], [b]) => a - b);
  let broken = false;
  const close = (): void => wire.close();
  signal.addEventListener('abort', close, { once: true });

  async function one(seq: number, { at, value }: Unacked): Promise<void> {
    device.unacked.set(seq, { at, value });
    const kind: MessageKind = seq % EVENT_EVERY === 0 ? 'event' : 'telemetry';
    const body = kind === 'event' ? { name: EVENT, data: { seq, value } } : { values: { value, double: value * 2 } };
    const begun = performance.now();
    try {
      await wire?.send(kind, { stream: STREAM, seq, ...(timed ? { at } : {}), ...body });
      device.unacked.delete(seq);
      log.add({ deviceId, kind, stream: STREAM, seq, at, value });
      options.onAcked?.(device, performance.now() - begun);
    } catch (error) {
      // the server is gone, or it refused: the message is kept and sent again
      broken = true;
      if (error instanceof Refusal) options.onRefused?.(device.wire, error.refusal);
    }
  }

  async function lane(): Promise<void> {
    while (!broken && !signal.aborted) {
      const old = again.shift();
      if (old !== undefined) await one(...old);
      else if (options.onlyOld === true) return;
      else await one(device.seq++, { at: Date.now(), value: Math.round(Math.random() * 1e9) / 1e3 });
      if (options.pauseMs !== undefined) await pause(options.pauseMs);
    }
  }
  await Promise.all(Array.from({ length: options.inFlight ?? IN_FLIGHT }, lane));
  signal.removeEventListener('abort', close);
  wire.close();
}
