import { MusterError } from '@muster/contract';
import type { Clock } from '../clock.ts';
import { type Channel, type ChildKind, openChannel } from './channel.ts';
import { type FromChild, uncarry } from './protocol.ts';

export type Answer = { readonly value: unknown } | { readonly error: MusterError };

export interface ChildOptions {
  readonly kind: ChildKind;
  readonly module: URL;
  /** Given to the child's `start`; must survive structured cloning. */
  readonly init: unknown;
  readonly startMs: number;
  readonly graceMs: number;
  readonly clock: Clock;
}

export interface ChildEvents {
  readonly ready: () => void;
  /** A call ended or was given up and then ended: there is room. */
  readonly free: () => void;
  /** `refusal` is set when the child said that it cannot start. Calls in flight have been answered by then. */
  readonly exited: (reason: string, refusal: MusterError | null) => void;
  readonly printed: (text: string) => void;
}

/** One life of one child: from its start to its exit. It is never started again; the supervisor makes the next. */
export interface Child {
  /** Calls that the child still works on, given-up ones included. */
  readonly load: number;
  /** `answer` is called once, unless the function returned was called first: it gives the call up. */
  call(request: unknown, answer: (answer: Answer) => void): () => void;
  /** Lets the child end by itself. */
  hangUp(): void;
  kill(): void;
}

interface Call {
  answer: ((answer: Answer) => void) | null;
  /** Stops the wait for the child to drop a given-up call. */
  cancelGrace: () => void;
}

export function startChild(options: ChildOptions, events: ChildEvents): Child {
  const { clock } = options;
  const calls = new Map<number, Call>();
  let nextId = 1;
  let refusal: MusterError | null = null;
  let killedFor = '';

  const channel: Channel = openChannel(options.kind, options.module, {
    message: receive,
    exited: over,
    printed: events.printed,
  });
  const cancelStart = clock.after(options.startMs, () => kill('did not start in time'));
  channel.send({ type: 'start', init: options.init });

  function receive(message: FromChild): void {
    if (message.type === 'ready') {
      cancelStart();
      events.ready();
    } else if (message.type === 'startFailed') {
      refusal = uncarry(message.error);
      channel.kill();
    } else {
      const call = calls.get(message.id);
      if (call === undefined) return;
      calls.delete(message.id);
      call.cancelGrace();
      call.answer?.(message.type === 'result' ? { value: message.value } : { error: uncarry(message.error) });
      events.free();
    }
  }

  function over(reason: string): void {
    cancelStart();
    const why = killedFor === '' ? reason : killedFor;
    for (const call of calls.values()) {
      call.cancelGrace();
      call.answer?.({ error: new MusterError('CHILD_CRASHED', { reason: why }) });
    }
    calls.clear();
    events.exited(why, refusal);
  }

  function kill(why: string): void {
    killedFor = why;
    channel.kill();
  }

  return {
    get load() {
      return calls.size;
    },
    call(request, answer) {
      const id = nextId++;
      const call: Call = { answer, cancelGrace: () => undefined };
      calls.set(id, call);
      channel.send({ type: 'call', id, request });
      return () => {
        if (call.answer === null || !calls.has(id)) return;
        call.answer = null;
        channel.send({ type: 'abort', id });
        call.cancelGrace = clock.after(options.graceMs, () => kill('hung'));
      };
    },
    hangUp: () => channel.hangUp(),
    kill: () => kill('killed'),
  };
}
