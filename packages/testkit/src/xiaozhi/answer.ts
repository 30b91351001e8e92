import type { Closed, Message } from './connection.ts';
import { createPlayback, type PlaybackCount } from './playback.ts';
import { decodeAnswer } from './speech.ts';

/** Instants are ms of the monotonic clock (`performance.now()`); null is "did not happen". */
export interface AnswerTimes {
  /** The last frame with a voice in it was handed to the socket; set by `talk` and `bargeIn`. */
  lastVoicedFrameSentAt: number | null;
  heardAt: number | null;
  startAt: number | null;
  firstAudioAt: number | null;
  lastAudioAt: number | null;
  stopAt: number | null;
}

/** One spoken answer of the server, from `stt` or `tts start` to `tts stop`. */
export interface Answer {
  /** What the server understood: the text of `stt`. */
  heard: string | null;
  emotion: string | null;
  readonly sentences: { readonly text: string; readonly at: number }[];
  /** Opus packets that the speaker took, each with its arrival. */
  readonly packets: { readonly bytes: Uint8Array; readonly at: number }[];
  readonly times: AnswerTimes;
  /** Decodes the packets: 24 kHz mono. */
  pcm(): Int16Array;
}

type Ready = (answer: Answer) => void;

/** Puts the server's messages and packets together to answers. */
export function createAnswers() {
  const playback = createPlayback();
  const waiting = new Set<{ ready: Ready; gone: (closed: Closed) => void }>();
  let current = newAnswer();
  let isSpeaking = false;
  let isFlushed = false;

  function stop(at: number): void {
    playback.stop(at, isFlushed);
    isSpeaking = false;
    isFlushed = false;
    const done = current;
    if (done.times.startAt === null && done.times.heardAt === null) return;
    current = newAnswer();
    done.times.stopAt = at;
    for (const { ready } of [...waiting]) ready(done);
  }

  return {
    message(message: Message, at: number): void {
      const text = typeof message.text === 'string' ? message.text : '';
      if (message.type === 'stt') {
        current.heard = text;
        current.times.heardAt = at;
      } else if (message.type === 'llm') {
        current.emotion = typeof message.emotion === 'string' ? message.emotion : null;
      } else if (message.type === 'tts' && message.state === 'start') {
        isSpeaking = true;
        isFlushed = false;
        current.times.startAt ??= at;
        playback.start();
      } else if (message.type === 'tts' && message.state === 'sentence_start') {
        current.sentences.push({ text, at });
      } else if (message.type === 'tts' && message.state === 'stop') {
        stop(at);
      }
    },
    audio(bytes: Uint8Array, at: number): void {
      if (!playback.packet(bytes, at)) return;
      current.times.firstAudioAt ??= at;
      current.times.lastAudioAt = at;
      current.packets.push({ bytes, at });
    },
    malformed: playback.malformed,
    closed(closed: Closed): void {
      for (const { gone } of [...waiting]) gone(closed);
    },
    /** What is queued is no loss: the person wants silence. */
    flush(): void {
      isFlushed = true;
    },
    /** Calls one of the two, once, at the next answer's end or the connection's. The function returned forgets both. */
    onNext(ready: Ready, gone: (closed: Closed) => void): () => void {
      const entry = { ready, gone };
      waiting.add(entry);
      return () => waiting.delete(entry);
    },
    isSpeaking: () => isSpeaking,
    current: (): Answer => current,
    playback: (): PlaybackCount => playback.count(),
  };
}

function newAnswer(): Answer {
  const packets: Answer['packets'] = [];
  return {
    heard: null,
    emotion: null,
    sentences: [],
    packets,
    times: {
      lastVoicedFrameSentAt: null,
      heardAt: null,
      startAt: null,
      firstAudioAt: null,
      lastAudioAt: null,
      stopAt: null,
    },
    pcm: () => decodeAnswer(packets.map(({ bytes }) => bytes)),
  };
}
