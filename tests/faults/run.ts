import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Fault, FaultResult } from './define.ts';

/**
 * `npm run faults -- NAME [--rounds N] [--json] [--save]`: breaks the server and says whether what it promised holds. Ends
 * with one JSON line {fault, rounds, checked, lost, doubled, short}; exit code 1 when something was lost, doubled or
 * short. `--save` keeps it as the last run in tests/faults/results/.
 */
const ENDING = '.fault.ts';

const { values, positionals } = parseArgs({
  options: {
    rounds: { type: 'string' },
    json: { type: 'boolean', default: false },
    save: { type: 'boolean', default: false },
  },
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
  const result = await fault.run({ rounds, say, signal: stopping.signal }).catch(brokenOff);
  const run = { fault: fault.name, rounds, ...result };
  if (values.save) await save(run);
  console.log(JSON.stringify(run));
  return result.lost > 0 || result.doubled > 0 || result.short !== null ? 1 : 0;
}

/** A run that could not go on fell short: what it waited for did not come. */
function brokenOff(error: unknown): FaultResult {
  console.error(error);
  const short = error instanceof Error ? error.message : String(error);
  return { checked: 0, lost: 0, doubled: 0, short };
}

async function save(run: FaultResult & { readonly fault: string }): Promise<void> {
  const folder = join(import.meta.dirname, 'results');
  const machine = { cpu: cpus()[0]?.model ?? 'unknown', cores: cpus().length, node: process.versions.node };
  await mkdir(folder, { recursive: true });
  const saved = { at: new Date().toISOString(), ...run, machine };
  await writeFile(join(folder, `${run.fault}.json`), `${JSON.stringify(saved, null, 2)}\n`);
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
  console.error('Usage: npm run faults -- NAME [--rounds N] [--json] [--save]\n');
  for (const one of await names()) {
    const fault = await load(one);
    if (fault !== null) console.error(`${one} [--rounds ${fault.rounds}]\n    ${fault.summary}`);
  }
}
