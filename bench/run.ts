import { readdir } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Bench, missedGoals } from './define.ts';
import { type BenchRun, formatRun } from './report/report.ts';
import { saveRun } from './report/save.ts';

/**
 * `npm run bench -- NAME [--json] [--save] [--OPTION N …]`. With --json one line on standard output; without it a
 * table, and a progress line on standard error. It measures: a missed goal is named in `short` and is no failure.
 */
const LIMIT_MS = 20 * 60_000;
const NOT_BENCHES = new Set(['define', 'run', 'server-process', 'statistics']);

const [name, ...args] = process.argv.slice(2);
if (name === undefined || name.startsWith('-')) await list();
else process.exitCode = await measure(name, args);

async function measure(name: string, args: readonly string[]): Promise<number> {
  const bench = await load(name);
  if (bench === null) {
    console.error(`There is no bench "${name}".`);
    await list();
    return 2;
  }
  const { json, save, options } = readArguments(bench, args);
  const wrong = Object.keys(options).find((key) => !Number.isFinite(options[key]));
  if (wrong !== undefined) {
    console.error(`--${wrong} takes a number.`);
    return 2;
  }
  const stopping = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopping.abort());
  const limit = setTimeout(() => stopping.abort(), LIMIT_MS);
  const { figures, beside = {} } = await bench.run({ options, progress, signal: stopping.signal });
  clearTimeout(limit);
  clearProgress();
  const run: BenchRun = {
    bench: name,
    at: Date.now(),
    node: process.version,
    cores: cpus().length,
    figures,
    beside,
    short: missedGoals(bench.goals, figures),
  };
  console.log(json ? JSON.stringify(run) : formatRun(run, bench.goals));
  if (save) console.error(`saved ${await saveRun(run, options)}`);
  return 0;
}

async function load(name: string): Promise<Bench | null> {
  if (!(await benchNames()).includes(name)) return null;
  const module: unknown = await import(join(import.meta.dirname, `${name}.ts`));
  return (module as { bench: Bench }).bench;
}

async function benchNames(): Promise<string[]> {
  const files = await readdir(import.meta.dirname);
  return files
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .map((file) => file.slice(0, -'.ts'.length))
    .filter((name) => !NOT_BENCHES.has(name))
    .sort();
}

async function list(): Promise<void> {
  console.error('Usage: npm run bench -- NAME [--json] [--save] [--OPTION N …]\n');
  for (const name of await benchNames()) {
    const bench = await load(name);
    if (bench === null) continue;
    const options = Object.entries(bench.options ?? {}).map(([key, option]) => ` [--${key} ${option.default}]`);
    console.error(`${name}${options.join('')}\n    ${bench.summary}`);
  }
}

function readArguments(bench: Bench, args: readonly string[]) {
  const known = Object.entries(bench.options ?? {});
  const { values } = parseArgs({
    args: [...args],
    options: {
      json: { type: 'boolean', default: false },
      save: { type: 'boolean', default: false },
      ...Object.fromEntries(known.map(([key, option]) => [key, { type: 'string', default: String(option.default) }])),
    },
  });
  const given: Readonly<Record<string, unknown>> = values;
  const options = Object.fromEntries(known.map(([key]) => [key, Number(given[key])]));
  return { json: values.json, save: values.save, options };
}

function progress(what: string, done = 0, total = 0): void {
  if (process.stderr.isTTY !== true) return;
  const share = total > 0 ? ` ${done}/${total}` : done > 0 ? ` ${done}` : '';
  process.stderr.write(`\r\u001b[K${what}${share}`);
}

function clearProgress(): void {
  if (process.stderr.isTTY === true) process.stderr.write('\r\u001b[K');
}
