import assert from 'node:assert/strict';
import { type Case, registerCases } from './case.ts';

/** Samples of one window at 16 kHz. */
const WINDOW = 512;
/** Two runs of a model may differ in the last digits when it judges several windows at once. */
const TOLERANCE = 0.01;

/** What the suite needs of voice activity detection; the server's port has this shape. */
export interface VadPort {
  open(): VadPortStream;
}
export interface VadPortStream {
  push(pcm: Int16Array): Promise<readonly number[]>;
  reset(): void;
  close(): void;
}

export interface VadSubject {
  readonly port: VadPort;
  /** At least 2 s of a sentence at 16 kHz, without a pause at its beginning or end. */
  readonly speech: Int16Array;
  close(): Promise<void>;
}

export function vadCases(): Case<VadSubject>[] {
  return [
    {
      name: 'tells speech from silence',
      async run({ port, speech }) {
        const spoken = await port.open().push(speech);
        const silent = await port.open().push(new Int16Array(16_000));
        assert.ok(share(spoken) > 0.7, `${share(spoken)} of the sentence counts as speech`);
        assert.equal(share(silent), 0);
      },
    },
    {
      name: 'answers each completed window once, however the sound is cut',
      async run({ port, speech }) {
        const expected = await port.open().push(speech);
        assert.equal(expected.length, Math.floor(speech.length / WINDOW));
        for (const piece of [320, 960, 1_500]) {
          const stream = port.open();
          const found: number[] = [];
          for (let at = 0; at < speech.length; at += piece) {
            found.push(...(await stream.push(speech.subarray(at, at + piece))));
            assert.equal(found.length, Math.floor(Math.min(at + piece, speech.length) / WINDOW));
          }
          assertClose(found, expected);
        }
      },
    },
    {
      name: 'keeps streams apart',
      async run({ port, speech }) {
        const expected = await port.open().push(speech);
        const [first, other, second] = await Promise.all([
          port.open().push(speech),
          port.open().push(speech.toReversed()),
          port.open().push(speech),
        ]);
        assertClose(first, expected);
        assertClose(second, expected);
        assert.equal(other.length, expected.length);
      },
    },
    {
      name: 'forgets on reset',
      async run({ port, speech }) {
        const some = speech.subarray(0, 20_000);
        const stream = port.open();
        const expected = await stream.push(some);
        stream.reset();
        assertClose(await stream.push(some), expected);
      },
    },
  ];
}

/** Runs the suite of voice activity detection as tests. */
export function vadConformance(name: string, make: () => VadSubject | Promise<VadSubject>): void {
  registerCases(name, vadCases(), make);
}

function share(probabilities: readonly number[]): number {
  return probabilities.filter((probability) => probability > 0.5).length / probabilities.length;
}

function assertClose(found: readonly number[], expected: readonly number[]): void {
  assert.equal(found.length, expected.length);
  for (const [index, probability] of found.entries()) {
    const difference = Math.abs(probability - (expected[index] ?? Number.NaN));
    assert.ok(difference <= TOLERANCE, `window ${index} differs by ${difference}`);
  }
}
