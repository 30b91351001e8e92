import { type ErrorCode, encodeFrame, type FramingVersion, type Greeting } from '@muster/contract';
import { type RawData, WebSocket } from 'ws';
import type { Clock } from '../../platform/clock.ts';
import { CLOSE_GRACE_MS, closeFor } from './close.ts';

/** What carries one conversation: a WebSocket, or MQTT for its text with UDP for its sound. */
export interface Wire {
  /** What our hello says of the transport. */
  readonly greeting: Greeting;
  isOpen(): boolean;
  /** Bytes that were written and have not left yet. */
  waitingBytes(): number;
  text(bytes: Buffer): void;
  /** One Opus packet; bytes on the wire. */
  audio(framing: FramingVersion, packet: Uint8Array): number;
  /** Keeps routers from forgetting the connection. */
  ping(): void;
  /** Ends it for a reason that the device can read; `ended` comes when it is gone. */
  close(code: ErrorCode): void;
  /** Once, before anything is sent. */
  attach(session: WireListener): void;
}

/** What a wire tells its session. */
export interface WireListener {
  text(bytes: Buffer): void;
  /** One frame: an Opus packet in its framing. Valid during the call only. */
  audio(bytes: Uint8Array): void;
  /** The device broke the rules of the transport itself; `null` when the network failed. */
  failed(code: ErrorCode | null, error: Error): void;
  ended(): void;
}

const TEXT = { binary: false, compress: false } as const;
const BINARY = { binary: true, compress: false } as const;

export function createWebSocketWire(socket: WebSocket, clock: Clock): Wire {
  return {
    greeting: { version: 1, transport: 'websocket' },
    isOpen: () => socket.readyState === WebSocket.OPEN,
    waitingBytes: () => socket.bufferedAmount,
    text: (bytes) => socket.send(bytes, TEXT),
    audio(framing, packet) {
      const frame = encodeFrame(framing, packet);
      socket.send(frame, BINARY);
      return frame.byteLength;
    },
    ping: () => socket.ping(),
    close(code) {
      socket.close(closeFor(code).status, code);
      const cancel = clock.after(CLOSE_GRACE_MS, () => socket.terminate());
      socket.once('close', cancel);
    },
    attach(session) {
      socket.on('message', (data: RawData, isBinary: boolean) => {
        if (!Buffer.isBuffer(data)) return;
        if (isBinary) session.audio(data);
        else session.text(data);
      });
      socket.on('error', (error) => session.failed(faultOf(error), error));
      socket.on('close', () => session.ended());
    },
  };
}

/** What the device did wrong below the level of messages; `null` when the network failed instead. */
function faultOf(error: Error): ErrorCode | null {
  const { code } = error as { code?: unknown };
  if (typeof code !== 'string' || !code.startsWith('WS_ERR_')) return null;
  if (code === 'WS_ERR_INVALID_UTF8') return 'MESSAGE_MALFORMED';
  return code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH' ? 'FRAME_TOO_LARGE' : 'FRAME_MALFORMED';
}
