import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Fault } from './define.ts';

/**
 * `npm run faults -- NAME [--rounds N] [--json]`: breaks the server and says whether what it promised holds. Ends with
 * one JSON line {fault, rounds, checked, lost, doubled, short}; exit code 1 when something was lost, doubled or short.
 */
const ENDING = '.fault.ts';

const { values, positionals } = parseArgs({
  options: { rounds: { type: 'string' }, json: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const [name] = positionals;
if (name === undefined) await list();
else process.exitCode = await run(name);

async function run(wanted: string): Promise<number> {
  const fault = await load(wanted);
  if (fault === null) {
    console.error(`There is no fault "${wanted}".`);
    await list();
    return 2;
  }
  const rounds = values.rounds === undefined ? fault.rounds : Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1) {
    console.error('--rounds takes a whole number from 1 on.');
    return 2;
  }
  const stopping = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopping.abort());
  const say = (line: string): void => {
    if (!values.json) console.log(line);
  };
  const result = await fault.run({ rounds, say, signal: stopping.signal });
  console.log(JSON.stringify({ fault: fault.name, rounds, ...result }));
  return result.lost > 0 || result.doubled > 0 || result.short !== null ? 1 : 0;
}

async function names(): Promise<string[]> {
  const files = await readdir(import.meta.dirname);
  return files
    .filter((file) => file.endsWith(ENDING))
    .map((file) => file.slice(0, -ENDING.length))
    .sort();
}

async function load(wanted: string): Promise<Fault | null> {
  if (!(await names()).includes(wanted)) return null;
  const module: unknown = await import(join(import.meta.dirname, wanted + ENDING));
  return (module as { fault: Fault }).fault;
}

async function list(): Promise<void> {
  console.error('Usage: npm run faults -- NAME [--rounds N] [--json]\n');
  for (const one of await names()) {
    const fault = await load(one);
    if (fault !== null) console.error(`${one} [--rounds ${fault.rounds}]\n    ${fault.summary}`);
  }
}
