import type { ListenMode } from '@muster/contract';
import { createDecoder, createEncoder } from '../audio/codec.ts';
import type { Audio } from '../audio/port.ts';
import type { ServerMessage } from '../link/messages.ts';
import type { Session } from '../link/session.ts';
import type { Log } from '../log.ts';

/**
 * idle -> listening (a person presses, or realtime) -> speaking (`tts start`) -> draining (`tts stop`, sound is still
 * queued) -> listening (auto, realtime) or idle (manual, a reminder). `silencing` is between an abort and `tts stop`.
 */
export type ConversationState = 'idle' | 'listening' | 'speaking' | 'draining' | 'silencing';

/** What a person may see or hear of a conversation. */
export type ConversationEvent =
  | { readonly type: 'state'; readonly state: ConversationState }
  | { readonly type: 'heard' | 'sentence'; readonly text: string }
  | { readonly type: 'alert'; readonly text: string }
  | { readonly type: 'answered' };

export interface ConversationDeps {
  readonly audio: Audio;
  readonly mode: ListenMode;
  /** auto: how long to listen on after an answer, ms. */
  readonly followUpMs: number;
  readonly log: Log;
  readonly onEvent: (event: ConversationEvent) => void;
}

export interface Conversation {
  /** A channel is open. In realtime it listens from here on. */
  attach(session: Session): void;
  /** The channel is gone: microphone off, silence. */
  detach(): void;
  message(message: ServerMessage): void;
  audio(packet: Uint8Array): void;
  /** The button: starts listening, ends a manual utterance, cuts off an answer. */
  press(): void;
  state(): ConversationState;
  counts(): { readonly malformedPackets: number; readonly strayPackets: number };
}

/** Longest wait for what the server owes, ms: an utterance is 30 s at most, and thinking has limits of its own. */
const LISTEN_MS = 60_000;
const SILENCING_MS = 5_000;
/** `tts start` without any sound or text after it. */
const STALLED_MS = 30_000;

export function createConversation(deps: ConversationDeps): Conversation {
  const { audio, mode, log, onEvent } = deps;
  const encode = createEncoder();
  const decoder = createDecoder();
  const counts = { malformedPackets: 0, strayPackets: 0 };
  let session: Session | null = null;
  let state: ConversationState = 'idle';
  let deadline: NodeJS.Timeout | null = null;
  /** A reminder began while nobody talked: afterwards the microphone stays off. */
  let isReminder = false;
  let draining = new AbortController();

  function enter(next: ConversationState, limitMs: number | null, onLimit: () => void = toIdle): void {
    if (deadline !== null) clearTimeout(deadline);
    deadline = limitMs === null ? null : setTimeout(onLimit, limitMs);
    if (next !== 'draining') draining.abort();
    if (state === next) return;
    state = next;
    onEvent({ type: 'state', state });
  }

  function toIdle(): void {
    if (mode === 'realtime' && session?.isOpen() === true) {
      listen(LISTEN_MS);
      return;
    }
    if (state === 'listening') session?.send({ type: 'listen', state: 'stop' });
    audio.closeMicrophone();
    enter('idle', null);
  }

  /** In realtime the microphone was never off, and the server is told once. */
  function listen(limitMs: number): void {
    if (mode !== 'realtime') session?.send({ type: 'listen', state: 'start', mode });
    audio.openMicrophone(onFrame);
    enter('listening', mode === 'realtime' ? null : limitMs);
  }

  /** manual: the button is released, the answer is owed. */
  function endUtterance(): void {
    session?.send({ type: 'listen', state: 'stop' });
    audio.closeMicrophone();
    enter('listening', LISTEN_MS);
  }

  function onFrame(pcm: Int16Array): void {
    if (session === null) return;
    if (state === 'listening' || mode === 'realtime') session.sendAudio(encode(pcm));
  }

  function speechStart(): void {
    isReminder = state === 'idle';
    // half duplex: what the speaker says must not come back through the microphone
    if (mode !== 'realtime') audio.closeMicrophone();
    audio.speaker.flush();
    decoder.reset();
    enter('speaking', STALLED_MS);
  }

  function speechStop(): void {
    if (mode === 'realtime' && state === 'speaking') {
      // a proper end leaves nothing queued; what is queued is a barge-in
      audio.speaker.flush();
    } else if (state === 'speaking') {
      drain();
      return;
    } else if (state !== 'silencing') return;
    answered();
  }

  function drain(): void {
    draining = new AbortController();
    const { signal } = draining;
    const limitMs = audio.speaker.queuedMs() + 2_000;
    enter('draining', limitMs, answered);
    audio.speaker.drained(signal).then(answered, () => log.debug('an answer was cut off'));
  }

  function answered(): void {
    const wasReminder = isReminder;
    isReminder = false;
    onEvent({ type: 'answered' });
    if (session === null || wasReminder || mode === 'manual') toIdle();
    else if (mode === 'auto' && deps.followUpMs === 0) toIdle();
    else listen(mode === 'auto' ? deps.followUpMs : LISTEN_MS);
  }

  return {
    state: () => state,
    counts: () => ({ ...counts }),
    attach(opened) {
      session = opened;
      if (mode !== 'realtime') return;
      opened.send({ type: 'listen', state: 'start', mode });
      listen(LISTEN_MS);
    },
    detach() {
      session = null;
      audio.closeMicrophone();
      audio.speaker.flush();
      enter('idle', null);
    },
    message(message) {
      switch (message.type) {
        case 'tts':
          if (message.state === 'start') speechStart();
          else speechStop();
          break;
        case 'stt':
          if (state === 'listening' && mode !== 'realtime') enter('listening', LISTEN_MS);
          onEvent({ type: 'heard', text: message.text });
          break;
        case 'sentence':
          if (state === 'speaking') enter('speaking', STALLED_MS);
          onEvent({ type: 'sentence', text: message.text });
          break;
        case 'alert':
          onEvent({ type: 'alert', text: `${message.status}: ${message.message}` });
          break;
      }
    },
    audio(packet) {
      if (state !== 'speaking') {
        counts.strayPackets++;
        return;
      }
      deadline?.refresh();
      const pcm = decoder.decode(packet);
      if (pcm === null) counts.malformedPackets++;
      else audio.speaker.play(pcm);
    },
    press() {
      if (session === null) return;
      switch (state) {
        case 'idle':
          listen(LISTEN_MS);
          break;
        case 'listening':
          if (mode === 'auto') toIdle();
          if (mode === 'manual') endUtterance();
          break;
        case 'speaking':
          session.send({ type: 'abort', reason: 'button' });
          audio.speaker.flush();
          enter('silencing', SILENCING_MS);
          break;
        case 'draining':
          audio.speaker.flush();
          break;
        case 'silencing':
          break;
      }
    },
  };
}
