import type { ServerProcess } from '../server-process.ts';

/** Asks the API for a page of the database at a steady rate, as a dashboard does, whatever the server is doing. */
export interface Prober {
  /** Waits for what is under way. How long each answer took, ms; one that failed or did not come counts with its limit. */
  end(): Promise<{ readonly timesMs: readonly number[]; readonly failed: number }>;
}

/** Longest wait for an answer, ms: what it is counted with when there is none. */
const LIMIT_MS = 10_000;

/** `perSecond` requests, each sent at its time even when those before were not answered. */
export function startProber(server: Pick<ServerProcess, 'call'>, perSecond: number): Prober {
  const timesMs: number[] = [];
  const underWay = new Set<Promise<void>>();
  let failed = 0;

  async function probe(): Promise<void> {
    const begunAt = performance.now();
    const { promise: late, resolve } = Promise.withResolvers<'late'>();
    const timer = setTimeout(() => resolve('late'), LIMIT_MS);
    try {
      const outcome = await Promise.race([server.call('GET', '/api/devices?limit=20'), late]);
      if (outcome === 'late') failed += 1;
      timesMs.push(outcome === 'late' ? LIMIT_MS : performance.now() - begunAt);
    } catch {
      // a refusal is no answer: it counts as the slowest
      failed += 1;
      timesMs.push(LIMIT_MS);
    } finally {
      clearTimeout(timer);
    }
  }

  function begin(): void {
    const one: Promise<void> = probe().finally(() => underWay.delete(one));
    underWay.add(one);
  }
  begin();
  const timer = setInterval(begin, 1_000 / perSecond);
  return {
    async end() {
      clearInterval(timer);
      await Promise.all(underWay);
      return { timesMs, failed };
    },
  };
}
