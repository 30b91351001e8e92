import {
  type AudioParams,
  DOWNLINK,
  decodeFrame,
  encodeFrame,
  type FramingVersion,
  LIMITS,
  MusterError,
  UPLINK,
} from '@muster/contract';
import { WebSocket } from 'ws';
import type { Identity } from '../identity/identity-file.ts';
import { routeTo } from './address.ts';
import { readServerMessage, type ServerMessage } from './messages.ts';

/** Where the check-in said to go. */
export interface Access {
  readonly url: string;
  readonly token: string;
}

export interface SessionHandlers {
  message(message: ServerMessage): void;
  /** One Opus packet for the speaker. */
  audio(packet: Uint8Array): void;
}

export interface SessionOptions {
  readonly framing: FramingVersion;
  readonly frameMs: number;
  readonly ca: readonly string[] | undefined;
  readonly signal: AbortSignal;
}

export interface Closed {
  /** WebSocket close code; 1006 when the connection broke. */
  readonly code: number;
  readonly reason: string;
}

/** An open conversation channel: hello is done. */
export interface Session {
  readonly sessionId: string;
  readonly audio: AudioParams;
  /** False when the socket is gone or the server reads too slowly: the message is dropped. */
  send(message: Readonly<Record<string, unknown>>): boolean;
  sendAudio(packet: Uint8Array): boolean;
  /** Since the last frame, ping or pong of the server, ms. */
  silentMs(): number;
  isOpen(): boolean;
  readonly closed: Promise<Closed>;
  close(): void;
}

const HELLO_MS = 10_000;
/** How often the device asks for a sign of life; NAT boxes forget a silent connection after some minutes. */
const PING_MS = 20_000;
/** Without any sign of life for this long the connection is dead, whatever TCP believes. */
const DEAD_MS = 50_000;

/**
 * Opens the WebSocket and exchanges hellos. Throws DEVICE_TOKEN_INVALID on 401 and 403, SERVER_UNREACHABLE on anything
 * else, CONFIG_INVALID for an address that would need TLS. Aborting closes the socket.
 */
export async function openSession(
  access: Access,
  identity: Identity,
  handlers: SessionHandlers,
  options: SessionOptions,
): Promise<Session> {
  options.signal.throwIfAborted();
  const socket = connect(access, identity, options);
  const hello = Promise.withResolvers<{ sessionId: string; audio: AudioParams }>();
  const closed = Promise.withResolvers<Closed>();
  let greeted = false;
  let heardAt = performance.now();

  const unreachable = (context: Record<string, string | number>, cause?: unknown): MusterError =>
    new MusterError('SERVER_UNREACHABLE', context, { cause });
  const stop = (): void => socket.terminate();
  const timer = setTimeout(() => {
    hello.reject(unreachable({ why: 'no hello in 10 s' }));
    socket.terminate();
  }, HELLO_MS);
  options.signal.addEventListener('abort', stop, { once: true });

  socket.on('open', () => socket.send(JSON.stringify(deviceHello(options))));
  socket.on('ping', () => {
    heardAt = performance.now();
  });
  socket.on('pong', () => {
    heardAt = performance.now();
  });
  socket.on('message', (data, isBinary) => {
    heardAt = performance.now();
    const bytes = data as Buffer;
    if (isBinary) {
      const packet = readPacket(options.framing, bytes);
      if (packet !== null && greeted) handlers.audio(packet);
      return;
    }
    const message = readServerMessage(bytes);
    if (message === null) return;
    if (message.type !== 'hello') {
      if (greeted) handlers.message(message);
    } else if (!greeted) {
      greeted = true;
      hello.resolve({ sessionId: message.sessionId, audio: { ...DOWNLINK, ...message.audio } });
    }
  });
  socket.on('unexpected-response', (_request, response) => {
    const status = response.statusCode ?? 0;
    hello.reject(
      status === 401 || status === 403 ? new MusterError('DEVICE_TOKEN_INVALID', { status }) : unreachable({ status }),
    );
    socket.terminate();
  });
  socket.on('error', (cause) => {
    const known = cause instanceof MusterError && cause.code === 'CONFIG_INVALID';
    hello.reject(known ? cause : unreachable({}, cause));
  });
  const pings = setInterval(() => {
    if (performance.now() - heardAt > DEAD_MS) socket.terminate();
    else if (socket.readyState === WebSocket.OPEN) socket.ping();
  }, PING_MS);
  socket.on('close', (code, reason) => {
    clearInterval(pings);
    options.signal.removeEventListener('abort', stop);
    const found = { code, reason: reason.toString().slice(0, 100) };
    hello.reject(unreachable(found));
    closed.resolve(found);
  });

  try {
    const greeting = await hello.promise;
    return sessionOver(socket, greeting, options.framing, () => performance.now() - heardAt, closed.promise);
  } catch (error) {
    socket.terminate();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

function connect(access: Access, identity: Identity, options: SessionOptions): WebSocket {
  const { url, lookup } = routeTo(access.url, 'wss:', 'ws:');
  const { token } = access;
  return new WebSocket(url, {
    perMessageDeflate: false,
    handshakeTimeout: HELLO_MS,
    maxPayload: LIMITS.textFrameBytes,
    followRedirects: false,
    headers: {
      ...(token === '' ? {} : { Authorization: token.includes(' ') ? token : `Bearer ${token}` }),
      'Device-Id': identity.hardwareId,
      'Client-Id': identity.clientId,
      'Protocol-Version': String(options.framing),
    },
    ...(lookup === undefined ? {} : { lookup }),
    ...(options.ca === undefined ? {} : { ca: [...options.ca] }),
  });
}

function sessionOver(
  socket: WebSocket,
  greeting: { readonly sessionId: string; readonly audio: AudioParams },
  framing: FramingVersion,
  silentMs: () => number,
  closed: Promise<Closed>,
): Session {
  const isOpen = (): boolean => socket.readyState === WebSocket.OPEN;
  const send = (data: string | Uint8Array): boolean => {
    if (!isOpen() || socket.bufferedAmount > LIMITS.socketBufferBytes) return false;
    socket.send(data);
    return true;
  };
  return {
    ...greeting,
    isOpen,
    silentMs,
    closed,
    send: (message) => send(JSON.stringify({ session_id: greeting.sessionId, ...message })),
    sendAudio: (packet) => send(encodeFrame(framing, packet)),
    close: () => socket.terminate(),
  };
}

function readPacket(framing: FramingVersion, bytes: Uint8Array): Uint8Array | null {
  try {
    return decodeFrame(framing, bytes)?.payload ?? null;
  } catch (error) {
    if (error instanceof MusterError) return null;
    throw error;
  }
}

function deviceHello(options: SessionOptions): object {
  return {
    type: 'hello',
    version: options.framing,
    features: { mcp: true },
    transport: 'websocket',
    audio_params: { ...UPLINK, frame_duration: options.frameMs },
  };
}
