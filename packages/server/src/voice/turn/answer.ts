import {
  bug,
  codeOf,
  type ErrorCode,
  type Language,
  LIMITS,
  MusterError,
  type TurnOutcome,
  type Turn as TurnRow,
} from '@muster/contract';
import type { Clock } from '../../platform/clock.ts';
import { unlessAborted, within } from '../../platform/deadline.ts';
import type { Logger } from '../../platform/log.ts';
import { createResampler, type Resampler } from '../audio/resample.ts';
import { firstAnswer, firstStream, type StageDeps, speaking } from '../fallback.ts';
import type { FixedLine } from '../line-sounds.ts';
import { lines } from '../lines/index.ts';
import {
  type ChatMessage,
  type LanguageModel,
  type Screener,
  SPEAKING_RATE,
  type SpeechToText,
  type TextToSpeech,
  type ToolSpec,
  type VoiceLink,
} from '../ports.ts';
import { apologyFor, Refused, type Stage } from './apologies.ts';
import type { Playout } from './playout.ts';
import { createSentenceCutter } from './sentences.ts';
import { createToolCalls } from './tool-calls.ts';
import { TurnEnded } from './turn.ts';

/** Who answers, resolved: what stands in the assistant, with the providers that are configured now. */
export interface Voice {
  readonly assistantName: string;
  readonly persona: string;
  readonly language: Language;
  readonly voice: string | null;
  readonly timeZone: string;
  readonly siteId: string;
  readonly screener: Screener;
  readonly stt: readonly SpeechToText[];
  readonly llm: readonly LanguageModel[];
  readonly tts: readonly TextToSpeech[];
}

export interface AnswerLimits {
  readonly hearingMs: number;
  readonly thinkingMs: number;
  readonly speakingMs: number;
  readonly screeningMs: number;
  readonly toolMs: number;
  readonly turnMs: number;
  readonly momentMs: number;
}

export interface AnswerDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly link: VoiceLink;
  readonly playout: Playout;
  readonly voice: Voice;
  readonly limits: AnswerLimits;
  readonly history: readonly ChatMessage[];
  readonly tools: readonly ToolSpec[];
  readonly callTool: (name: string, args: Readonly<Record<string, unknown>>, signal: AbortSignal) => Promise<string>;
  /** Sound of a line of the server at 24 kHz, made beforehand; null when there is none. */
  readonly lineSound: (key: FixedLine, language: Language) => Int16Array | null;
  readonly onProviderFailure: (stage: 'stt' | 'llm' | 'tts', provider: string, error: unknown) => void;
}

export type AnswerInput =
  | {
      readonly cause: 'speech';
      readonly pcm: Int16Array;
      readonly spokenMs: number;
      /** The person pressed a button to talk and waits: words that are not found must be answered too. */
      readonly sayWhenNothingHeard?: boolean;
    }
  | { readonly cause: 'text'; readonly text: string }
  /** Said as it is, no model asked. */
  | { readonly cause: 'reminder' | 'server'; readonly line: string };

/** What the flight recorder keeps of a turn. */
export type AnswerReport = Pick<
  TurnRow,
  'cause' | 'outcome' | 'errorCode' | 'stt' | 'llm' | 'tts' | 'skill' | 'times'
> & {
  readonly tools: TurnRow['tools'];
  readonly heard: string;
  readonly said: string;
};

export interface Answer {
  readonly language: Language;
  /** The words, as soon as they are known; null when they never will be. Does not reject. */
  readonly heard: Promise<string | null>;
  /** The person has finished (at `lastVoicedAt`, monotonic ms): what was prepared may be heard, tools may act. */
  commit(lastVoicedAt: number): void;
  readonly committed: boolean;
  /** Does not reject. Null for an answer that was dropped before it was committed. */
  readonly done: Promise<AnswerReport | null>;
}

/**
 * Prepares the answer to one utterance: hear, screen, think, screen, speak, sentence by sentence. It may begin before
 * the turn is certain; until `commit` nothing is heard, shown or acted on. `signal` is the turn's.
 */
export function createAnswer(deps: AnswerDeps, input: AnswerInput, signal: AbortSignal): Answer {
  const { clock, link, playout, voice, limits } = deps;
  const { language } = voice;
  const startedAt = clock.monotonic();
  const commitment = Promise.withResolvers<void>();
  const heard = Promise.withResolvers<string | null>();
  const work = new AbortController();
  const follow = (): void => work.abort(signal.reason);
  signal.addEventListener('abort', follow, { once: true });
  if (signal.aborted) follow();
  // a dropped answer must not stay behind as an unhandled rejection
  commitment.promise.catch(() => undefined);
  work.signal.addEventListener('abort', () => commitment.reject(work.signal.reason), { once: true });

  let stage: Stage = 'hearing';
  const toolCalls = createToolCalls({
    clock,
    limitMs: limits.toolMs,
    certain: commitment.promise,
    callTool: deps.callTool,
  });
  let committed = false;
  let lastVoicedAt = startedAt;
  const used = { stt: null, llm: null, tts: null, skill: null } as Record<
    'stt' | 'llm' | 'tts' | 'skill',
    string | null
  >;
  const marks: Partial<Record<'endpoint' | 'heard' | 'thought' | 'spoken', number>> = {};
  const timers: (() => void)[] = [];
  const resamplers = new Map<number, Resampler>();
  let words = '';
  let said = '';

  const stageDeps = (name: 'stt' | 'llm' | 'tts'): StageDeps => ({
    clock,
    onFailure: (provider, error) => deps.onProviderFailure(name, provider, error),
  });

  async function hear(pcm: Int16Array): Promise<string> {
    if (pcm.length === 0) return '';
    const { provider, value } = await firstAnswer(
      stageDeps('stt'),
      speaking(voice.stt, language),
      { ms: limits.hearingMs, code: 'HEARING_TIMEOUT' },
      work.signal,
      (stt, inner) => stt.transcribe(pcm, { language, signal: inner }),
    );
    used.stt = provider.id;
    return value.trim().slice(0, LIMITS.textChars);
  }

  async function screen(text: string, direction: 'in' | 'out'): Promise<void> {
    const before = stage;
    stage = 'screening';
    const verdict = await within(
      clock,
      { ms: limits.screeningMs, code: 'SCREENING_FAILED', signal: work.signal },
      (inner) => voice.screener.check(text, { direction, siteId: voice.siteId, signal: inner }),
    );
    if (!verdict.allow) {
      throw new Refused(direction, verdict.reason);
    }
    stage = before;
  }

  async function think(text: string): Promise<void> {
    stage = 'thinking';
    const cutter = createSentenceCutter();
    const request = {
      text,
      history: deps.history,
      persona: voice.persona,
      assistantName: voice.assistantName,
      language,
      timeZone: voice.timeZone,
      now: clock.now(),
      deviceName: link.deviceName,
      tools: deps.tools,
    };
    const events = firstStream(
      stageDeps('llm'),
      voice.llm,
      { ms: limits.thinkingMs, code: 'THINKING_TIMEOUT' },
      work.signal,
      (llm, attempt) =>
        llm.think({
          ...request,
          signal: attempt.signal,
          callTool: (name, args) => toolCalls.call(name, args, attempt),
        }),
      (llm) => {
        used.llm = llm.id;
      },
    );
    for await (const event of events) {
      if (event.type === 'skill') used.skill = event.name;
      else if (event.type === 'emotion')
        void commitment.promise.then(
          () => link.emotion(event.emotion),
          () => undefined,
        );
      else for (const sentence of cutter.push(event.text)) await say(sentence, true);
      stage = 'thinking';
      if (said.length > LIMITS.textChars) break;
    }
    for (const sentence of cutter.flush()) await say(sentence, true);
    if (said === '') throw new MusterError('PROVIDER_BROKEN', {}, { say: 'The language model said nothing.' });
  }

  function resamplerFrom(rate: number): Resampler {
    const found = resamplers.get(rate) ?? createResampler(rate, SPEAKING_RATE);
    resamplers.set(rate, found);
    return found;
  }

  async function say(sentence: string, screened: boolean): Promise<void> {
    marks.thought ??= clock.monotonic();
    if (screened) await screen(sentence, 'out');
    stage = 'speaking';
    playout.sentence(sentence);
    const chunks = firstStream(
      stageDeps('tts'),
      speaking(voice.tts, language),
      { ms: limits.speakingMs, code: 'SPEAKING_TIMEOUT' },
      work.signal,
      (tts, attempt) => tts.speak(sentence, { language, voice: voice.voice, signal: attempt.signal }),
      (tts) => {
        used.tts = tts.id;
      },
    );
    let rate = SPEAKING_RATE;
    for await (const { pcm, sampleRate } of chunks) {
      marks.spoken ??= clock.monotonic();
      rate = sampleRate;
      // the resampler gives a view that its next call overwrites
      await playout.write(rate === SPEAKING_RATE ? pcm : resamplerFrom(rate).push(pcm).slice());
    }
    if (rate !== SPEAKING_RATE) await playout.write(resamplerFrom(rate).flush().slice());
    said += said === '' ? sentence : ` ${sentence}`;
  }

  /** A line of the server: made beforehand, so that it can be heard when speech synthesis is what failed. */
  async function sayLine(key: FixedLine, text: string): Promise<void> {
    const sound = deps.lineSound(key, language);
    if (sound === null) link.alert('Error', text, 'sad');
    else {
      playout.sentence(text);
      await playout.write(sound);
    }
  }

  function startClocks(): void {
    timers.push(clock.after(limits.turnMs, () => work.abort(new MusterError('TURN_LIMIT', { ms: limits.turnMs }))));
    const since = clock.monotonic() - lastVoicedAt;
    const moment = (): void => {
      if (marks.spoken !== undefined || work.signal.aborted) return;
      // not worth an alert: the answer still comes
      if (deps.lineSound('oneMoment', language) === null) return;
      playout.open();
      sayLine('oneMoment', lines.say('oneMoment', language)).catch((error: unknown) =>
        deps.log.debug({ err: error }, 'line dropped'),
      );
    };
    timers.push(clock.after(Math.max(0, limits.momentMs - since), moment));
  }

  function stopClocks(): void {
    for (const cancel of timers.splice(0)) cancel();
  }

  async function answer(): Promise<TurnOutcome> {
    words = input.cause === 'speech' ? await hear(input.pcm) : input.cause === 'text' ? input.text : '';
    marks.heard = clock.monotonic();
    heard.resolve(input.cause === 'speech' || input.cause === 'text' ? words : null);
    if (input.cause === 'speech' && !/[\p{L}\p{N}]/u.test(words)) {
      await commitment.promise;
      if (input.sayWhenNothingHeard !== true) return 'nothingHeard';
      stopClocks();
      playout.open();
      await sayLine('notHeard', lines.say('notHeard', language));
      return (await played()) ? 'nothingHeard' : 'disconnected';
    }
    void commitment.promise.then(
      () => {
        if (words !== '') link.heard(words);
        playout.open();
      },
      () => undefined,
    );
    if (input.cause === 'speech' || input.cause === 'text') {
      await screen(words, 'in');
      await think(words);
    } else await say(input.line, false);
    await commitment.promise;
    return (await played()) ? 'answered' : 'disconnected';
  }

  function played(): Promise<boolean> {
    return within(clock, { ms: limits.turnMs, code: 'TURN_LIMIT', signal: work.signal }, () => playout.finish());
  }

  async function run(): Promise<AnswerReport | null> {
    let outcome: TurnOutcome;
    let errorCode: ErrorCode | null = null;
    try {
      outcome = await answer();
    } catch (error) {
      heard.resolve(null);
      if (signal.aborted) {
        playout.stop(signal.reason);
        if (!committed) return null;
        outcome =
          signal.reason instanceof TurnEnded && signal.reason.event !== 'close' ? 'interrupted' : 'disconnected';
      } else if (codeOf(error) === 'DEVICE_NOT_CONNECTED') {
        playout.stop(error);
        outcome = 'disconnected';
      } else {
        [outcome, errorCode] = await apologise(error);
        if (!committed) return null;
      }
    } finally {
      stopClocks();
      signal.removeEventListener('abort', follow);
    }
    return report(outcome, errorCode);
  }

  async function apologise(error: unknown): Promise<[TurnOutcome, ErrorCode]> {
    stopClocks();
    const refused = error instanceof Refused;
    const code = refused ? 'SCREENING_REFUSED' : work.signal.aborted ? 'TURN_LIMIT' : codeOf(error);
    const key = refused ? error.line : apologyFor(code, stage);
    if (code === 'INTERNAL') deps.log.error({ err: error, stage }, 'turn failed');
    else deps.log.warn({ code, stage }, 'turn failed');
    try {
      // the turn may not be certain yet; when it is dropped nothing is said
      if (!committed) await unlessAborted(commitment.promise, signal);
      playout.open();
      await sayLine(key, lines.say(key, language));
      await unlessAborted(playout.finish(), signal);
    } catch (reason) {
      playout.stop(reason);
    }
    return [refused ? 'refused' : 'failed', code];
  }

  function report(outcome: TurnOutcome, errorCode: ErrorCode | null): AnswerReport {
    const since = (mark: number | undefined): number | null =>
      mark === undefined ? null : Math.max(0, Math.round(mark - lastVoicedAt));
    return {
      cause: input.cause,
      outcome,
      errorCode,
      ...used,
      times: {
        speechMs: input.cause === 'speech' ? Math.round(input.spokenMs) : null,
        endpointMs: input.cause === 'speech' ? since(marks.endpoint) : null,
        heardMs: input.cause === 'speech' ? since(marks.heard) : null,
        thoughtMs: since(marks.thought),
        spokenMs: since(marks.spoken),
        firstAudioMs: since(playout.soundedAt ?? undefined),
        totalMs: since(clock.monotonic()),
      },
      tools: toolCalls.made,
      heard: words,
      said,
    };
  }

  return {
    language,
    heard: heard.promise,
    commit(at) {
      if (committed) throw bug('an answer was committed twice');
      committed = true;
      lastVoicedAt = at;
      marks.endpoint = clock.monotonic();
      startClocks();
      commitment.resolve();
    },
    get committed() {
      return committed;
    },
    done: run(),
  };
}
