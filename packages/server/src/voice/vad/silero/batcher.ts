import { codeOf } from '@muster/contract';
import type { Logger } from '../../../platform/log.ts';
import { type Batch, type BatchResult, INPUT, STATE } from './model.ts';

/** Windows of one stream in one batch: a 60 ms frame completes two at most, a 120 ms frame four. */
export const WINDOWS_PER_ROW = 4;
/** Streams in one batch; more wait for the next, a few ms later. */
const ROWS = 32;

/** What one stream wants to know. It is the stream's own and is used again and again. */
export interface Row {
  /** The first `windows` windows of it are asked, {@link INPUT} samples each. */
  readonly input: Float32Array;
  windows: number;
  /** Read, and replaced when the answer is there. */
  readonly state: Float32Array;
  /** Filled with an answer for each window. */
  readonly probabilities: Float32Array;
}

export function createRow(): Row {
  return {
    input: new Float32Array(WINDOWS_PER_ROW * INPUT),
    windows: 0,
    state: new Float32Array(STATE),
    probabilities: new Float32Array(WINDOWS_PER_ROW),
  };
}

interface Waiting {
  readonly row: Row;
  readonly resolve: (answered: boolean) => void;
}

/**
 * Runs the rows that wait at the same time as one batch: one run of the model for 8 streams costs about as much as
 * two for one. Resolves false, with the row untouched, when the child did not answer: the model keeps its state in the
 * row, so a restart of the child loses at most the windows on their way. A batch whose child dies is tried once more.
 */
export function createBatcher(
  call: (batch: Batch) => Promise<BatchResult>,
  log: Logger,
): (row: Row) => Promise<boolean> {
  const input = new Float32Array(ROWS * WINDOWS_PER_ROW * INPUT);
  const state = new Float32Array(ROWS * STATE);
  let waiting: Waiting[] = [];
  let running = false;

  const run = async (rows: readonly Waiting[]): Promise<boolean> => {
    const batch = gather(rows);
    try {
      const result = await call(batch).catch((error: unknown) => {
        if (codeOf(error) !== 'CHILD_CRASHED') throw error;
        return call(batch);
      });
      scatter(rows, batch.rounds, result);
      return true;
    } catch (error) {
      log.warn({ err: error, streams: rows.length }, 'voice activity unknown for a moment');
      return false;
    }
  };

  const drain = async (): Promise<void> => {
    running = true;
    while (waiting.length > 0) {
      const rows = waiting.slice(0, ROWS).sort((a, b) => b.row.windows - a.row.windows);
      waiting = waiting.slice(ROWS);
      const answered = await run(rows);
      for (const { resolve } of rows) resolve(answered);
    }
    running = false;
  };

  const gather = (rows: readonly Waiting[]): Batch => {
    const rounds: number[] = [];
    let windows = 0;
    for (const [index, { row }] of rows.entries()) state.set(row.state, index * STATE);
    for (let round = 0; round < (rows[0]?.row.windows ?? 0); round += 1) {
      let count = 0;
      for (const { row } of rows) {
        if (row.windows <= round) break;
        input.set(row.input.subarray(round * INPUT, (round + 1) * INPUT), windows * INPUT);
        windows += 1;
        count += 1;
      }
      rounds.push(count);
    }
    return { rounds, input: input.subarray(0, windows * INPUT), state: state.subarray(0, rows.length * STATE) };
  };

  return (row) =>
    new Promise((resolve) => {
      waiting.push({ row, resolve });
      if (!running) void drain();
    });
}

function scatter(rows: readonly Waiting[], rounds: readonly number[], result: BatchResult): void {
  let window = 0;
  for (const [round, count] of rounds.entries()) {
    for (let index = 0; index < count; index += 1) {
      const row = rows[index]?.row;
      if (row !== undefined) row.probabilities[round] = result.probabilities[window] ?? 0;
      window += 1;
    }
  }
  for (const [index, { row }] of rows.entries())
    row.state.set(result.state.subarray(index * STATE, (index + 1) * STATE));
}
