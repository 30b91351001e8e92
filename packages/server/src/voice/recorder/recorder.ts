import { MusterError, type Turn } from '@muster/contract';
import type { Clock } from '../../platform/clock.ts';
import { type Database, translateDatabaseError } from '../../platform/db/index.ts';
import { newId } from '../../platform/ids.ts';
import type { Logger } from '../../platform/log.ts';
import type { Metrics } from '../../platform/metrics.ts';
import type { AnswerReport } from '../turn/answer.ts';
import { createTurnStore, type TurnTables } from './store.ts';

/** The flight recorder: one row per turn with the time of each stage. Sound is never written. */
export interface Recorder {
  /**
   * Keeps one turn. Does not wait and does not throw: a conversation goes on while the database is away. What could
   * not be stored is counted (`muster_turns_lost_total`) and logged with its code.
   */
  record(
    report: AnswerReport,
    at: { readonly deviceId: string; readonly siteId: string; readonly keepWords: boolean },
  ): void;
  ofDevice(deviceId: string, limit: number, after: string | undefined): Promise<Turn[]>;
  /** Deletes turns older than they are kept, now and every few hours until `stop`. */
  start(): void;
  /** Ends the deleting, and waits until what was handed over is stored or lost. */
  stop(): Promise<void>;
}

/** Rows on their way to the database; past it the newest are lost, and counted. */
const MOST_UNDER_WAY = 1_000;
const SWEEP_MS = 6 * 3_600_000;
/** Rows deleted by one statement: few enough to take no noticeable time. */
const SWEEP_ROWS = 5_000;
const DAY_MS = 86_400_000;

export function createRecorder(deps: {
  readonly db: Database<TurnTables>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly keepDays: number;
}): Recorder {
  const { clock, log } = deps;
  const store = createTurnStore(deps.db);
  const underWay = new Set<Promise<void>>();
  const lost = deps.metrics.counter('muster_turns_lost_total', 'Turns that could not be stored');
  const turns = deps.metrics.counter('muster_turns_total', 'Turns by how they ended', ['outcome', 'code']);
  const firstAudio = deps.metrics.histogram(
    'muster_turn_first_audio_seconds',
    'Last voiced frame to first sound of the answer',
    ['llm'],
    [0.2, 0.35, 0.5, 0.7, 0.9, 1.1, 1.3, 1.8, 2.5, 4],
  );

  function lose(error: unknown): void {
    lost.inc();
    log.error({ err: error, code: translateDatabaseError(error)?.code ?? 'INTERNAL' }, 'a turn was not stored');
  }

  let cancelSweep: (() => void) | null = null;

  async function sweep(): Promise<void> {
    const before = newId(clock.now() - deps.keepDays * DAY_MS);
    let deleted = 0;
    for (let rows = SWEEP_ROWS; rows === SWEEP_ROWS; deleted += rows)
      rows = await store.deleteBefore(before, SWEEP_ROWS);
    if (deleted > 0) log.info({ deleted }, 'old turns were deleted');
  }

  function sweepAndAgain(): void {
    sweep().catch((error: unknown) => log.warn({ err: error }, 'old turns were not deleted'));
    cancelSweep = clock.after(SWEEP_MS, sweepAndAgain);
  }

  return {
    start: sweepAndAgain,
    record(report, { deviceId, siteId, keepWords }) {
      log.debug({ deviceId, outcome: report.outcome, code: report.errorCode, times: report.times }, 'turn ended');
      turns.inc({ outcome: report.outcome, code: report.errorCode ?? '' });
      if (report.times.firstAudioMs !== null && report.cause === 'speech') {
        firstAudio.observe({ llm: report.llm ?? '' }, report.times.firstAudioMs / 1000);
      }
      if (underWay.size >= MOST_UNDER_WAY) return lose(new MusterError('QUEUE_FULL'));
      const now = clock.now();
      const turn: Turn = {
        ...report,
        turnId: newId(now),
        deviceId,
        siteId,
        startedAt: now - (report.times.totalMs ?? 0) - (report.times.speechMs ?? 0),
        heard: keepWords ? report.heard : null,
        said: keepWords ? report.said : null,
      };
      const stored = store.insert(turn).catch(lose);
      underWay.add(stored);
      void stored.finally(() => underWay.delete(stored));
    },
    ofDevice: (deviceId, limit, after) => store.ofDevice(deviceId, limit, after),
    async stop() {
      cancelSweep?.();
      await Promise.all(underWay);
    },
  };
}
