import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { join, relative } from 'node:path';
import type { BenchRun } from './report.ts';

/** A run together with what it ran with, and on. */
interface SavedRun extends BenchRun {
  readonly options: Readonly<Record<string, number>>;
  readonly machine: { readonly cpu: string; readonly cores: number; readonly memoryMb: number; readonly node: string };
}

/** Keeps the run as the last one with these options in bench/results/<name>.json. Returns the path of the file. */
export async function saveRun(run: BenchRun, options: Readonly<Record<string, number>>): Promise<string> {
  const folder = join(import.meta.dirname, '..', 'results');
  const path = join(folder, `${run.bench}.json`);
  const before = await readRuns(path);
  const others = before.filter((saved) => JSON.stringify(saved.options) !== JSON.stringify(options));
  const saved: SavedRun = {
    ...run,
    options,
    machine: {
      cpu: cpus()[0]?.model ?? 'unknown',
      cores: run.cores,
      memoryMb: Math.round(totalmem() / 1_048_576),
      node: run.node,
    },
  };
  await mkdir(folder, { recursive: true });
  await writeFile(path, `${JSON.stringify([...others, saved], null, 2)}\n`);
  return relative(process.cwd(), path);
}

async function readRuns(path: string): Promise<SavedRun[]> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '[]';
    throw error;
  });
  return JSON.parse(text) as SavedRun[];
}
