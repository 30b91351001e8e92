import type { Acked, AckedLog } from '../acked-log.ts';
import type { LoadDevice } from '../ingest-load.ts';
import { STREAM } from '../ingest-load.ts';
import { openWire, type ServerPlace, type Wire } from './wires.ts';

/** Devices that each send one message every so many ms, whether the one before was acknowledged or not. */
export interface SteadyDevices {
  /** Times from when a message was due to its acknowledgement, ms, since the last call. */
  taken(): number[];
  /** Messages that were not acknowledged: refused, or their connection broke. */
  failures(): number;
  /** Waits for what is under way, and closes. */
  stop(): Promise<void>;
}

export async function startSteadyDevices(
  devices: readonly LoadDevice[],
  server: ServerPlace,
  log: AckedLog,
  everyMs: number,
): Promise<SteadyDevices> {
  const wires = await Promise.all(devices.map(({ wire, token, version }) => openWire(wire, token, server, version)));
  const underWay = new Set<Promise<void>>();
  let samples: number[] = [];
  let failures = 0;
  let stopped = false;

  async function one(device: LoadDevice, wire: Wire, due: number): Promise<void> {
    const seq = device.seq++;
    const acked: Acked = {
      deviceId: device.deviceId,
      kind: 'telemetry',
      stream: STREAM,
      seq,
      at: Date.now(),
      value: seq,
    };
    try {
      const values = { value: seq, double: seq * 2 };
      await wire.send('telemetry', { stream: STREAM, seq, at: acked.at, values });
      samples.push(performance.now() - due);
      log.add(acked);
    } catch {
      failures += 1;
    }
  }

  const begun = performance.now();
  for (const [index, device] of devices.entries()) {
    const wire = wires[index];
    // spread over the interval, as devices are
    let due = begun + (everyMs * index) / devices.length;
    const next = (): void => {
      if (stopped || wire === undefined) return;
      const work = one(device, wire, due).finally(() => underWay.delete(work));
      underWay.add(work);
      due += everyMs;
      setTimeout(next, Math.max(0, due - performance.now()));
    };
    setTimeout(next, Math.max(0, due - begun));
  }
  return {
    taken() {
      const taken = samples;
      samples = [];
      return taken;
    },
    failures: () => failures,
    async stop() {
      stopped = true;
      await Promise.all(underWay);
      for (const wire of wires) wire.close();
    },
  };
}
