import { parentPort } from 'node:worker_threads';
import { carry, type FromChild, type ToChild } from './protocol.ts';

/** Answers one request. `signal` fires when nobody waits for the answer any more: look at it between steps. */
export type Handler<Request, Response> = (request: Request, signal: AbortSignal) => Response | Promise<Response>;

/**
 * The child's side, called once at the end of its module. `start` loads and warms; only after it resolved does work
 * come. The child ends when its way to the parent is cut, so none is left over when the parent dies; it ignores
 * SIGINT and SIGTERM, which a terminal or systemd sends to the whole group while the parent still drains.
 */
export function serveChild<Init, Request, Response>(start: (init: Init) => Promise<Handler<Request, Response>>): void {
  const running = new Map<number, AbortController>();
  let handler: Handler<Request, Response> | undefined;

  const say = (message: FromChild): void => {
    if (parentPort !== null) parentPort.postMessage(message);
    else if (process.connected) process.send?.(message);
  };

  const answer = async (id: number, request: Request): Promise<void> => {
    const controller = new AbortController();
    running.set(id, controller);
    try {
      if (handler === undefined) return;
      say({ type: 'result', id, value: await handler(request, controller.signal) });
    } catch (error) {
      say({ type: 'failure', id, error: carry(error) });
    } finally {
      running.delete(id);
    }
  };

  const begin = async (init: Init): Promise<void> => {
    try {
      handler = await start(init);
      say({ type: 'ready' });
    } catch (error) {
      say({ type: 'startFailed', error: carry(error) });
    }
  };

  const receive = (message: ToChild): void => {
    if (message.type === 'start') void begin(message.init as Init);
    else if (message.type === 'call') void answer(message.id, message.request as Request);
    else running.get(message.id)?.abort();
  };

  if (parentPort !== null) {
    parentPort.on('message', receive);
    return;
  }
  process.on('message', (message) => receive(message as ToChild));
  process.on('disconnect', () => process.exit(0));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => undefined);
}
