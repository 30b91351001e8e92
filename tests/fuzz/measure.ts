import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { codeOf, MusterError } from '@muster/contract';
import type { FuzzTarget } from './define.ts';
import { createRandom } from './inputs/random.ts';

export interface FuzzResult {
  readonly target: string;
  readonly seed: number;
  readonly inputs: number;
  /** What became of them, by word. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** What the heap and buffers outside of it grew by after the first tenth of the inputs, KB. */
  readonly growthKb: number;
  /** The input that took longest: machines have pauses of their own, so look at it again. */
  readonly slowestMs: number;
  readonly slowestNth: number;
  readonly perSecond: number;
  /** The input that broke it; null: none did. */
  readonly failure: { readonly nth: number; readonly error: string; readonly base64: string } | null;
  /** In words; null: it holds. */
  readonly short: string | null;
}

/** Whatever the number of inputs: a decoder that keeps 8 bytes of each of a million is found. */
const MOST_GROWTH_KB = 8_192;
/** Inputs after which a server that reads one connection would have turned to others. */
const BREATH_EVERY = 256;

/** Feeds a target. `say` gets a line now and then. */
export async function measure(
  target: FuzzTarget,
  {
    inputs,
    first = 0,
    seed,
    say,
    signal,
  }: {
    readonly inputs: number;
    /** The number of the first one; default 0. */
    readonly first?: number;
    readonly seed: number;
    readonly say: (line: string) => void;
    readonly signal: AbortSignal;
  },
): Promise<FuzzResult> {
  const outcomes: Record<string, number> = {};
  let lost: unknown;
  const onLost = (error: unknown): void => {
    lost ??= error;
  };
  process.on('unhandledRejection', onLost);
  process.on('uncaughtException', onLost);
  const decoder = await target.open();
  const begun = performance.now();
  let failure: FuzzResult['failure'] = null;
  let slowestMs = 0;
  let slowestNth = first;
  let before = 0;
  let done = 0;
  try {
    for (; done < inputs && failure === null && !signal.aborted; done++) {
      if (done === Math.floor(inputs / 10)) before = await memoryKb();
      const nth = first + done;
      const random = createRandom(seed, nth);
      const input = target.make(random);
      const from = performance.now();
      try {
        const outcome = decoder.take(input, random);
        const word = typeof outcome === 'string' ? outcome : await outcome;
        outcomes[word] = (outcomes[word] ?? 0) + 1;
      } catch (error) {
        const code = codeOf(error);
        if (!(error instanceof MusterError) || code === 'INTERNAL') failure = failed(nth, error, input);
        outcomes[code] = (outcomes[code] ?? 0) + 1;
      }
      const tookMs = performance.now() - from;
      if (tookMs > slowestMs) {
        slowestMs = tookMs;
        slowestNth = nth;
      }
      if (done % BREATH_EVERY === 0) await breath();
      if (lost !== undefined) failure ??= failed(nth, lost, input);
      if (done > 0 && done % 100_000 === 0) say(`${done} inputs`);
    }
    await breath();
    if (lost !== undefined && failure === null) failure = failed(first + done, lost, Buffer.alloc(0));
    const growthKb = Math.round((await memoryKb()) - before);
    const perSecond = Math.round(done / ((performance.now() - begun) / 1_000));
    const short =
      failure !== null
        ? `input ${failure.nth} of seed ${seed}: ${failure.error}`
        : growthKb > (target.mostGrowthKb ?? MOST_GROWTH_KB)
          ? `memory grew by ${growthKb} KB`
          : null;
    return {
      target: target.name,
      seed,
      inputs: done,
      outcomes,
      growthKb,
      slowestMs: Math.round(slowestMs * 10) / 10,
      slowestNth,
      perSecond,
      failure,
      short,
    };
  } finally {
    await decoder.close?.();
    process.off('unhandledRejection', onLost);
    process.off('uncaughtException', onLost);
  }
}

function failed(nth: number, error: unknown, input: Buffer): NonNullable<FuzzResult['failure']> {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { nth, error: text, base64: input.toString('base64') };
}

function breath(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** What is left after everything that can go has gone. */
async function memoryKb(): Promise<number> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let time = 0; time < 3; time++) {
    await breath();
    collect();
  }
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / 1_024;
}
