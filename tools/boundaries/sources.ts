import { readdir, readFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { scan, type Token } from './tokens.ts';

/** One source file of the repository, read and scanned once for all rules. */
export interface Source {
  /** From the root of the repository, with forward slashes. */
  readonly path: string;
  readonly lines: number;
  readonly tokens: readonly Token[];
  /** A test, or a fixture that only tests start: it may import anything and throw plain errors. */
  readonly test: boolean;
  readonly generated: boolean;
}

const ROOTS = ['packages', 'tools', 'tests', 'bench', 'examples'];
const SKIPPED = new Set(['node_modules', 'data', 'dist', 'results', 'coverage']);
const SOURCE = /\.(?:ts|tsx|js|mjs|cjs)$/;

/** All sources under `root`, in a stable order. */
export async function readSources(root: string): Promise<Source[]> {
  const paths = (await Promise.all(ROOTS.map((folder) => walk(join(root, folder))))).flat();
  const sources = await Promise.all(
    paths.map(async (path): Promise<Source> => {
      const text = await readFile(path, 'utf8');
      const name = relative(root, path).split(sep).join('/');
      return {
        path: name,
        lines: text.split('\n').length - (text.endsWith('\n') ? 1 : 0),
        tokens: scan(text),
        test: name.startsWith('tests/') || /\.(?:test|fixture)\.tsx?$/.test(name),
        generated: name.includes('.gen.'),
      };
    }),
  );
  return sources.sort((a, b) => (a.path < b.path ? -1 : 1));
}

async function walk(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const found = await Promise.all(
    entries.map((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return SKIPPED.has(entry.name) || entry.name.startsWith('.') ? [] : walk(path);
      return SOURCE.test(entry.name) ? [path] : [];
    }),
  );
  return found.flat();
}
