import { createFleet, type FleetDevice, type FleetOptions } from '@muster/testkit';
import { createAckedNumbers } from './stored.ts';

/**
 * The fleet as a process of its own, forked, so that its work is not measured as the server's. It is told to begin, and
 * says how many are connected; asked to stop it tells what was acknowledged.
 */
export interface FleetJob
  extends Pick<FleetOptions, 'server' | 'mqtt' | 'messagesPerSecond' | 'connectsPerSecond' | 'backoff'> {
  readonly devices: readonly FleetDevice[];
}

export type FleetReport =
  | {
      readonly at: number;
      readonly connected: number;
      readonly acked: number;
      readonly failures: number;
      readonly rssMb: number;
    }
  | {
      readonly numbers: readonly (readonly [deviceId: string, numbers: readonly number[]])[];
      readonly counters: Readonly<Record<string, number>>;
      readonly refusals: readonly (readonly [code: string, count: number])[];
      readonly ackP99Ms: number | null;
    };

const REPORT_MS = 100;

process.once('message', (job: FleetJob) => {
  const acked = createAckedNumbers();
  const fleet = createFleet({ ...job, eventsPerHour: 0, onAcked: acked.add });
  fleet.start();
  const timer = setInterval(() => {
    const { connected, failures } = fleet.counters;
    const rssMb = process.memoryUsage.rss() / 1_048_576;
    tell({ at: Date.now(), connected, acked: acked.count, failures, rssMb });
  }, REPORT_MS);
  process.once('message', () => {
    clearInterval(timer);
    const { ackMs, connectMs: _, ...counters } = fleet.counters;
    const numbers = [...acked.all()];
    void fleet.stop().then(() => {
      const summary = { numbers, counters, refusals: [...fleet.refusals], ackP99Ms: ackMs.percentile(0.99) };
      tell(summary, () => process.disconnect());
    });
  });
});

function tell(report: FleetReport, done = (): void => undefined): void {
  process.send?.(report, undefined, undefined, done);
}
