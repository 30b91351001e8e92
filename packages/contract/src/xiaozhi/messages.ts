import { type Static, Type } from 'typebox';

/**
 * Text frames of the Xiaozhi protocol. Devices in the field leave out almost everything (the web page sends a hello
 * without `audio_params`, Smart C an empty `session_id`), so what comes from a device is read leniently by the
 * functions below and only what we send has a strict type.
 */

export type ListenMode = 'auto' | 'manual' | 'realtime';

export interface AudioParams {
  readonly format: 'opus';
  /** Hz */
  readonly sample_rate: number;
  readonly channels: 1;
  /** ms */
  readonly frame_duration: number;
}

/** What the server plays unless told otherwise: the firmware's own default. */
export const DOWNLINK: AudioParams = { format: 'opus', sample_rate: 24_000, channels: 1, frame_duration: 60 };
/** What the firmware records. */
export const UPLINK: AudioParams = { format: 'opus', sample_rate: 16_000, channels: 1, frame_duration: 60 };

export type DeviceMessage =
  | {
      readonly type: 'hello';
      readonly version: number;
      readonly mcp: boolean;
      readonly aec: boolean;
      readonly audio: AudioParams;
    }
  | { readonly type: 'listen'; readonly state: 'start'; readonly mode: ListenMode }
  | { readonly type: 'listen'; readonly state: 'stop' }
  | { readonly type: 'listen'; readonly state: 'detect'; readonly text: string }
  | { readonly type: 'abort'; readonly reason: string | null }
  | { readonly type: 'mcp'; readonly payload: unknown }
  | { readonly type: 'ping' }
  | { readonly type: 'goodbye' }
  | { readonly type: 'iot' }
  | { readonly type: 'unknown'; readonly name: string };

/** The 21 faces that devices know; anything else shows as neutral. */
export const EMOTIONS = [
  'neutral',
  'happy',
  'laughing',
  'funny',
  'sad',
  'angry',
  'crying',
  'loving',
  'embarrassed',
  'surprised',
  'shocked',
  'thinking',
  'winking',
  'cool',
  'relaxed',
  'delicious',
  'kissy',
  'confident',
  'sleepy',
  'silly',
  'confused',
] as const;
export type Emotion = (typeof EMOTIONS)[number];

/** What our hello says of the way for sound. Over UDP, key and nonce are 32 hex digits; see udp.ts. */
export type Greeting =
  | { readonly version: 1; readonly transport: 'websocket' }
  | {
      readonly version: 3;
      readonly transport: 'udp';
      readonly udp: {
        readonly server: string;
        readonly port: number;
        readonly encryption: 'aes-128-ctr';
        readonly key: string;
        readonly nonce: string;
      };
    };

export type ServerMessage =
  | ({ type: 'hello'; session_id: string; audio_params: AudioParams } & Greeting)
  | { type: 'stt'; session_id: string; text: string }
  | { type: 'llm'; session_id: string; emotion: Emotion; text: string }
  | { type: 'tts'; session_id: string; state: 'start' | 'stop' }
  | { type: 'tts'; session_id: string; state: 'sentence_start' | 'sentence_end'; text: string }
  | { type: 'mcp'; session_id: string; payload: JsonRpc }
  | { type: 'system'; session_id: string; command: 'reboot' }
  | { type: 'alert'; session_id: string; status: string; message: string; emotion: Emotion }
  | { type: 'pong'; session_id: string; timestamp: number }
  /** MQTT only: the sound channel is over. The device acts when the session is its own. */
  | { type: 'goodbye'; session_id: string }
  /**
   * Firmware 2.5 and newer, idle: plays a mono Ogg Opus file, one way (docs/notify.md there). It has no answer: that
   * the file was fetched to its end is all that can be known.
   */
  | { type: 'notify'; audio_url: string; subtitles: readonly { start_ms: number; text: string }[] };

export interface JsonRpc {
  jsonrpc: '2.0';
  /** Always a number from us: the firmware is silent on string ids. */
  id?: number;
  method?: string;
  params?: Record<string, unknown>;
  result?: unknown;
  error?: { code?: number; message: string };
}

/** Reads a text frame that has been parsed already. `null` when it is not an object with a string `type`. */
export function readDeviceMessage(value: unknown): DeviceMessage | null {
  if (!isRecord(value) || typeof value.type !== 'string') return null;
  switch (value.type) {
    case 'hello':
      return readHello(value);
    case 'listen':
      return readListen(value);
    case 'abort':
      return { type: 'abort', reason: typeof value.reason === 'string' ? value.reason.slice(0, 100) : null };
    case 'mcp':
      return { type: 'mcp', payload: value.payload };
    case 'ping':
    case 'goodbye':
    case 'iot':
      return { type: value.type };
    default:
      return { type: 'unknown', name: value.type.slice(0, 40) };
  }
}

function readHello(value: Record<string, unknown>): DeviceMessage {
  const features = isRecord(value.features) ? value.features : {};
  const audio = isRecord(value.audio_params) ? value.audio_params : {};
  return {
    type: 'hello',
    version: typeof value.version === 'number' ? value.version : 1,
    mcp: features.mcp === true,
    aec: features.aec === true,
    audio: {
      ...UPLINK,
      sample_rate: oneOf(audio.sample_rate, [8_000, 12_000, 16_000, 24_000, 48_000], UPLINK.sample_rate),
      frame_duration: oneOf(audio.frame_duration, [2.5, 5, 10, 20, 40, 60, 80, 100, 120], UPLINK.frame_duration),
    },
  };
}

function readListen(value: Record<string, unknown>): DeviceMessage {
  switch (value.state) {
    case 'start':
      return { type: 'listen', state: 'start', mode: oneOf(value.mode, ['auto', 'manual', 'realtime'], 'auto') };
    case 'stop':
      return { type: 'listen', state: 'stop' };
    case 'detect':
      return { type: 'listen', state: 'detect', text: typeof value.text === 'string' ? value.text : '' };
    default:
      return { type: 'unknown', name: 'listen' };
  }
}

/** One tool as a device lists it over MCP. */
export const DeviceToolSchema = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 128 }),
  description: Type.String({ maxLength: 8_000 }),
  inputSchema: Type.Record(Type.String(), Type.Unknown()),
});
export type DeviceTool = Static<typeof DeviceToolSchema>;

function oneOf<T>(value: unknown, allowed: readonly T[], otherwise: T): T {
  return allowed.find((candidate) => candidate === value) ?? otherwise;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
