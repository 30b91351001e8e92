import { setTimeout as wait } from 'node:timers/promises';
import { bug } from '@muster/contract';

/** Waits until `condition` holds; fails after 2 s. */
export async function until(condition: () => boolean | Promise<boolean>, what = 'the condition'): Promise<void> {
  const end = performance.now() + 2_000;
  while (!(await condition())) {
    if (performance.now() > end) throw bug(`${what} did not come within 2 s`);
    await wait(2);
  }
}
