import { fork } from 'node:child_process';
import { Worker } from 'node:worker_threads';
import type { FromChild, ToChild } from './protocol.ts';

/** A way to a child that runs elsewhere. Everything is delivered in order; `exited` comes once and last. */
export interface Channel {
  send(message: ToChild): void;
  /** Asks the child to end by itself: its way to us is cut, which it notices at its next turn of the event loop. */
  hangUp(): void;
  /** Ends the child now, whatever it does. */
  kill(): void;
}

export interface ChannelEvents {
  readonly message: (message: FromChild) => void;
  /** `reason` is for the log. */
  readonly exited: (reason: string) => void;
  /** What the child printed, cut to {@link PRINTED_CHARS}. */
  readonly printed: (text: string) => void;
}

/** Of one write of a child, what goes to the log, characters. */
const PRINTED_CHARS = 1_000;

/**
 * - `process`: for native code, whose crash must not reach us. `thread`: for code that can only block, such as wasm.
 *
 * Neither gets our environment: it holds secrets that no child needs.
 */
export type ChildKind = 'process' | 'thread';

export function openChannel(kind: ChildKind, module: URL, events: ChannelEvents): Channel {
  return kind === 'process' ? openProcess(module, events) : openThread(module, events);
}

function openProcess(module: URL, events: ChannelEvents): Channel {
  const child = fork(module, [], { serialization: 'advanced', stdio: ['ignore', 'ignore', 'pipe', 'ipc'], env: {} });
  let over = false;
  const exited = (reason: string): void => {
    if (over) return;
    over = true;
    events.exited(reason);
  };
  child.on('message', (message) => events.message(message as FromChild));
  child.on('error', (error) => {
    // A failed send also comes here; only a child that never began has no pid.
    if (child.pid === undefined) exited(error.message);
  });
  child.on('exit', (code, signal) => exited(signal ?? `exit code ${code}`));
  child.stderr?.on('data', (data: Buffer) => events.printed(data.toString('utf8').slice(0, PRINTED_CHARS)));
  return {
    send(message) {
      if (child.connected) child.send(message);
    },
    hangUp() {
      if (child.connected) child.disconnect();
    },
    kill: () => void child.kill('SIGKILL'),
  };
}

function openThread(module: URL, events: ChannelEvents): Channel {
  const worker = new Worker(module, { env: {}, stderr: true, stdout: true });
  let fault = '';
  worker.on('message', (message: FromChild) => events.message(message));
  worker.on('error', (error) => {
    fault = String(error);
  });
  worker.on('exit', (code) => events.exited(fault === '' ? `exit code ${code}` : fault));
  worker.stderr.on('data', (data: Buffer) => events.printed(data.toString('utf8').slice(0, PRINTED_CHARS)));
  worker.stdout.resume();
  const end = (): void => {
    // Resolves with the exit event, which is what we act on.
    void worker.terminate();
  };
  return { send: (message) => worker.postMessage(message), hangUp: end, kill: end };
}
