import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';

/** Bytes and frames that wait for one slow viewer, besides what is in its socket (64 KB). */
const MOST_BYTES = 1_048_576;
const MOST_FRAMES = 4_096;

/** What goes out to one viewer: in order, bounded, and never more into the socket than it takes. */
export interface Outbox {
  /** The socket is full: what is sent now waits. */
  isBehind(): boolean;
  /** Sends a frame, or lets it wait. Nothing is left out: past the bound `onFull` is called instead, once. */
  send(frame: Buffer): void;
  /** Drops what waits. Nothing is sent from now on. */
  end(): void;
}

export function createOutbox(deps: {
  readonly socket: WebSocket;
  /** The connection below it: it tells when there is room again. */
  readonly stream: Duplex;
  /** The queue is empty and there is room: a frame to go on with, or null. */
  readonly more: () => Buffer | null;
  readonly onFull: () => void;
}): Outbox {
  const { socket, stream } = deps;
  let queue: Buffer[] = [];
  let next = 0;
  let bytes = 0;
  let ended = false;

  const hasRoom = (): boolean => !ended && socket.readyState === socket.OPEN && !stream.writableNeedDrain;
  const write = (frame: Buffer): void => socket.send(frame, { binary: false });

  function drain(): void {
    while (hasRoom()) {
      const frame = queue[next];
      if (frame !== undefined) {
        next += 1;
        bytes -= frame.length;
        write(frame);
        continue;
      }
      queue = [];
      next = 0;
      const more = deps.more();
      if (more === null) return;
      write(more);
    }
  }

  stream.on('drain', drain);
  return {
    isBehind: () => queue.length > 0 || stream.writableNeedDrain,
    send(frame) {
      if (ended) return;
      if (queue.length === 0 && hasRoom()) return write(frame);
      queue.push(frame);
      bytes += frame.length;
      // one frame alone may be larger: a snapshot of a large site
      const waiting = queue.length - next;
      if (waiting <= 1 || (bytes <= MOST_BYTES && waiting <= MOST_FRAMES)) return;
      this.end();
      deps.onFull();
    },
    end() {
      ended = true;
      queue = [];
      next = 0;
      bytes = 0;
      stream.off('drain', drain);
    },
  };
}
