import { codeOf, type ErrorCode, LIMITS, MusterError } from '@muster/contract';
import { type Clock, sleep } from '../../platform/clock.ts';
import type { Logger } from '../../platform/log.ts';
import type { OpusDecoder, OpusEncoder } from '../audio/opus.ts';
import { type Conversation, HEARING_RATE, VAD_WINDOW, type VadStream, type VoiceLink } from '../ports.ts';
import { type Answer, type AnswerDeps, type AnswerInput, type AnswerReport, createAnswer } from './answer.ts';
import { completenessOf, createEndpointer, type EndpointConfig, type EndpointEvent } from './endpoint.ts';
import { createHearing } from './hearing.ts';
import { createPlayout, type Playout } from './playout.ts';
import { createTurn, type TurnState } from './turn.ts';

export interface ConversationDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly link: VoiceLink;
  readonly vad: VadStream;
  readonly decoder: OpusDecoder;
  readonly encoder: OpusEncoder;
  readonly endpoint: EndpointConfig;
  /** Whether the device's text is its wake word and no question. */
  readonly isWakeWord: (text: string) => boolean;
  /** Everything an answer needs but its playout; asked anew for each turn, so that a change counts at the next one. */
  readonly answerDeps: () => Promise<Omit<AnswerDeps, 'playout'>>;
  /** Sound to play when an answer cannot even be begun; null when there is none. */
  readonly apology: () => Int16Array | null;
  readonly onReport: (report: AnswerReport) => void;
  readonly onPaced: (lateMs: number) => void;
  readonly onFault: (code: ErrorCode) => void;
}

export interface SpokenConversation extends Omit<Conversation, 'idle'> {
  readonly link: VoiceLink;
  /** Says `line` when nobody is speaking. True when it was played to the end. */
  announce(line: string, cause: 'reminder' | 'server'): Promise<boolean>;
  /** Nothing was said for the idle time: say goodbye. */
  idle(line: string): void;
}

/** The answer at work. */
interface Current {
  /** Resolved with the instant of the last voiced frame when the turn is certain. */
  readonly certain: PromiseWithResolvers<number>;
  /** True when it was heard, at least in part. */
  readonly done: Promise<boolean>;
}

/** Frames that wait for voice activity; past it the newest is dropped (3 s of 60 ms frames). */
const MOST_WAITING = 50;
/** Speech over an answer that counts as barge-in: three windows are 96 ms, longer than a click or a cough's onset. */
const BARGE_IN_WINDOWS = 3;
const BARGE_IN_PROBABILITY = 0.6;
/** The button was held and nobody spoke, or too softly: the person waits for something. */
const NOTHING_HEARD: AnswerInput = { cause: 'speech', pcm: new Int16Array(0), spokenMs: 0, sayWhenNothingHeard: true };
/** States in which nothing is lost when the server stops. */
const RESTING: ReadonlySet<TurnState> = new Set(['idle', 'listening', 'closed']);
/** How often a speaker whose sound stopped coming is looked after, ms. */
const WATCH_MS = 100;

/**
 * One device in conversation: turns what the gateway tells into events of the turn, and runs the answers. All state of
 * whose turn it is lives in `turn`; this file only connects.
 */
export function createConversation(deps: ConversationDeps): SpokenConversation {
  const { clock, link, log, vad } = deps;
  const turn = createTurn();
  const endpointer = createEndpointer(deps.endpoint);
  const hearing = createHearing((LIMITS.utteranceMs / 1000) * HEARING_RATE);
  let mode: 'auto' | 'manual' | 'realtime' = 'auto';
  let waiting = 0;
  let tail: Promise<void> = Promise.resolve();
  /** Grows with each microphone opening, so that frames of the one before are not heard in the next. */
  let opening = 0;
  let windowEnd = 0;
  let lastVoicedAt = 0;
  let speechBeganAt = 0;
  let lastFrameAt = 0;
  let loudWindows = 0;
  let faulty = false;
  let finishing = false;
  let current: Current | null = null;
  let cancelWatch: (() => void) | null = null;

  // --- hearing ---------------------------------------------------------------------------------------------------

  function resetHearing(keepAll: boolean): void {
    opening += 1;
    windowEnd = 0;
    loudWindows = 0;
    endpointer.reset();
    hearing.reset(keepAll);
    vad.reset();
    deps.decoder.reset();
  }

  function listensNow(): boolean {
    const { state } = turn;
    if (state === 'listening' || state === 'hearing' || state === 'guessing') return true;
    return mode === 'realtime' && (state === 'thinking' || state === 'speaking');
  }

  async function hear(pcm: Int16Array, arrivedAt: number, at: number): Promise<void> {
    if (at !== opening || !listensNow()) return;
    hearing.append(pcm);
    const probabilities = await vad.push(pcm);
    for (const probability of probabilities) {
      if (at !== opening) return;
      windowEnd += VAD_WINDOW;
      if (turn.state === 'thinking' || turn.state === 'speaking') noticeBargeIn(probability, arrivedAt);
      else notice(probability, arrivedAt);
    }
    if (at === opening && hearing.full && turn.state !== 'thinking') endOfSpeech();
  }

  function notice(probability: number, arrivedAt: number): void {
    if (probability >= 0.5) {
      lastVoicedAt = arrivedAt;
      hearing.voiced(windowEnd);
    }
    const event = endpointer.push(probability);
    if (event !== null) onEndpoint(event, arrivedAt);
  }

  function onEndpoint(event: EndpointEvent, arrivedAt: number): void {
    switch (event) {
      case 'speech':
        if (!turn.send('speech')) return;
        speechBeganAt = arrivedAt;
        lastVoicedAt = arrivedAt;
        if (mode !== 'manual') hearing.begin(windowEnd);
        watch();
        break;
      case 'pause':
        if (mode === 'manual' || !turn.send('pause')) return;
        prepare({ cause: 'speech', pcm: hearing.utterance(), spokenMs: lastVoicedAt - speechBeganAt });
        break;
      case 'resume':
        turn.send('resume');
        break;
      case 'end':
        // push-to-talk ends with the button; the endpointer goes on for the next words
        if (mode !== 'manual') endOfSpeech();
        break;
    }
  }

  function endOfSpeech(): void {
    const prepared = turn.state === 'guessing' ? current : null;
    if (!turn.send('end')) return;
    if (prepared === null) {
      const pcm = mode === 'manual' ? hearing.everything() : hearing.utterance();
      const spokenMs = lastVoicedAt - speechBeganAt;
      prepare({ cause: 'speech', pcm, spokenMs, sayWhenNothingHeard: mode === 'manual' });
    }
    current?.certain.resolve(lastVoicedAt);
    if (mode === 'realtime') resetHearing(false);
  }

  /** A device that stops sending in the middle of speech has stopped speaking. */
  function watch(): void {
    cancelWatch?.();
    cancelWatch = clock.after(WATCH_MS, () => {
      cancelWatch = null;
      if (turn.state !== 'hearing' && turn.state !== 'guessing') return;
      const silent = clock.monotonic() - lastFrameAt;
      if (waiting === 0 && silent > deps.endpoint.maxMs && mode !== 'manual') endOfSpeech();
      else watch();
    });
  }

  function noticeBargeIn(probability: number, arrivedAt: number): void {
    loudWindows = probability >= BARGE_IN_PROBABILITY ? loudWindows + 1 : 0;
    if (loudWindows < BARGE_IN_WINDOWS) return;
    interrupt();
    turn.send('listen');
    loudWindows = 0;
    endpointer.reset();
    for (let i = 0; i < BARGE_IN_WINDOWS; i++) notice(probability, arrivedAt);
  }

  // --- answering -------------------------------------------------------------------------------------------------

  /** Begins an answer on the turn's signal. It is heard only when it is committed. */
  function prepare(input: AnswerInput): void {
    const { signal } = turn;
    const playout = createPlayout({
      link,
      clock,
      encode: (frame) => deps.encoder.encode(frame),
      onSound: () => void turn.send('sound'),
      onPaced: deps.onPaced,
    });
    signal.addEventListener('abort', () => playout.stop(signal.reason), { once: true });
    const certain = Promise.withResolvers<number>();
    const done = deps.answerDeps().then(
      (answerDeps) =>
        signal.aborted ? false : run(createAnswer({ ...answerDeps, playout }, input, signal), certain, signal),
      (error: unknown) => giveUp(error, input, playout, certain, signal),
    );
    current = { certain, done };
  }

  /** Not even who answers is known: the database is away, or no provider is left. Silence would be worse. */
  async function giveUp(
    error: unknown,
    input: AnswerInput,
    playout: Playout,
    certain: Current['certain'],
    signal: AbortSignal,
  ): Promise<boolean> {
    const code = codeOf(error);
    log.error({ err: error, code }, 'an answer could not be begun');
    const voicedAt = await Promise.race([certain.promise, endOf(signal)]);
    if (voicedAt === null || signal.aborted) return false;
    link.alert(code, new MusterError(code).message, 'sad');
    const sound = deps.apology();
    playout.open();
    if (sound !== null) await playout.write(sound).catch(() => undefined);
    await playout.finish();
    deps.onReport(unbegun(input, code, clock.monotonic() - voicedAt));
    if (!signal.aborted) conclude('failed');
    return false;
  }

  async function run(answer: Answer, certain: Current['certain'], signal: AbortSignal): Promise<boolean> {
    void certain.promise.then((at) => answer.commit(at));
    void answer.heard.then((words) => {
      if (words === null || signal.aborted || turn.state !== 'guessing') return;
      const event = endpointer.hint(completenessOf(words, answer.language));
      if (event !== null) onEndpoint(event, clock.monotonic());
    });
    const report = await answer.done;
    if (report === null) return false;
    deps.onReport(report);
    if (!signal.aborted) conclude(report.outcome);
    // an alarm that was silenced was heard
    return report.outcome === 'answered' || (report.outcome === 'interrupted' && report.times.firstAudioMs !== null);
  }

  /** The answer is over and the turn goes back: to the open microphone when the device never closed it. */
  function conclude(outcome: AnswerReport['outcome'] | 'failed'): void {
    current = null;
    turn.send('finished');
    const stillOpen = mode === 'realtime' || (mode === 'auto' && outcome === 'nothingHeard');
    if (!stillOpen || finishing) return;
    turn.send('listen');
    if (outcome === 'nothingHeard') resetHearing(false);
  }

  function interrupt(): void {
    const told = turn.state === 'thinking' || turn.state === 'speaking';
    turn.send('interrupt');
    current = null;
    if (told) deps.encoder.reset();
  }

  function answerNow(input: AnswerInput): Promise<boolean> {
    if (finishing) return Promise.resolve(false);
    const wasHearing = turn.state === 'hearing' || turn.state === 'guessing';
    if (!turn.send('text')) return Promise.resolve(false);
    if (wasHearing) resetHearing(false);
    prepare(input);
    current?.certain.resolve(clock.monotonic());
    return current?.done ?? Promise.resolve(false);
  }

  // --- what the gateway tells --------------------------------------------------------------------------------------

  return {
    link,

    listenStart(asked) {
      if (finishing) return;
      mode = asked;
      resetHearing(mode === 'manual');
      turn.send('listen');
    },

    listenStop() {
      const at = opening;
      // frames that came before the button was released are still being judged
      void tail.then(() => {
        if (at !== opening) return;
        if (turn.state === 'hearing' || turn.state === 'guessing') endOfSpeech();
        else if (mode === 'manual' && turn.state === 'listening') void answerNow(NOTHING_HEARD);
        else turn.send('mute');
      });
    },

    detect(text) {
      const asked = text.trim().slice(0, LIMITS.textChars);
      if (asked === '' || deps.isWakeWord(asked)) return;
      void answerNow({ cause: 'text', text: asked });
    },

    audio(packet) {
      if (!listensNow()) return;
      lastFrameAt = clock.monotonic();
      if (waiting >= MOST_WAITING) return deps.onFault('QUEUE_FULL');
      let pcm: Int16Array;
      try {
        pcm = deps.decoder.decode(packet);
      } catch (error) {
        return refuse(error);
      }
      waiting += 1;
      const [arrivedAt, at] = [lastFrameAt, opening];
      tail = tail
        .then(() => hear(pcm, arrivedAt, at))
        .catch((error: unknown) => log.error({ err: error }, 'hearing failed'))
        .finally(() => {
          waiting -= 1;
        });
    },

    abort() {
      const hadSpeech = turn.state === 'thinking' || turn.state === 'speaking';
      interrupt();
      // the button of a device waits for this even when nothing was playing yet
      if (!hadSpeech) link.speechStop();
      // in realtime the microphone never closed, so the device does not open it again
      if (mode === 'realtime') turn.send('listen');
      if (turn.state === 'listening') resetHearing(mode === 'manual');
    },

    announce(line, cause) {
      if (turn.state !== 'idle' && turn.state !== 'listening') return Promise.resolve(false);
      return answerNow({ cause, line });
    },

    idle(line) {
      // who speaks or is spoken to is not idle
      if (turn.state !== 'idle' && turn.state !== 'listening') return;
      void answerNow({ cause: 'server', line }).then((played) => {
        if (!played) link.speechStop();
      });
    },

    async finish(signal) {
      finishing = true;
      while (!RESTING.has(turn.state) && !signal.aborted) {
        if (current === null) await Promise.race([sleep(clock, WATCH_MS), endOf(signal)]);
        else await Promise.race([current.done, endOf(signal)]);
      }
    },

    close() {
      turn.send('close');
      cancelWatch?.();
      vad.close();
    },
  };

  function refuse(error: unknown): void {
    const code = error instanceof MusterError ? error.code : 'AUDIO_MALFORMED';
    deps.onFault(code);
    if (faulty) return;
    faulty = true;
    log.warn({ code, deviceId: link.deviceId }, 'a device sends sound that cannot be decoded');
    link.alert(code, 'The sound of this device cannot be decoded.', 'confused');
  }
}

/** Resolves with null when the signal is aborted. */
function endOf(signal: AbortSignal): Promise<null> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(null);
    else signal.addEventListener('abort', () => resolve(null), { once: true });
  });
}

/** The report of a turn for which nobody could be found to answer. */
function unbegun(input: AnswerInput, errorCode: ErrorCode, totalMs: number): AnswerReport {
  const none = { endpointMs: null, heardMs: null, thoughtMs: null, spokenMs: null, firstAudioMs: null };
  const speechMs = input.cause === 'speech' ? Math.round(input.spokenMs) : null;
  return {
    cause: input.cause,
    outcome: 'failed',
    errorCode,
    stt: null,
    llm: null,
    tts: null,
    skill: null,
    times: { speechMs, ...none, totalMs: Math.round(totalMs) },
    tools: [],
    heard: '',
    said: '',
  };
}
