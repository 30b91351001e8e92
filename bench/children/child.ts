import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { bug } from '@muster/contract';

/** Starts a program as a process of its own, so that its work is not measured as that of the bench; its task is an argument. */
export function startChild(program: URL, task: object): ChildProcess {
  return fork(program, [JSON.stringify(task)]);
}

/** The next message of a child; its end is a failure. */
export async function told<T>(child: ChildProcess): Promise<T> {
  const stop = new AbortController();
  const ended = once(child, 'exit', { signal: stop.signal }).then(([code]) => {
    throw bug(`a process of the bench ended with ${code}`);
  });
  ended.catch(() => undefined);
  try {
    const [message] = await Promise.race([once(child, 'message', { signal: stop.signal }), ended]);
    return message as T;
  } finally {
    stop.abort();
  }
}
