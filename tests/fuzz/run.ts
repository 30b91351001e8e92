import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { FuzzTarget } from './define.ts';
import { measure } from './measure.ts';

/**
 * `npm run fuzz -- NAME [--inputs N] [--seed N] [--first N] [--json]`: feeds a decoder with mutated inputs and says whether one of
 * them breaks it or makes it grow. `all`: one after the other. Exit code 1 when one does; `--seed` and `--first` with the
 * number of the input make it again.
 */
const ENDING = '.fuzz.ts';

const { values, positionals } = parseArgs({
  options: {
    inputs: { type: 'string', default: '1000000' },
    first: { type: 'string', default: '0' },
    seed: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
  allowPositionals: true,
});
const [name] = positionals;
const all = await targets();
const wanted = all.filter((target) => name === 'all' || target.name === name);
const inputs = Number(values.inputs);
const first = Number(values.first);
const seed = values.seed === undefined ? Date.now() % 0x1_0000_0000 : Number(values.seed);
if (
  wanted.length === 0 ||
  !Number.isSafeInteger(inputs) ||
  inputs < 1 ||
  !Number.isSafeInteger(seed) ||
  !Number.isSafeInteger(first)
) {
  console.error('Usage: npm run fuzz -- NAME|all [--inputs N] [--seed N] [--first N] [--json]\n');
  for (const target of all) console.error(`${target.name}\n    ${target.summary}`);
  process.exitCode = 2;
} else process.exitCode = await run();

async function run(): Promise<number> {
  const stopping = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopping.abort());
  let short = 0;
  for (const target of wanted) {
    const say = (line: string): void => {
      if (!values.json) console.log(`${target.name}: ${line}`);
    };
    say(`seed ${seed}`);
    const result = await measure(target, { inputs, first, seed, say, signal: stopping.signal });
    if (result.short !== null) short += 1;
    console.log(JSON.stringify(result));
  }
  return short > 0 ? 1 : 0;
}

async function targets(): Promise<FuzzTarget[]> {
  const files = (await readdir(import.meta.dirname)).filter((file) => file.endsWith(ENDING)).sort();
  return Promise.all(
    files.map(async (file) => {
      const module: unknown = await import(join(import.meta.dirname, file));
      return (module as { target: FuzzTarget }).target;
    }),
  );
}
