import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defineBench } from './define.ts';
import { percentile } from './report/statistics.ts';
import { startServerProcess } from './server-process.ts';

export const bench = defineBench({
  name: 'ready',
  summary: 'From the start of the process to ready, models warm: on an empty data directory, and on an existing one',
  options: { rounds: { default: 5, summary: 'starts on the existing directory' } },
  goals: { fromNothingMs: { atMost: 20_000 }, fromExistingMs: { atMost: 5_000 } },
  async run({ options, progress }) {
    const dataDir = await mkdtemp(join(tmpdir(), 'muster-ready-'));
    try {
      const times: number[] = [];
      for (let round = 0; round <= options.rounds; round++) {
        progress('starting', round, options.rounds + 1);
        const server = await startServerProcess({ dataDir });
        times.push(server.readyMs);
        await server.stop();
      }
      const [fromNothingMs = Number.NaN, ...existing] = times;
      return {
        figures: { fromNothingMs, fromExistingMs: percentile(existing, 0.5), slowestMs: Math.max(...existing) },
      };
    } finally {
      await rm(dataDir, { recursive: true, force: true });
    }
  },
});
