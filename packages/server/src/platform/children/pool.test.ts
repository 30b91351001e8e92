import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, describe, it } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { MusterError } from '@muster/contract';
import { type Clock, systemClock } from '../clock.ts';
import { createLogger } from '../log.ts';
import type { ChildKind } from './channel.ts';
import { type ChildPool, type ChildPoolOptions, createChildPool } from './pool.ts';
import type { Order, TroubledInit } from './troubled.fixture.ts';

type TroubledPool = ChildPool<Order, unknown>;
const pools: TroubledPool[] = [];
afterEach(() => Promise.all(pools.splice(0).map((pool) => pool.close())));

const calm: TroubledInit = { refuse: false, startMs: 0 };

function poolOf(kind: ChildKind, changes: Partial<ChildPoolOptions> = {}): TroubledPool {
  const pool = createChildPool<Order, unknown>({
    name: 'troubled',
    kind,
    module: new URL('./troubled.fixture.ts', import.meta.url),
    init: calm,
    count: 1,
    perChild: 1,
    queue: 4,
    startMs: 15_000,
    graceMs: 200,
    clock: systemClock,
    log: createLogger('silent'),
    ...changes,
  });
  pools.push(pool);
  return pool;
}

const call = (pool: TroubledPool, order: Order, timeoutMs = 10_000, signal = new AbortController().signal) =>
  pool.call(order, { timeoutMs, signal });

const rejectsWith = (promise: Promise<unknown>, code: string) =>
  assert.rejects(promise, (error) => error instanceof MusterError && error.code === code);

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!condition()) {
    assert.ok(performance.now() < deadline, 'condition not met within 10 s');
    await wait(10);
  }
}

for (const kind of ['process', 'thread'] as const) {
  describe(`a child pool of kind ${kind}`, () => {
    it('answers each call with its own answer, typed arrays included, and carries errors', async () => {
      const pool = poolOf(kind, { perChild: 4 });
      await pool.start();
      const values = [new Int16Array([1, -2]), 'two', { three: 3 }];
      assert.deepEqual(await Promise.all(values.map((value) => call(pool, { do: 'echo', value }))), values);
      assert.deepEqual(pool.state(), { state: 'ready', ready: 1, children: 1, restarts: 0, waiting: 0 });
      await assert.rejects(
        call(pool, { do: 'fail', with: 'ours' }),
        (error) => error instanceof MusterError && error.code === 'PROVIDER_REFUSED' && error.context.limit === 3,
      );
      await rejectsWith(call(pool, { do: 'fail', with: 'other' }), 'INTERNAL');
      // Nothing of our environment goes to a child: it holds secrets.
      const seen = (await call(pool, { do: 'environment' })) as Record<string, unknown>;
      assert.equal(seen.PATH, undefined);
      assert.equal(seen.HOME, undefined);
    });

    it('rejects start with the error of a child that cannot start, and tries no more', async () => {
      const pool = poolOf(kind, { init: { refuse: true, startMs: 0 } });
      await rejectsWith(pool.start(), 'MODEL_INVALID');
      assert.equal(pool.state().state, 'down');
      assert.equal(pool.state().restarts, 0);
    });

    it('gives up a call on abort with the reason of the signal, and the child learns of it', async () => {
      const pool = poolOf(kind);
      await pool.start();
      const stop = new AbortController();
      const waiting = call(pool, { do: 'waitForAbort' }, 10_000, stop.signal);
      const reason = new Error('not needed');
      setTimeout(() => stop.abort(reason), 50);
      await assert.rejects(waiting, reason);
      const seen = (await call(pool, { do: 'environment' })) as { aborted: number };
      assert.equal(seen.aborted, 1);
      assert.equal(pool.state().restarts, 0);
    });

    it('kills and restarts a child that does not drop a call past its limit and grace', async () => {
      const pool = poolOf(kind);
      await pool.start();
      await rejectsWith(call(pool, { do: 'block' }, 50), 'CHILD_TIMEOUT');
      assert.equal(await call(pool, { do: 'echo', value: 'alive' }), 'alive');
      assert.equal(pool.state().restarts, 1);
    });

    it('rejects what waits and ends its child when closed', async () => {
      const pool = poolOf(kind);
      await pool.start();
      const blocked = call(pool, { do: 'block' });
      const queued = call(pool, { do: 'pid' });
      const outcome = Promise.allSettled([blocked, queued]);
      await pool.close();
      const [first, second] = await outcome;
      assert.equal(first.status === 'rejected' && first.reason.code, 'CHILD_CRASHED');
      assert.equal(second.status === 'rejected' && second.reason.code, 'SERVER_STOPPING');
      await rejectsWith(call(pool, { do: 'pid' }), 'SERVER_STOPPING');
    });
  });
}

describe('a pool of processes', () => {
  it('rejects what a crashed child worked on, restarts it and serves what waited', async () => {
    const pool = poolOf('process');
    await pool.start();
    const crashed = call(pool, { do: 'crash' });
    const waited = call(pool, { do: 'echo', value: 'later' });
    await rejectsWith(crashed, 'CHILD_CRASHED');
    assert.equal(pool.state().state, 'down');
    assert.equal(await waited, 'later');
    assert.deepEqual(pool.state(), { state: 'ready', ready: 1, children: 1, restarts: 1, waiting: 0 });
  });

  it('says degraded while one of two is gone, and works on', async () => {
    const pool = poolOf('process', { count: 2, init: { refuse: false, startMs: 300 } });
    await pool.start();
    assert.equal(pool.state().state, 'degraded', 'the first is ready before the second');
    await until(() => pool.state().state === 'ready');
    await rejectsWith(call(pool, { do: 'crash' }), 'CHILD_CRASHED');
    assert.equal(pool.state().state, 'degraded');
    assert.equal(await call(pool, { do: 'echo', value: 1 }), 1);
    await until(() => pool.state().state === 'ready');
  });

  it('spreads calls over its children', async () => {
    const pool = poolOf('process', { count: 2, perChild: 4 });
    await pool.start();
    await until(() => pool.state().ready === 2);
    const pids = await Promise.all([1, 2, 3, 4].map(() => call(pool, { do: 'pid' })));
    assert.equal(pids.filter((pid) => pid === pids[0]).length, 2);
  });

  it('refuses the call past its queue', async () => {
    const pool = poolOf('process', { queue: 1 });
    await pool.start();
    const stop = new AbortController();
    const working = call(pool, { do: 'waitForAbort' }, 10_000, stop.signal);
    const queued = call(pool, { do: 'pid' }, 10_000, stop.signal);
    const outcome = Promise.allSettled([working, queued]);
    await rejectsWith(call(pool, { do: 'pid' }), 'QUEUE_FULL');
    stop.abort();
    assert.deepEqual(
      (await outcome).map((one) => one.status),
      ['rejected', 'rejected'],
    );
    assert.equal(pool.state().waiting, 0);
  });

  it('gives up a start that takes too long', async () => {
    const pool = poolOf('process', { startMs: 100, init: { refuse: false, startMs: 60_000 } });
    await rejectsWith(pool.start(), 'CHILD_TIMEOUT');
  });

  it('ends a start that still waits, and its timer, when it closes', async () => {
    const timers = new Set<() => void>();
    const clock: Clock = {
      ...systemClock,
      after(ms, task) {
        const cancel = systemClock.after(ms, task);
        timers.add(cancel);
        return () => {
          timers.delete(cancel);
          cancel();
        };
      },
    };
    const pool = poolOf('process', { clock, init: { refuse: false, startMs: 60_000 } });
    const started = pool.start();
    assert.ok(timers.size > 0);
    await pool.close();
    await started;
    assert.equal(timers.size, 0);
  });

  it('leaves no child behind when it closes', async () => {
    const pool = poolOf('process');
    await pool.start();
    const pid = (await call(pool, { do: 'pid' })) as number;
    await pool.close();
    assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
  });

  it('leaves no child behind when its own process is killed', async () => {
    const parent = spawn(process.execPath, [fileURLToPath(new URL('./parent.fixture.ts', import.meta.url))], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = await once(parent.stdout, 'data');
    const pid = Number(String(line));
    assert.ok(pid > 0);
    assert.equal(process.kill(pid, 0), true);
    parent.kill('SIGKILL');
    await until(() => !isAlive(pid));
  });
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
