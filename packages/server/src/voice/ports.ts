import type { DeviceTool, Emotion, Language } from '@muster/contract';
import type { TObject } from 'typebox';
import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/log.ts';

/**
 * The ports of voice: what a provider of a stage gives, and what it may count on.
 *
 * Sound inside the server is mono signed 16-bit PCM. The uplink is 16 kHz; speech synthesis says its own rate.
 * Every call that waits takes an AbortSignal. Aborting rejects (or ends the iteration) with the signal's reason within
 * 100 ms and frees the socket or the child's slot; work already in a native call may run out, its result is dropped.
 * Providers throw MusterError with a PROVIDER_, CHILD_, QUEUE_ or LANGUAGE_ code; `retryable` decides what comes next.
 */

/** Uplink rate, Hz. */
export const HEARING_RATE = 16_000;
/** Downlink rate, Hz. */
export const SPEAKING_RATE = 24_000;
/** Silero's window at 16 kHz, samples (32 ms). */
export const VAD_WINDOW = 512;

/** How a provider that runs in processes of its own is doing; providers without any have no state to tell. */
export interface ProviderState {
  readonly state: 'starting' | 'ready' | 'degraded' | 'down';
  /** Children that can take work, of how many, and how often one was started again. */
  readonly ready: number;
  readonly children: number;
  readonly restarts: number;
  /** Requests that wait for a child. */
  readonly waiting: number;
}

// --- voice activity ---------------------------------------------------------------------------------------------

export interface Vad {
  readonly id: string;
  /** One stream per conversation: it keeps the state of the model between windows. */
  open(): VadStream;
  /** Loads and warms the model; `ready` may be said after it. */
  warm(): Promise<void>;
  close(): Promise<void>;
  state?(): ProviderState;
}

export interface VadStream {
  /**
   * Takes samples at 16 kHz, any number at a time, in order; calls must not overlap (await each). Resolves with the
   * probability of speech (0 to 1) of each 512-sample window completed by this push; left-over samples are kept.
   */
  push(pcm: Int16Array): Promise<readonly number[]>;
  /** Forgets what was heard: between turns. */
  reset(): void;
  close(): void;
}

// --- speech to text ---------------------------------------------------------------------------------------------

export interface SpeechToText {
  readonly id: string;
  /** Whether it understands the language; asked before it is used. */
  speaks(language: Language): boolean;
  /** One utterance at 16 kHz, at most 30 s. Resolves with the words, '' when there are none. */
  transcribe(pcm: Int16Array, options: { readonly language: Language; readonly signal: AbortSignal }): Promise<string>;
  warm(): Promise<void>;
  close(): Promise<void>;
  state?(): ProviderState;
}

// --- language model ---------------------------------------------------------------------------------------------

export interface ChatMessage {
  readonly role: 'user' | 'assistant';
  readonly text: string;
}

/** What a model may call: a tool of the device (MCP) or of the server (timers and the like). */
export interface ToolSpec {
  readonly name: string;
  readonly description: string;
  /** JSON Schema of the arguments. */
  readonly parameters: Readonly<Record<string, unknown>>;
}

export interface ThinkRequest {
  /** What the person said, screened. */
  readonly text: string;
  /** Past turns, oldest first, as many as the assistant remembers. */
  readonly history: readonly ChatMessage[];
  readonly persona: string;
  readonly assistantName: string;
  readonly language: Language;
  readonly timeZone: string;
  /** Epoch ms */
  readonly now: number;
  readonly deviceName: string;
  readonly tools: readonly ToolSpec[];
  /**
   * Calls a tool of `tools` and resolves with its text. Rejects with TOOL_UNKNOWN, TOOL_TIMEOUT or TOOL_FAILED, whose
   * message may be told to the model or to the person. The caller bounds time and number; a provider only asks.
   */
  readonly callTool: (name: string, args: Readonly<Record<string, unknown>>) => Promise<string>;
  readonly signal: AbortSignal;
}

export type ThinkEvent =
  /** The next piece of the answer, as it comes; pieces need not be words or sentences. */
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'emotion'; readonly emotion: Emotion }
  /** The skills engine says which skill answers. */
  | { readonly type: 'skill'; readonly name: string };

export interface LanguageModel {
  readonly id: string;
  /** Streams the answer. Owns its own rounds of tool calls (at most 5), using `request.callTool`. */
  think(request: ThinkRequest): AsyncIterable<ThinkEvent>;
  warm(): Promise<void>;
  close(): Promise<void>;
  state?(): ProviderState;
}

// --- text to speech ---------------------------------------------------------------------------------------------

export interface PcmChunk {
  readonly pcm: Int16Array;
  /** Hz */
  readonly sampleRate: number;
}

export interface SpeakOptions {
  readonly language: Language;
  /** A voice of the provider, or null for its default. An unknown voice falls back to the default. */
  readonly voice: string | null;
  readonly signal: AbortSignal;
}

export interface TextToSpeech {
  readonly id: string;
  speaks(language: Language): boolean;
  /** One sentence. Yields sound as soon as there is some; all chunks of one call have one rate. */
  speak(text: string, options: SpeakOptions): AsyncIterable<PcmChunk>;
  warm(): Promise<void>;
  close(): Promise<void>;
  state?(): ProviderState;
}

// --- screening --------------------------------------------------------------------------------------------------

export interface Screener {
  readonly id: string;
  /** `in`: a person's words before the model. `out`: a sentence of the answer before it is spoken. */
  check(
    text: string,
    options: { readonly direction: 'in' | 'out'; readonly siteId: string; readonly signal: AbortSignal },
  ): Promise<{ readonly allow: boolean; readonly reason: string | null }>;
}

// --- definitions: what a provider's folder exports -----------------------------------------------------------------

export interface ProviderDeps {
  readonly log: Logger;
  readonly clock: Clock;
}

/**
 * One provider of a stage: `export const provider = define…({...})` in `voice/<stage>/<id>/index.ts`; the index of the
 * stage is generated. `config` is a TypeBox object whose every property has a description and, unless secret, a
 * default; it stands in the configuration under `voice.<stage>.<id>`. `configured` says whether the provider can be
 * used with these values (a base URL is given, a binary is on the PATH); one that cannot is left out, never a failure.
 */
export interface ProviderDefinition<Port, Values = never> {
  readonly id: string;
  /** Lower comes first in the server's own order; what was configured on purpose comes before what needs no key. */
  readonly order: number;
  readonly config: TObject;
  configured(config: Values): boolean | Promise<boolean>;
  create(config: Values, deps: ProviderDeps): Port | Promise<Port>;
}

/** `defineStt<Static<typeof config>>({...})`: the type of the values is said, inferring it costs the compiler seconds. */
export function defineStt<Values>(definition: ProviderDefinition<SpeechToText, Values>) {
  return definition;
}
export function defineLlm<Values>(definition: ProviderDefinition<LanguageModel, Values>) {
  return definition;
}
export function defineTts<Values>(definition: ProviderDefinition<TextToSpeech, Values>) {
  return definition;
}

// --- the device as voice sees it ---------------------------------------------------------------------------------

/** What a turn may do to the device it talks with. The gateway gives one per connection. Sends never throw. */
export interface VoiceLink {
  readonly deviceId: string;
  readonly siteId: string;
  readonly sessionId: string;
  readonly deviceName: string;
  heard(text: string): void;
  emotion(emotion: Emotion): void;
  speechStart(): void;
  sentence(text: string): void;
  /** One Opus packet, 24 kHz, 60 ms. False when the device reads too slowly or is gone: stop sending. */
  audio(packet: Uint8Array): boolean;
  speechStop(): void;
  alert(status: string, message: string, emotion: Emotion): void;
  /** Tools that the device listed; empty until it has. */
  tools(): readonly DeviceTool[];
}

/** What the gateway tells a conversation. Calls never throw and never block. */
export interface Conversation {
  listenStart(mode: 'auto' | 'manual' | 'realtime'): void;
  listenStop(): void;
  /** The device heard its wake word, or sends typed text. */
  detect(text: string): void;
  /** One Opus packet from the microphone, already cut out of its frame. */
  audio(packet: Uint8Array): void;
  abort(reason: string | null): void;
  /** Nothing was said for the idle time: say goodbye. The connection closes when it was played, unless somebody speaks. */
  idle(): void;
  /** The server stops: finish the turn and begin no other; give up when the signal is aborted. */
  finish(signal: AbortSignal): Promise<void>;
  /** The socket is gone. Idempotent. */
  close(): void;
}
