import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { styleText } from 'node:util';

/**
 * `npm run check`: everything that can be said about the sources without running them. All checks start at once;
 * each prints one line with its time, and its own words only when it fails.
 */
const ROOT = join(import.meta.dirname, '..');
const BIN = join(ROOT, 'node_modules/.bin');
/** The whole check is promised under 60 s; one that hangs must not take the others' answers with it. */
const LIMIT_MS = 120_000;

interface Check {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  /** What to run when it fails. */
  readonly mend: string;
}

const CHECKS: readonly Check[] = [
  {
    name: 'format and lint',
    command: [join(BIN, 'biome'), 'ci', '--colors=off', '--error-on-warnings', '.'],
    mend: 'npm run format',
  },
  { name: 'types', command: [join(BIN, 'tsc'), '-b', '--pretty', 'false'], mend: 'mend the types' },
  { name: 'boundaries', command: [process.execPath, 'tools/check-boundaries.ts'], mend: 'follow the advice' },
  { name: 'licences', command: [process.execPath, 'tools/release/licences.ts'], mend: 'see licences.data.ts there' },
  { name: 'indexes fresh', command: [process.execPath, 'tools/gen-index.ts', '--check'], mend: 'npm run gen' },
  { name: 'documents fresh', command: [process.execPath, 'tools/gen-docs.ts', '--check'], mend: 'npm run gen' },
  { name: 'evidence there', command: [process.execPath, 'tools/gen-compliance.ts', '--check'], mend: 'npm run gen' },
];

interface Outcome {
  readonly ok: boolean;
  readonly output: string;
  readonly ms: number;
}

async function run({ command: [program, ...args] }: Check): Promise<Outcome> {
  const startedAt = performance.now();
  const output: Buffer[] = [];
  const done = Promise.withResolvers<boolean>();
  const child = spawn(program, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'], timeout: LIMIT_MS });
  child.stdout.on('data', (bytes: Buffer) => output.push(bytes));
  child.stderr.on('data', (bytes: Buffer) => output.push(bytes));
  child.on('error', (error) => {
    output.push(Buffer.from(error.message));
    done.resolve(false);
  });
  child.on('close', (code, signal) => {
    if (signal !== null) output.push(Buffer.from(`stopped by ${signal} after ${LIMIT_MS} ms`));
    done.resolve(code === 0);
  });
  const ok = await done.promise;
  return { ok, output: Buffer.concat(output).toString().trim(), ms: performance.now() - startedAt };
}

if (!existsSync(join(BIN, 'biome'))) {
  console.error('The development tools are missing — run: npm ci');
  process.exit(1);
}
const startedAt = performance.now();
const results = await Promise.all(
  CHECKS.map(async (check) => {
    const outcome = await run(check);
    const mark = outcome.ok ? styleText('green', 'ok  ') : styleText('red', 'FAIL');
    console.log(`${mark} ${check.name.padEnd(18)}${(outcome.ms / 1000).toFixed(1).padStart(6)} s`);
    return { check, outcome };
  }),
);
const failed = results.filter(({ outcome }) => !outcome.ok);
for (const { check, outcome } of failed) {
  console.error(`\n--- ${check.name} (${check.mend}) ---\n${outcome.output}`);
}
const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
console.log(`\n${CHECKS.length - failed.length} of ${CHECKS.length} checks passed in ${seconds} s`);
process.exitCode = failed.length === 0 ? 0 : 1;
