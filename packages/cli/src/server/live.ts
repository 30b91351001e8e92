import { hasShape, isErrorCode, LIVE_CLOSE_CODES, LIVE_PATH, LiveFrame, MusterError } from '@muster/contract';
import type { Target } from './http.ts';

/** A connection is given up when the server is not heard from for this long while it is made, ms. */
const OPEN_MS = 10_000;

const isFrame = hasShape(LiveFrame);

/**
 * Watches topics of the live feed until `signal` is aborted; `onFrame` gets what comes. Resolves when it was aborted.
 * Throws SERVER_UNREACHABLE, the server's own reason when it closes the connection, and what it says of a topic.
 */
export function watchLive(
  { server, token }: Target,
  topics: readonly string[],
  onFrame: (frame: LiveFrame) => void,
  signal: AbortSignal,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const socket = new WebSocket(server.replace(/^http/, 'ws') + LIVE_PATH);
  const fail = (error: MusterError): void => {
    reject(error);
    socket.close();
  };
  const unreachable = (): MusterError =>
    new MusterError('SERVER_UNREACHABLE', { server }, { say: `No answer from ${server}.` });
  const timer = setTimeout(() => fail(unreachable()), OPEN_MS);
  const stop = (): void => {
    resolve();
    socket.close();
  };
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();

  // the token goes in the first frame, as from a browser: an address would end in logs
  socket.addEventListener('open', () => socket.send(JSON.stringify({ type: 'hello', token: token ?? '' })));
  socket.addEventListener('message', ({ data }) => {
    const frame = readFrame(data);
    if (frame === null) {
      fail(new MusterError('INTERNAL', { server }, { say: `${server} sent something that is no Muster frame.` }));
      return;
    }
    if (frame.type === 'welcome') {
      clearTimeout(timer);
      for (const topic of topics) socket.send(JSON.stringify({ type: 'subscribe', topic }));
    } else if (frame.type === 'error') {
      fail(new MusterError(frame.code, { topic: frame.topic ?? null }, { say: frame.message }));
    } else onFrame(frame);
  });
  socket.addEventListener('close', ({ code, reason }) => {
    const isOurs = Object.values<number>(LIVE_CLOSE_CODES).includes(code) && isErrorCode(reason);
    reject(isOurs ? new MusterError(reason, { server }) : unreachable());
  });
  return promise.finally(() => {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
  });
}

/** Null for what is none. */
function readFrame(data: unknown): LiveFrame | null {
  if (typeof data !== 'string') return null;
  try {
    const value: unknown = JSON.parse(data);
    return isFrame(value) ? value : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
