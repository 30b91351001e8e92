import { systemClock } from '../clock.ts';
import { createLogger } from '../log.ts';
import { createChildPool } from './pool.ts';
import type { Order } from './troubled.fixture.ts';

/** A parent for tests: prints the id of its child and then waits to be killed. */
const pool = createChildPool<Order, number>({
  name: 'troubled',
  kind: 'process',
  module: new URL('./troubled.fixture.ts', import.meta.url),
  init: { refuse: false, startMs: 0 },
  count: 1,
  perChild: 1,
  queue: 1,
  startMs: 15_000,
  graceMs: 200,
  clock: systemClock,
  log: createLogger('silent'),
});
await pool.start();
const pid = await pool.call({ do: 'pid' }, { signal: new AbortController().signal, timeoutMs: 5_000 });
process.stdout.write(`${pid}\n`);
