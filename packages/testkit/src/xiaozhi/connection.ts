import { randomBytes } from 'node:crypto';
import {
  type AudioParams,
  DOWNLINK,
  decodeFrame,
  encodeFrame,
  type FramingVersion,
  MusterError,
  UPLINK,
} from '@muster/contract';
import { WebSocket } from 'ws';
import type { Faults, XiaozhiDeviceOptions } from './options.ts';

/** The firmware gives up after 10 s, for the handshake and for the hello each (xiaozhi-esp32 2.4.2). */
export const HELLO_MS = 10_000;
/** Largest message read: py-xiaozhi's limit is 10 MB, an audio packet is under 8 kB. */
const MESSAGE_BYTES = 1_048_576;

export type Message = Readonly<Record<string, unknown>> & { readonly type: string };

export interface ServerHello {
  readonly sessionId: string;
  readonly audio: AudioParams;
  /** Handshake and hello together, ms. */
  readonly tookMs: number;
}

export interface Closed {
  /** WebSocket close code: 1005 none given, 1006 the connection broke. */
  readonly code: number;
  readonly reason: string;
  /** ms of the monotonic clock */
  readonly at: number;
}

/** What comes in; instants are ms of the monotonic clock, taken as the first thing after the socket woke up. */
export interface ConnectionEvents {
  message(message: Message, at: number): void;
  audio(packet: Uint8Array, at: number): void;
  /** A binary frame whose header does not fit, or without a packet: the firmware would read past its end. */
  malformed(): void;
  closed(closed: Closed): void;
}

export interface Connection {
  readonly hello: ServerHello;
  send(message: object | string): void;
  sendRaw(bytes: Uint8Array): void;
  /** One Opus packet in the framing of the connection, or what the fault `badFrames` makes of it. */
  sendAudio(packet: Uint8Array): void;
  isOpen(): boolean;
  /** Drops TCP without a Close frame, as the firmware does. */
  drop(): void;
}

/**
 * Opens the WebSocket with the firmware's headers and exchanges hellos. Throws DEVICE_TOKEN_INVALID on 401 and 403,
 * SERVER_UNREACHABLE on everything else.
 */
export async function openConnection(
  options: XiaozhiDeviceOptions,
  target: { readonly url: string; readonly token: string },
  events: ConnectionEvents,
): Promise<Connection> {
  const framing = options.framing ?? 1;
  const startedAt = performance.now();
  const socket = open(options, target, framing);
  const hello = Promise.withResolvers<ServerHello>();
  const timer = setTimeout(() => hello.reject(unreachable(target.url, { stage: 'hello' })), 2 * HELLO_MS);
  let greeted = false;

  socket.on('open', () => {
    if (options.faults?.noHello === true) return;
    socket.send(JSON.stringify(deviceHello(options, framing)));
  });
  socket.on('message', (data, isBinary) => {
    const at = performance.now();
    const bytes = data as Buffer;
    if (isBinary) {
      const packet = readAudio(framing, bytes);
      if (packet === null) events.malformed();
      else events.audio(packet, at);
      return;
    }
    const message = readMessage(bytes);
    if (message === null) return;
    if (message.type === 'hello' && !greeted && message.transport === 'websocket') {
      greeted = true;
      hello.resolve(readHello(message, at - startedAt));
    }
    events.message(message, at);
  });
  socket.on('unexpected-response', (_request, response) => {
    const status = response.statusCode ?? 0;
    hello.reject(
      status === 401 || status === 403
        ? new MusterError('DEVICE_TOKEN_INVALID', { status })
        : unreachable(target.url, { status }),
    );
    response.destroy();
  });
  socket.on('error', (cause) => hello.reject(unreachable(target.url, {}, cause)));
  socket.on('close', (code, reason) => {
    hello.reject(unreachable(target.url, { code, reason: reason.toString() }));
    events.closed({ code, reason: reason.toString(), at: performance.now() });
  });

  try {
    const found = await hello.promise;
    applyFaults(socket, options.faults);
    return connectionOver(socket, framing, found, options.faults);
  } catch (error) {
    socket.terminate();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

function open(
  options: XiaozhiDeviceOptions,
  target: { readonly url: string; readonly token: string },
  framing: FramingVersion,
): WebSocket {
  const authorization = target.token.includes(' ') ? target.token : `Bearer ${target.token}`;
  const settings = { perMessageDeflate: false, handshakeTimeout: HELLO_MS, maxPayload: MESSAGE_BYTES };
  if (options.credentialsIn === 'query') {
    const url = new URL(target.url);
    if (target.token !== '') url.searchParams.set('authorization', authorization);
    url.searchParams.set('device-id', options.hardwareId);
    url.searchParams.set('client-id', options.clientId);
    return new WebSocket(url, settings);
  }
  const headers = {
    // the firmware leaves the port out of `Host`
    Host: new URL(target.url).hostname,
    ...(target.token === '' ? {} : { Authorization: authorization }),
    'Client-Id': options.clientId,
    'Device-Id': options.hardwareId,
    'Protocol-Version': String(framing),
  };
  return new WebSocket(target.url, { ...settings, headers });
}

function connectionOver(
  socket: WebSocket,
  framing: FramingVersion,
  hello: ServerHello,
  faults: Faults | undefined,
): Connection {
  let frames = 0;
  const isOpen = (): boolean => socket.readyState === WebSocket.OPEN;
  const sendRaw = (bytes: Uint8Array): void => {
    if (isOpen()) socket.send(bytes);
  };
  return {
    hello,
    isOpen,
    sendRaw,
    send(message) {
      if (isOpen()) socket.send(typeof message === 'string' ? message : JSON.stringify(message));
    },
    sendAudio(packet) {
      const bad = faults?.badFrames !== undefined && ++frames % 10 === 0;
      sendRaw(bad ? badFrame(framing, packet, faults.badFrames) : encodeFrame(framing, packet));
    },
    drop: () => socket.terminate(),
  };
}

function badFrame(framing: FramingVersion, packet: Uint8Array, kind: NonNullable<Faults['badFrames']>): Uint8Array {
  switch (kind) {
    case 'garbage':
      return encodeFrame(framing, randomBytes(120));
    case 'oversize':
      return encodeFrame(framing, randomBytes(9_000));
    case 'dtx':
      return encodeFrame(framing, Uint8Array.of(0x58));
    case 'empty':
      return new Uint8Array(0);
    case 'lyingHeader': {
      const frame = Uint8Array.from(encodeFrame(framing === 1 ? 3 : framing, packet));
      frame[framing === 2 ? 15 : 3] = 0xff;
      frame[framing === 2 ? 12 : 2] = 0xff;
      return frame;
    }
  }
}

function applyFaults(socket: WebSocket, faults: Faults | undefined): void {
  if (faults === undefined) return;
  const timers: NodeJS.Timeout[] = [];
  const later = (ms: number, task: () => void): void => {
    timers.push(setTimeout(task, ms));
  };
  if (faults.dropAfterMs !== undefined) later(faults.dropAfterMs, () => socket.terminate());
  if (faults.stallAfterMs !== undefined) later(faults.stallAfterMs, () => socket.pause());
  if (faults.slowReader !== undefined) {
    const { readMs, pauseMs } = faults.slowReader;
    timers.push(
      setInterval(() => {
        socket.pause();
        later(pauseMs, () => socket.resume());
      }, readMs + pauseMs),
    );
  }
  if (faults.jsonBomb !== undefined) socket.send(bomb(faults.jsonBomb));
  // clearTimeout stops intervals too
  socket.on('close', () => {
    for (const timer of timers) clearTimeout(timer);
  });
}

function bomb(kind: NonNullable<Faults['jsonBomb']>): string {
  switch (kind) {
    case 'deep':
      return `{"type":"mcp","payload":${'['.repeat(20_000)}${']'.repeat(20_000)}}`;
    case 'wide':
      return `{"type":"mcp","payload":{${Array.from({ length: 6_000 }, (_, i) => `"k${i}":1`).join(',')}}}`;
    case 'broken':
      return '{"type":"mcp","payload":{"error":"a "quote" inside"}}';
    case 'huge':
      return JSON.stringify({ type: 'listen', state: 'detect', text: 'x'.repeat(1_000_000) });
  }
}

export function deviceHello(options: XiaozhiDeviceOptions, framing: FramingVersion): object {
  return {
    type: 'hello',
    version: framing,
    features: { mcp: options.tools !== null, glyph_push: false },
    transport: 'websocket',
    audio_params: { ...UPLINK, frame_duration: options.frameMs ?? UPLINK.frame_duration },
  };
}

export function readHello(message: Message, tookMs: number): ServerHello {
  const audio = (message.audio_params ?? {}) as Partial<AudioParams>;
  return {
    sessionId: typeof message.session_id === 'string' ? message.session_id : '',
    audio: { ...DOWNLINK, ...audio },
    tookMs,
  };
}

function readAudio(framing: FramingVersion, bytes: Uint8Array): Uint8Array | null {
  try {
    return decodeFrame(framing, bytes)?.payload ?? null;
  } catch (error) {
    if (error instanceof MusterError) return null;
    throw error;
  }
}

export function readMessage(bytes: Buffer): Message | null {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string'
      ? (value as Message)
      : null;
  } catch {
    // the firmware logs and goes on; a test sees that nothing came
    return null;
  }
}

function unreachable(url: string, context: Record<string, string | number>, cause?: unknown): MusterError {
  return new MusterError('SERVER_UNREACHABLE', { url, ...context }, { cause });
}
