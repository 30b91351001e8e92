import assert from 'node:assert/strict';
import { access, glob, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { commands } from '../packages/cli/src/commands.ts';
import { staleFiles } from '../tools/freshness.ts';
import { referencePages } from '../tools/gen-docs.ts';

const ROOT = join(import.meta.dirname, '..');

interface Page {
  /** From the root of the repository. */
  readonly path: string;
  readonly text: string;
}

async function readPages(): Promise<Page[]> {
  const paths: string[] = [];
  for await (const path of glob(['*.md', 'docs/**/*.md'], { cwd: ROOT })) paths.push(path);
  return Promise.all(paths.sort().map(async (path) => ({ path, text: await readFile(join(ROOT, path), 'utf8') })));
}

const pages = await readPages();

/** Text between backquotes and in code blocks: what a reader may type. */
function codeOf(text: string): string[] {
  const blocks = [...text.matchAll(/^ *```\w*\n([\s\S]*?)^ *```/gm)].flatMap(([, body = '']) => body.split('\n'));
  const indented = [...text.matchAll(/^ {4}(\S.*)$/gm)].map(([, line = '']) => line);
  const inline = [...text.replaceAll(/^ *```[\s\S]*?^ *```/gm, '').matchAll(/`([^`\n]+)`/g)].map(
    ([, code = '']) => code,
  );
  return [...blocks, ...indented, ...inline].map((code) => code.trim());
}

function headingAnchors(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

test('there are documents to check', () => {
  for (const path of ['README.md', 'docs/start/install.md', 'docs/decisions.md']) {
    assert.ok(
      pages.some((page) => page.path === path),
      path,
    );
  }
});

test('every link inside the repository leads to a file, and to a heading that it has', async () => {
  const broken: string[] = [];
  for (const { path, text } of pages) {
    for (const [, target = ''] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const [file = '', anchor] = target.split('#');
      const full = file === '' ? join(ROOT, path) : join(ROOT, dirname(path), file);
      const found = await access(full).then(
        () => true,
        () => false,
      );
      if (!found) broken.push(`${path}: ${target}`);
      else if (anchor !== undefined && !headingAnchors(await readFile(full, 'utf8')).includes(anchor)) {
        broken.push(`${path}: ${target} (no such heading)`);
      }
    }
  }
  assert.deepEqual(broken, []);
});

test('every npm script that a document names exists', async () => {
  const manifest: unknown = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));
  const scripts = Object.keys((manifest as { scripts: Record<string, string> }).scripts);
  const missing = pages.flatMap(({ path, text }) =>
    codeOf(text).flatMap((code) => {
      const run = [...code.matchAll(/\bnpm run (?:-\S+ )?([\w:-]+)/g)].map(([, name = '']) => name);
      const short = [...code.matchAll(/\bnpm (start|test)\b/g)].map(([, name = '']) => name);
      return [...run, ...short].filter((name) => !scripts.includes(name)).map((name) => `${path}: npm run ${name}`);
    }),
  );
  assert.deepEqual(missing, []);
});

test('every command and option of muster that a document names exists', () => {
  const wrong = pages.flatMap(({ path, text }) =>
    codeOf(text).flatMap((code) => {
      const found = /^(?:npx )?muster ([a-z].*)$/.exec(code.replaceAll(/\s+[#|&].*$/g, '').trim());
      const line = found?.[1];
      return line === undefined ? [] : faultOf(line).map((fault) => `${path}: ${code} — ${fault}`);
    }),
  );
  assert.deepEqual(wrong, []);
});

/** What is wrong with the words after `muster`. */
function faultOf(line: string): string[] {
  const words = line.split(/\s+/);
  const [first = '', second = ''] = words;
  const command =
    commands.find(({ name }) => name === `${first} ${second}`) ??
    commands.find(({ name }) => name === first) ??
    commands.find(({ name }) => name === `${first} list`);
  if (command === undefined) return ['no such command'];
  const known = [...Object.keys(command.options), 'server', 'json', 'help'];
  return words
    .filter((word) => word.startsWith('--'))
    .map((word) => word.slice(2).split('=')[0] ?? '')
    .filter((option) => !known.includes(option))
    .map((option) => `no option --${option}`);
}

test('paths of the repository that a document names exist', async () => {
  const missing: string[] = [];
  for (const { path, text } of pages) {
    for (const code of codeOf(text)) {
      if (!/^(?:packages|tools|bench|tests|docs)\/[\w./-]+$/.test(code)) continue;
      await access(join(ROOT, code)).catch(() => missing.push(`${path}: ${code}`));
    }
  }
  assert.deepEqual(missing, []);
});

test('guides and first steps end with what proves that it worked', () => {
  const without = pages
    .filter(({ path }) => /^docs\/(?:start|guides)\//.test(path))
    .filter(({ text }) => !/\n## It worked\n\n```sh\n[\s\S]+$/.test(text))
    .map(({ path }) => path);
  assert.deepEqual(without, []);
});

test('documents do not tell the reader that it is simple', () => {
  const found = pages
    .filter(({ path }) => path !== 'docs/design/architecture.md')
    .flatMap(({ path, text }) =>
      text
        .split('\n')
        .filter((line) => /\b(?:just|easy|easily|simply)\b/i.test(line))
        .map((line) => `${path}: ${line}`),
    );
  assert.deepEqual(found, []);
});

test('the generated pages are fresh', async () => {
  const files = await referencePages();
  assert.deepEqual(await staleFiles(ROOT, files), []);
  assert.deepEqual(await staleFiles(ROOT, [{ path: 'docs/reference/errors.md', text: 'another text' }]), [
    'docs/reference/errors.md',
  ]);
});
