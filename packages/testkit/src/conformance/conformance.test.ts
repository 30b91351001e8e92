import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { type ErrorCode, MusterError } from '@muster/contract';
import type { Case, Fault } from './case.ts';
import { type LlmPort, type LlmRequest, type LlmSubject, llmCases } from './llm.ts';
import { type SttPort, type SttSubject, sttCases } from './stt.ts';
import { type TtsPort, type TtsSubject, ttsCases } from './tts.ts';
import { type VadSubject, vadCases } from './vad.ts';

/** Ways to break a provider; each must be noticed by one case, and by no other. */
type SharedFlaw = 'ignoresEarlyAbort' | 'losesReason' | 'leaks' | 'staysBroken' | Fault;

const CODES: Readonly<Record<Fault, ErrorCode>> = {
  rateLimited: 'PROVIDER_RATE',
  badKey: 'PROVIDER_KEY',
  failing: 'PROVIDER_FAILED',
  hanging: 'PROVIDER_TIMEOUT',
  halfAnswer: 'PROVIDER_BROKEN',
};

/** Which case notices which flaw. */
const NOTICED: Readonly<Record<SharedFlaw, RegExp>> = {
  ignoresEarlyAbort: /^refuses a call that was aborted/,
  losesReason: /^ends with the reason/,
  leaks: /^frees what it held after an abort/,
  staysBroken: /^works again/,
  rateLimited: /^says that too many requests/,
  badKey: /^says that a bad key/,
  failing: /^says that a failing server/,
  hanging: /^does not wait for ever/,
  halfAnswer: /^does not take half an answer/,
};
const SHARED_FLAWS = Object.keys(NOTICED) as SharedFlaw[];

/** The far side of a provider that keeps every promise but the one that `flaw` breaks. */
function createFarSide(flaw: string | null) {
  let fault: Fault | null = null;
  let failed = false;
  let open = 0;
  return {
    setFault(next: Fault | null) {
      fault = next;
    },
    open: () => open,
    close: async () => undefined,
    /** What a provider does before it answers. */
    async ask(signal: AbortSignal): Promise<void> {
      if (flaw !== 'ignoresEarlyAbort') signal.throwIfAborted();
      open += 1;
      let leave = true;
      try {
        if (flaw === 'staysBroken' && failed && fault === null) throw new MusterError('PROVIDER_FAILED');
        if (fault === null) return;
        failed = true;
        // A forgotten error, or one with the wrong code: what a provider without care does.
        if (fault === flaw && fault === 'halfAnswer') return;
        if (fault === flaw && fault !== 'hanging') throw new MusterError('INTERNAL');
        if (fault === 'hanging') {
          await wait(400, undefined, { signal, ref: false }).catch(() => {
            leave = flaw !== 'leaks';
            throw flaw === 'losesReason' ? new MusterError('PROVIDER_FAILED') : signal.reason;
          });
          if (flaw === 'hanging') await wait(60_000, undefined, { signal, ref: false });
        }
        throw new MusterError(CODES[fault]);
      } finally {
        if (leave) open -= 1;
      }
    },
  };
}

function sttSubject(flaw: string | null): SttSubject {
  const far = createFarSide(flaw);
  let calls = 0;
  const port: SttPort = {
    async transcribe(pcm, { signal }) {
      calls += 1;
      const mine = calls;
      await far.ask(signal);
      if (flaw === 'deaf') return '';
      return flaw === 'mixesCalls' && mine > 1 ? 'others' : pcm.length > 0 ? 'good morning' : '';
    },
  };
  return { ...far, port, speech: { pcm: new Int16Array(1_600), words: flaw === 'mixesCalls' ? [] : ['morning'] } };
}

function ttsSubject(flaw: string | null): TtsSubject {
  const far = createFarSide(flaw);
  let speaking = 0;
  const port: TtsPort = {
    async *speak(_text, { voice, signal }) {
      await far.ask(signal);
      if (voice !== null && flaw === 'refusesVoices') throw new MusterError('PROVIDER_REFUSED');
      speaking += 1;
      let finished = false;
      try {
        for (let piece = 0; piece < 10; piece += 1) {
          const pcm = new Int16Array(2_400).fill(flaw === 'mute' ? 0 : 5_000);
          yield { pcm, sampleRate: flaw === 'changesRate' && piece > 5 ? 22_050 : 24_000 };
        }
        finished = true;
      } finally {
        if (finished || flaw !== 'keepsOpen') speaking -= 1;
      }
    },
  };
  return { ...far, port, open: () => far.open() + speaking };
}

function llmSubject(flaw: string | null): LlmSubject {
  const far = createFarSide(flaw);
  let forever = false;
  const port: LlmPort = {
    async *think(request: LlmRequest) {
      await far.ask(request.signal);
      if (request.tools.length > 0 && flaw !== 'noTools') {
        const rounds = !forever ? 1 : flaw === 'loops' ? 100 : 5;
        for (let i = 0; i < rounds; i += 1) {
          await request.callTool('set_volume', flaw === 'textArguments' ? { volume: '40' } : { volume: 40 });
        }
      }
      if (flaw === 'wordless' && request.tools.length === 0) return;
      yield { type: 'text', text: 'I am ' };
      yield { type: 'text', text: 'Muster.' };
    },
  };
  return {
    ...far,
    port,
    exchange: { question: 'Who are you?', answer: 'I am Muster.' },
    toolQuestion: 'Set the volume to 40',
    askForever() {
      forever = true;
    },
  };
}

/** A detector by loudness, good enough to keep the promises. */
function vadSubject(flaw: string | null): VadSubject {
  let running = 0;
  const speech = Int16Array.from({ length: 40_000 }, (_, i) => 8_000 * Math.sin(i / 5) + i / 10);
  return {
    speech,
    close: async () => undefined,
    port: {
      open() {
        let kept: number[] = [];
        let heard = 0;
        return {
          async push(pcm) {
            const samples = [...kept, ...pcm];
            running += 1;
            await new Promise(setImmediate);
            const mixed = flaw === 'mixesStreams' && running > 1;
            const results: number[] = [];
            let at = 0;
            for (; at + 512 <= samples.length; at += 512) {
              heard += 1;
              const loud = samples.slice(at, at + 512).some((sample) => Math.abs(sample) > 100);
              const drift = mixed ? 0.1 : flaw === 'remembers' ? heard / 100 : 0;
              results.push(loud || flaw === 'alwaysSpeech' ? Math.max(0.6, 0.9 - drift) : 0);
            }
            const rest = flaw === 'losesRest' ? [] : samples.slice(at);
            kept = rest;
            running -= 1;
            return results;
          },
          reset() {
            kept = [];
            if (flaw !== 'remembers') heard = 0;
          },
          close: () => undefined,
        };
      },
    },
  };
}

function prove<Subject extends { close(): Promise<void> }>(
  suite: string,
  cases: readonly Case<Subject>[],
  make: (flaw: string | null) => Subject,
  flaws: Readonly<Record<string, RegExp>>,
): void {
  const failures = async (flaw: string | null): Promise<string[]> => {
    const results = await Promise.allSettled(cases.map(async (one) => one.run(make(flaw))));
    return cases.filter((_, index) => results[index]?.status === 'rejected').map(({ name }) => name);
  };

  describe(`the suite of ${suite}`, { concurrency: true }, () => {
    it('has nothing against a provider that keeps every promise', async () => {
      assert.deepEqual(await failures(null), []);
    });
    for (const [flaw, noticed] of Object.entries(flaws)) {
      it(`notices ${flaw}, with one case`, async () => {
        const found = await failures(flaw);
        assert.equal(found.length, 1, found.join(', '));
        assert.match(found[0] ?? '', noticed);
      });
    }
    it('has a flaw for each case', () => {
      for (const { name } of cases)
        assert.ok(
          Object.values(flaws).some((noticed) => noticed.test(name)),
          name,
        );
    });
  });
}

const shared: Record<string, RegExp> = Object.fromEntries(SHARED_FLAWS.map((flaw) => [flaw, NOTICED[flaw]]));

describe('conformance', { concurrency: true }, () => {
  prove('speech recognition', sttCases(), sttSubject, {
    ...shared,
    deaf: /^hears the words/,
    mixesCalls: /^keeps calls apart/,
  });
  prove('speech synthesis', ttsCases(), ttsSubject, {
    ...shared,
    mute: /^speaks a sentence/,
    changesRate: /^speaks a sentence/,
    refusesVoices: /^speaks with its own voice/,
    keepsOpen: /^frees what it held when the listener/,
  });
  prove('language models', llmCases(), llmSubject, {
    ...shared,
    wordless: /^answers in pieces/,
    noTools: /^calls a tool/,
    textArguments: /^calls a tool/,
    loops: /^stops a model/,
  });
  prove('voice activity', vadCases(), vadSubject, {
    alwaysSpeech: /^tells speech/,
    losesRest: /^answers each completed window/,
    mixesStreams: /^keeps streams apart/,
    remembers: /^forgets/,
  });
});
