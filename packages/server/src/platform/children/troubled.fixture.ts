import { setTimeout as wait } from 'node:timers/promises';
import { MusterError } from '@muster/contract';
import { serveChild } from './serve.ts';

/** A child for tests that does on demand what real children do by accident. */
export type Order =
  | { readonly do: 'echo'; readonly value: unknown }
  | { readonly do: 'pid' }
  | { readonly do: 'environment' }
  | { readonly do: 'crash' }
  | { readonly do: 'block' }
  | { readonly do: 'waitForAbort' }
  | { readonly do: 'fail'; readonly with: 'ours' | 'other' };

export interface TroubledInit {
  readonly refuse: boolean;
  readonly startMs: number;
}

let aborted = 0;

serveChild<TroubledInit, Order, unknown>(async (init) => {
  await wait(init.startMs);
  if (init.refuse) throw new MusterError('MODEL_INVALID', { file: 'a.onnx' });
  return async (order, signal) => {
    switch (order.do) {
      case 'echo':
        return order.value;
      case 'pid':
        return process.pid;
      case 'environment':
        return { ...process.env, aborted };
      case 'crash':
        return process.abort();
      case 'block':
        for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_000);
      case 'waitForAbort':
        await wait(60_000, undefined, { signal, ref: false }).catch(() => {
          aborted += 1;
        });
        return 'dropped';
      case 'fail':
        if (order.with === 'ours') throw new MusterError('PROVIDER_REFUSED', { limit: 3 });
        throw new TypeError('of the child');
    }
  };
});
