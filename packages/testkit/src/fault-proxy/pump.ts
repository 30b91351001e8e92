import { once } from 'node:events';
import type { Socket } from 'node:net';

/** What happens to what passes in one direction. */
export interface DirectionFaults {
  /** Each chunk waits this long, ms, and up to `jitterMs` more; the order is kept. */
  readonly delayMs?: number;
  readonly jitterMs?: number;
  /** At most so many bytes a second pass: the other side reads slowly. */
  readonly bytesPerSecond?: number;
  /** This share (0 to 1) of the chunks vanishes, as in a middle box that is broken: the other side gets a stream with holes. */
  readonly dropShare?: number;
  /** After so many bytes of a connection it is reset. */
  readonly resetAfter?: number;
  /** After so many bytes of a connection it ends in good order: a message is cut in two. */
  readonly truncateAfter?: number;
  /** Nothing passes, and nobody is told of anything, not even of an end: the sockets stay open. */
  readonly silent?: boolean;
}

/** How finely a slow connection is served. */
const SLICE_MS = 50;

/** Passes chunks on in order, each when its time has come and there is room. `faults` is asked for each of them. */
export function pump(from: Socket, to: Socket, faults: () => DirectionFaults): void {
  let passed = 0;
  let tail: Promise<void> = Promise.resolve();

  async function pass(chunk: Buffer): Promise<void> {
    const { delayMs = 0, jitterMs = 0 } = faults();
    if (delayMs > 0 || jitterMs > 0) await wait(delayMs + Math.random() * jitterMs);
    const { silent, dropShare = 0, resetAfter, truncateAfter, bytesPerSecond } = faults();
    if (silent === true || to.destroyed || Math.random() < dropShare) return;
    const limit = Math.min(resetAfter ?? Number.POSITIVE_INFINITY, truncateAfter ?? Number.POSITIVE_INFINITY);
    const whole = passed + chunk.length <= limit;
    const piece = whole ? chunk : chunk.subarray(0, Math.max(0, limit - passed));
    passed += chunk.length;
    if (bytesPerSecond === undefined) await write(to, piece);
    else await writeSlowly(to, piece, bytesPerSecond);
    if (whole) return;
    if (limit === resetAfter) reset(from, to);
    else end(from, to);
  }

  from.on('data', (chunk: Buffer) => {
    from.pause();
    tail = tail.then(() => pass(chunk)).then(() => void from.resume());
  });
  from.on('end', () => void tail.then(() => faults().silent !== true && to.end()));
  from.on('error', () => faults().silent !== true && to.destroy());
  from.on('close', () => void tail.then(() => faults().silent !== true && to.destroy()));
}

/** Both ends get a reset. */
export function reset(...sockets: readonly Socket[]): void {
  for (const socket of sockets) if (!socket.destroyed) socket.resetAndDestroy();
}

/** What was written still arrives, then the end. */
function end(from: Socket, to: Socket): void {
  to.end();
  to.once('close', () => from.destroy());
  from.end();
}

async function write(to: Socket, bytes: Buffer): Promise<void> {
  if (bytes.length === 0 || to.write(bytes)) return;
  await Promise.race([once(to, 'drain'), once(to, 'close')]);
}

async function writeSlowly(to: Socket, bytes: Buffer, bytesPerSecond: number): Promise<void> {
  const slice = Math.max(1, Math.floor((bytesPerSecond * SLICE_MS) / 1_000));
  for (let at = 0; at < bytes.length && !to.destroyed; at += slice) {
    const part = bytes.subarray(at, at + slice);
    await write(to, part);
    await wait((part.length / bytesPerSecond) * 1_000);
  }
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms));
}
