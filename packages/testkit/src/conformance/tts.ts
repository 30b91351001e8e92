import assert from 'node:assert/strict';
import { type Case, FAULTS, type Fault, type ProviderSubject, registerCases, sharedCases } from './case.ts';

/** What the suite needs of speech synthesis; the server's port has this shape. */
export interface TtsPort {
  speak(
    text: string,
    options: { readonly language: 'en'; readonly voice: string | null; readonly signal: AbortSignal },
  ): AsyncIterable<{ readonly pcm: Int16Array; readonly sampleRate: number }>;
}

export type TtsSubject = ProviderSubject<TtsPort>;

interface Sound {
  readonly seconds: number;
  readonly peak: number;
  readonly rates: ReadonlySet<number>;
}

const SENTENCE = 'Good morning, how are you today?';

export function ttsCases(): Case<TtsSubject>[] {
  const never = (): AbortSignal => new AbortController().signal;
  return [
    {
      name: 'speaks a sentence at one rate',
      async run({ port }) {
        const { seconds, peak, rates } = await listen(port, SENTENCE, null, never());
        assert.ok(seconds > 0.5 && seconds < 30, `the sentence takes ${seconds} s`);
        assert.ok(peak > 500, `the loudest sample is ${peak}`);
        assert.equal(rates.size, 1);
      },
    },
    {
      name: 'speaks with its own voice when asked for one that it does not have',
      async run({ port }) {
        assert.ok((await listen(port, SENTENCE, 'nobody-of-this-name', never())).seconds > 0.5);
      },
    },
    {
      name: 'frees what it held when the listener leaves early',
      async run({ port, open }) {
        for await (const chunk of port.speak(SENTENCE, { language: 'en', voice: null, signal: never() })) {
          assert.ok(chunk.pcm.length > 0, 'an empty piece of sound');
          break;
        }
        for (let tries = 0; open() > 0; tries += 1) {
          assert.ok(tries < 200, 'something is still open');
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
      },
    },
    ...sharedCases<TtsPort>((port, signal) => listen(port, SENTENCE, null, signal)),
  ];
}

/**
 * Runs the suite of speech synthesis as tests. `faults` are those that can be caused here; a provider without a far side
 * has none.
 */
export function ttsConformance(
  name: string,
  make: () => TtsSubject | Promise<TtsSubject>,
  faults: readonly Fault[] = FAULTS,
): void {
  registerCases(name, ttsCases(), make, faults);
}

async function listen(port: TtsPort, text: string, voice: string | null, signal: AbortSignal): Promise<Sound> {
  let seconds = 0;
  let peak = 0;
  const rates = new Set<number>();
  for await (const { pcm, sampleRate } of port.speak(text, { language: 'en', voice, signal })) {
    seconds += pcm.length / sampleRate;
    for (const sample of pcm) peak = Math.max(peak, Math.abs(sample));
    rates.add(sampleRate);
  }
  return { seconds, peak, rates };
}
