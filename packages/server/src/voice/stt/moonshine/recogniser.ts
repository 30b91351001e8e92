import { InferenceSession, Tensor } from 'onnxruntime-node';
import { HEARING_RATE } from '../../ports.ts';
import { readWeights, type WeightsFile } from '../../weights.ts';
import { TOKEN, textOf } from './tokens.ts';

/** Moonshine tiny, English, quantised (MIT), as version 0.1.29 of the package has it. */
const FOLDER = { package: '@moonshine-ai/moonshine-js', path: 'model/tiny/quantized' } as const;
const ENCODER: WeightsFile = {
  package: FOLDER.package,
  path: `${FOLDER.path}/encoder_model.onnx`,
  sha256: 'c6fc4b7bc5af75c0591fd157a1f3829b533d18e9769a888fd95a62e470dd4f4a',
};
const DECODER: WeightsFile = {
  package: FOLDER.package,
  path: `${FOLDER.path}/decoder_model_merged.onnx`,
  sha256: 'eed87831c3a6103534aae7d47a5d485025c659a1323901513961c39fe8a1a367',
};

/** Shape of the decoder's memory: layers, key-value heads, size of a head. */
const LAYERS = 6;
const HEADS = 8;
const HEAD_SIZE = 36;
/** The model is trained to say at most this much; past it, it repeats itself. */
const TOKENS_PER_SECOND = 6;
/** Shorter sound than this gives the encoder nothing to stand on; there is no word in it, s. */
const SHORTEST_SECONDS = 0.1;

const NAMES = Array.from({ length: LAYERS }, (_, layer) =>
  ['decoder', 'encoder'].flatMap((part) => ['key', 'value'].map((kind) => `${layer}.${part}.${kind}`)),
).flat();

export interface Recogniser {
  /** The words of mono PCM at 16 kHz, '' when there are none. Looks at `signal` before each step of the decoder. */
  transcribe(pcm: Int16Array, signal: AbortSignal): Promise<string>;
}

/** Loads the two networks, one thread each. Throws MODEL_INVALID. */
export async function loadRecogniser(): Promise<Recogniser> {
  const [encoder, decoder] = await Promise.all([open(ENCODER, false), open(DECODER, true)]);
  return {
    async transcribe(pcm, signal) {
      const seconds = pcm.length / HEARING_RATE;
      if (seconds < SHORTEST_SECONDS) return '';
      const { last_hidden_state: hidden } = await encoder.run({
        input_values: new Tensor('float32', floats(pcm), [1, pcm.length]),
      });
      return textOf(await decode(decoder, hidden as Tensor, Math.ceil(seconds * TOKENS_PER_SECOND), signal));
    },
  };
}

/**
 * `arena` keeps the memory of a run for the next. The decoder, run for every token, is four times slower without; the
 * encoder, run once, is as fast, and with it would keep 100 MB after the first long utterance.
 */
async function open(file: WeightsFile, arena: boolean): Promise<InferenceSession> {
  return InferenceSession.create(await readWeights(file), {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    enableCpuMemArena: arena,
    // Errors only: the model has an unused initialiser that is warned about at each load.
    logSeverityLevel: 3,
  });
}

/** Greedy decoding: each step gives the most likely next token, until the end token or `limit`. */
async function decode(
  session: InferenceSession,
  hidden: Tensor,
  limit: number,
  signal: AbortSignal,
): Promise<number[]> {
  const empty = new Tensor('float32', new Float32Array(0), [1, HEADS, 0, HEAD_SIZE]);
  const feeds: Record<string, Tensor> = { encoder_hidden_states: hidden };
  for (const name of NAMES) feeds[`past_key_values.${name}`] = empty;
  const tokens: number[] = [];
  let last: number = TOKEN.begin;
  while (tokens.length < limit) {
    signal.throwIfAborted();
    const first = tokens.length === 0;
    feeds.input_ids = new Tensor('int64', BigInt64Array.of(BigInt(last)), [1, 1]);
    feeds.use_cache_branch = new Tensor('bool', [!first], [1]);
    const result = await session.run(feeds);
    last = largest(result.logits?.data as Float32Array);
    if (last === TOKEN.end) break;
    tokens.push(last);
    for (const name of NAMES) {
      // What the decoder knows of the encoder does not change, and later steps return it empty.
      if (!first && name.includes('encoder')) continue;
      const present = result[`present.${name}`];
      if (present !== undefined) feeds[`past_key_values.${name}`] = present as Tensor;
    }
  }
  return tokens;
}

function floats(pcm: Int16Array): Float32Array {
  const out = new Float32Array(pcm.length);
  for (let i = 0; i < pcm.length; i += 1) out[i] = (pcm[i] ?? 0) / 32_768;
  return out;
}

function largest(logits: Float32Array): number {
  let best = 0;
  for (let id = 1; id < logits.length; id += 1) {
    if ((logits[id] ?? 0) > (logits[best] ?? 0)) best = id;
  }
  return best;
}
