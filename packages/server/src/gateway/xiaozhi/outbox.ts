import { encodeFrame, type FramingVersion, LIMITS, type ServerMessage } from '@muster/contract';
import { WebSocket } from 'ws';
import type { XiaozhiCounters } from './counters.ts';

const TEXT = { binary: false, compress: false } as const;
const BINARY = { binary: true, compress: false } as const;

/** The sending side of one connection. Both calls are false, and send nothing, once the device is gone or too slow. */
export interface Outbox {
  text(message: ServerMessage): boolean;
  audio(framing: FramingVersion, packet: Uint8Array): boolean;
}

/** `onSlow` is told each time when more than 64 KiB wait in the socket: the device reads too slowly. */
export function createOutbox(socket: WebSocket, counters: XiaozhiCounters, onSlow: () => void): Outbox {
  function isOpen(): boolean {
    if (socket.readyState !== WebSocket.OPEN) return false;
    if (socket.bufferedAmount <= LIMITS.socketBufferBytes) return true;
    onSlow();
    return false;
  }
  return {
    text(message) {
      if (!isOpen()) return false;
      const bytes = Buffer.from(JSON.stringify(message));
      socket.send(bytes, TEXT);
      counters.textOut(bytes.byteLength);
      return true;
    },
    audio(framing, packet) {
      if (!isOpen()) return false;
      const frame = encodeFrame(framing, packet);
      socket.send(frame, BINARY);
      counters.audioOut(frame.byteLength);
      return true;
    },
  };
}
