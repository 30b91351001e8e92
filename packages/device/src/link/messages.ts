import type { AudioParams } from '@muster/contract';

/** What the device reads of the server's messages. */
export type ServerMessage =
  | { readonly type: 'hello'; readonly sessionId: string; readonly audio: Partial<AudioParams> }
  | { readonly type: 'stt'; readonly text: string }
  | { readonly type: 'llm'; readonly emotion: string }
  | { readonly type: 'tts'; readonly state: 'start' | 'stop' }
  | { readonly type: 'sentence'; readonly text: string }
  | { readonly type: 'alert'; readonly status: string; readonly message: string }
  | { readonly type: 'reboot' }
  | { readonly type: 'mcp'; readonly payload: unknown };

/** Longest text shown, characters. */
const TEXT_CHARS = 4_000;
/** Frame lengths an Opus packet can have, ms. */
const FRAME_MS = [5, 10, 20, 40, 60, 80, 100, 120];

/** Reads a text frame of a server that may be anyone's; null for what means nothing to this device. */
export function readServerMessage(bytes: Uint8Array): ServerMessage | null {
  const value = parse(bytes);
  if (value === null) return null;
  switch (value.type) {
    case 'hello':
      return value.transport === 'websocket' ? readHello(value) : null;
    case 'stt':
      return { type: 'stt', text: text(value.text) };
    case 'llm':
      return { type: 'llm', emotion: text(value.emotion).slice(0, 20) };
    case 'tts':
      if (value.state === 'start' || value.state === 'stop') return { type: 'tts', state: value.state };
      return value.state === 'sentence_start' ? { type: 'sentence', text: text(value.text) } : null;
    case 'alert':
      return { type: 'alert', status: text(value.status).slice(0, 100), message: text(value.message) };
    case 'system':
      return value.command === 'reboot' ? { type: 'reboot' } : null;
    case 'mcp':
      return { type: 'mcp', payload: value.payload };
    default:
      return null;
  }
}

function readHello(value: Readonly<Record<string, unknown>>): ServerMessage {
  const audio = isRecord(value.audio_params) ? value.audio_params : {};
  const frame = FRAME_MS.find((ms) => ms === audio.frame_duration);
  return {
    type: 'hello',
    sessionId: text(value.session_id).slice(0, 100),
    audio: frame === undefined ? {} : { frame_duration: frame },
  };
}

function parse(bytes: Uint8Array): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'));
    return isRecord(value) ? value : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

function text(value: unknown): string {
  return typeof value === 'string' ? value.slice(0, TEXT_CHARS) : '';
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
