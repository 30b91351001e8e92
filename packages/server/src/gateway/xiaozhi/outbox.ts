import { type FramingVersion, LIMITS, type ServerMessage } from '@muster/contract';
import type { XiaozhiCounters } from './counters.ts';
import type { Wire } from './wire.ts';

/** The sending side of one connection. Both calls are false, and send nothing, once the device is gone or too slow. */
export interface Outbox {
  text(message: ServerMessage): boolean;
  audio(framing: FramingVersion, packet: Uint8Array): boolean;
}

/** `onSlow` is told each time when more than 64 KiB wait in the socket: the device reads too slowly. */
export function createOutbox(wire: Wire, counters: XiaozhiCounters, onSlow: () => void): Outbox {
  function isOpen(): boolean {
    if (!wire.isOpen()) return false;
    if (wire.waitingBytes() <= LIMITS.socketBufferBytes) return true;
    onSlow();
    return false;
  }
  return {
    text(message) {
      if (!isOpen()) return false;
      const bytes = Buffer.from(JSON.stringify(message));
      wire.text(bytes);
      counters.textOut(bytes.byteLength);
      return true;
    },
    audio(framing, packet) {
      if (!isOpen()) return false;
      counters.audioOut(wire.audio(framing, packet));
      return true;
    },
  };
}
