import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { bug } from '@muster/contract';

/** Starts a file beside this one as a process of its own, with its task as an argument. */
export function startChild(file: string, task: object): ChildProcess {
  return fork(new URL(file, import.meta.url), [JSON.stringify(task)]);
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
