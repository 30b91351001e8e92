import { spawn } from 'node:child_process';
import { glob, stat } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';

/**
 * `npm test [-- FILE|FOLDER … --name PATTERN --at-once N]`: the tests of the repository, each file in a process of its own,
 * three at a time, with the closing summary of node:test. No test at all is a failure: a wrong path must not look like
 * success.
 */
const ROOT = join(import.meta.dirname, '..');
const PATTERNS = [
  'packages/*/{src,bin}/**/*.test.ts',
  'tests/**/*.test.ts',
  'tools/**/*.test.ts',
  'bench/**/*.test.ts',
];
/** Every file is a process that reads most of the server: types are stripped once for all of them. */
const COMPILED = join(ROOT, 'node_modules/.cache/compiled');
/** What breaks the server on purpose takes minutes: `npm run test:faults`, and part of `.ci/run`. */
const APART = 'tests/faults/';
/** One test; a file may take as long as tools/test-limit.ts says. */
const TEST_LIMIT_MS = 90_000;

const { values, positionals } = parseArgs({
  options: {
    name: { type: 'string' },
    reporter: { type: 'string', default: 'spec' },
    // more files than cores: many wait for sound, clocks and other processes
    'at-once': { type: 'string', default: '3' },
  },
  allowPositionals: true,
});

const files = await findTests(positionals);
if (files.length === 0) {
  console.error(`No test file${positionals.length > 0 ? ` under ${positionals.join(', ')}` : ''}.`);
  process.exit(1);
}

const child = spawn(
  process.execPath,
  [
    '--import',
    join(import.meta.dirname, 'test-limit.ts'),
    '--test',
    `--test-concurrency=${values['at-once']}`,
    `--test-timeout=${TEST_LIMIT_MS}`,
    `--test-reporter=${values.reporter}`,
    ...(values.name === undefined ? [] : [`--test-name-pattern=${values.name}`]),
    ...files,
  ],
  { cwd: ROOT, stdio: 'inherit', env: { NODE_COMPILE_CACHE: COMPILED, ...process.env } },
);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
child.on('error', (error) => {
  console.error(error.message);
  process.exitCode = 1;
});
child.on('close', (code) => {
  process.exitCode = code ?? 1;
});

/** Test files under the paths given (from the current folder), or all of them. */
async function findTests(paths: readonly string[]): Promise<string[]> {
  const all: string[] = [];
  for await (const path of glob(PATTERNS, { cwd: ROOT })) all.push(path);
  const wanted = await Promise.all(
    paths.map(async (path) => {
      const isFolder = (await stat(resolve(path)).catch(() => null))?.isDirectory() ?? false;
      return join(relative(ROOT, resolve(path)), isFolder ? '/' : '');
    }),
  );
  const isWanted = (path: string): boolean =>
    (wanted.length === 0 && !path.startsWith(APART)) ||
    wanted.some((prefix) => path === prefix || (prefix.endsWith('/') && path.startsWith(prefix)));
  return all.filter(isWanted).sort();
}
