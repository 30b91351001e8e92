import type { Random } from './inputs/random.ts';

/** Something that reads bytes of strangers, opened for one run. */
export interface Decoder {
  /**
   * Reads one input. What comes back is counted: `taken`, or what else became of it; the code of a MusterError is
   * counted by itself. Anything else that is thrown, or a promise that nobody catches, is a fault.
   */
  take(input: Buffer, random: Random): string | Promise<string>;
  close?(): void | Promise<void>;
}

/** One decoder and the inputs that it is tried with. */
export interface FuzzTarget {
  /** The name of its file, without `.fuzz.ts`. */
  readonly name: string;
  readonly summary: string;
  /** What its memory may grow by, whatever the number of inputs, KB. Default: 8,192. */
  readonly mostGrowthKb?: number;
  /** One input: a valid one, mutated. It depends on `random` alone, so that it can be made again. */
  make(random: Random): Buffer;
  open(): Decoder | Promise<Decoder>;
}

/** `export const target = defineFuzz({…})` in `tests/fuzz/<name>.fuzz.ts`: `npm run fuzz -- <name>` finds it. */
export function defineFuzz(target: FuzzTarget): FuzzTarget {
  return target;
}
