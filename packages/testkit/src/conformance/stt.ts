import assert from 'node:assert/strict';
import { type Case, FAULTS, type Fault, type ProviderSubject, registerCases, sharedCases } from './case.ts';

/** What the suite needs of speech recognition; the server's port has this shape. */
export interface SttPort {
  transcribe(pcm: Int16Array, options: { readonly language: 'en'; readonly signal: AbortSignal }): Promise<string>;
}

export interface SttSubject extends ProviderSubject<SttPort> {
  /** Speech at 16 kHz, and words that must be heard in it, in lower case. */
  readonly speech: { readonly pcm: Int16Array; readonly words: readonly string[] };
}

export function sttCases(): Case<SttSubject>[] {
  const silence = new Int16Array(16_000);
  const hear = (port: SttPort, pcm: Int16Array, signal: AbortSignal) =>
    port.transcribe(pcm, { language: 'en', signal });
  return [
    {
      name: 'hears the words',
      async run({ port, speech }) {
        const heard = await hear(port, speech.pcm, new AbortController().signal);
        for (const word of speech.words) assert.ok(heard.toLowerCase().includes(word), `no "${word}" in "${heard}"`);
        assert.equal(heard, heard.trim());
      },
    },
    {
      name: 'keeps calls apart that run at the same time',
      async run({ port, speech }) {
        const calls = [1, 2, 3].map(() => hear(port, speech.pcm, new AbortController().signal));
        const [first, ...others] = await Promise.all(calls);
        for (const other of others) assert.equal(other, first);
      },
    },
    ...sharedCases<SttPort>((port, signal) => hear(port, silence, signal)),
  ];
}

/**
 * Runs the suite of speech recognition as tests. `faults` are those that can be caused here; a provider without a far side
 * has none.
 */
export function sttConformance(
  name: string,
  make: () => SttSubject | Promise<SttSubject>,
  faults: readonly Fault[] = FAULTS,
): void {
  registerCases(name, sttCases(), make, faults);
}
