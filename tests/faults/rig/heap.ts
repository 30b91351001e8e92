import { once } from 'node:events';
import { MusterError } from '@muster/contract';
import { WebSocket } from 'ws';

const ANSWER_MS = 30_000;

/** Collects all garbage of a Node process through its inspector; gives what is left in use, MB. */
export async function collectedHeapMb(inspector: string): Promise<number> {
  const socket = new WebSocket(inspector, { perMessageDeflate: false });
  await once(socket, 'open', { signal: AbortSignal.timeout(ANSWER_MS) });
  try {
    // what a first round frees, finalizers of a second may let go
    for (const id of [1, 2]) await ask(socket, id, 'HeapProfiler.collectGarbage');
    const { usedSize } = (await ask(socket, 3, 'Runtime.getHeapUsage')) as { usedSize: number };
    return usedSize / 1_048_576;
  } finally {
    socket.terminate();
  }
}

async function ask(socket: WebSocket, id: number, method: string): Promise<unknown> {
  const answer = once(socket, 'message', { signal: AbortSignal.timeout(ANSWER_MS) });
  socket.send(JSON.stringify({ id, method }));
  const [data] = await answer;
  const { id: of, result } = JSON.parse(String(data)) as { id?: number; result?: unknown };
  if (of !== id) throw new MusterError('PROVIDER_BROKEN', { method });
  return result;
}
