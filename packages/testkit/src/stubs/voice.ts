import { setTimeout as delay } from 'node:timers/promises';

/** How long each stage of the stubs takes, ms. */
export interface StubDelays {
  readonly hearMs?: number;
  readonly thinkMs?: number;
  readonly speakMs?: number;
}

export interface StubWords {
  /** What every utterance is heard as. */
  readonly heard?: string;
  /** What every answer says. */
  readonly said?: string;
  /** Length of the sound of one sentence, ms. */
  readonly soundMs?: number;
}

const RATE = 24_000;
/** Mean size of a sample above which a window counts as speech: well above dither, well below a quiet voice. */
const LOUD = 120;

/**
 * Providers of every stage that do nothing but wait and answer the same: what is left to measure is the server itself.
 * Their shapes are those of the server's ports.
 */
export function createStubVoice(words: StubWords = {}, delays: StubDelays = {}) {
  const { heard = 'hello there', said = 'This is the answer.', soundMs = 1_800 } = words;
  const tone = Int16Array.from(
    { length: (RATE * soundMs) / 1_000 },
    (_, i) => 6_000 * Math.sin((2 * Math.PI * 330 * i) / RATE),
  );
  const nothing = async (): Promise<void> => undefined;
  const wait = async (ms: number | undefined, signal: AbortSignal): Promise<void> => {
    signal.throwIfAborted();
    if (ms !== undefined && ms > 0) await delay(ms, undefined, { signal });
  };
  const life = { id: 'stub', warm: nothing, close: nothing };
  return {
    vad: {
      ...life,
      open() {
        let rest = new Int16Array(0);
        return {
          async push(pcm: Int16Array): Promise<readonly number[]> {
            const whole = new Int16Array(rest.length + pcm.length);
            whole.set(rest);
            whole.set(pcm, rest.length);
            const windows: number[] = [];
            let at = 0;
            for (; at + 512 <= whole.length; at += 512) windows.push(isLoud(whole.subarray(at, at + 512)) ? 1 : 0);
            rest = whole.slice(at);
            return windows;
          },
          reset() {
            rest = new Int16Array(0);
          },
          close: () => undefined,
        };
      },
    },
    stt: {
      ...life,
      speaks: () => true,
      async transcribe(_pcm: Int16Array, options: { readonly signal: AbortSignal }): Promise<string> {
        await wait(delays.hearMs, options.signal);
        return heard;
      },
    },
    llm: {
      ...life,
      async *think(request: { readonly signal: AbortSignal }) {
        await wait(delays.thinkMs, request.signal);
        yield { type: 'text' as const, text: said };
      },
    },
    tts: {
      ...life,
      speaks: () => true,
      async *speak(_text: string, options: { readonly signal: AbortSignal }) {
        await wait(delays.speakMs, options.signal);
        yield { pcm: tone, sampleRate: RATE };
      },
    },
  };
}

function isLoud(window: Int16Array): boolean {
  let sum = 0;
  for (const sample of window) sum += Math.abs(sample);
  return sum / window.length > LOUD;
}
