import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** A generated file: its path from the root of the repository, and what must stand in it. */
export interface Generated {
  readonly path: string;
  readonly text: string;
}

/** The paths whose text on disk is not what the sources give. */
export async function staleFiles(root: string, files: readonly Generated[]): Promise<string[]> {
  const stale = await Promise.all(
    files.map(async ({ path, text }) => ((await readOrNull(join(root, path))) === text ? [] : [path])),
  );
  return stale.flat();
}

/** Writes the files that differ. Returns their paths. */
export async function writeStale(root: string, files: readonly Generated[]): Promise<string[]> {
  const stale = await staleFiles(root, files);
  for (const { path, text } of files) {
    if (!stale.includes(path)) continue;
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
  return stale;
}

/** The command line of a generator: writes, or with `--check` only says what is stale and fails. */
export async function generate(root: string, files: readonly Generated[], check: boolean): Promise<number> {
  if (!check) {
    for (const path of await writeStale(root, files)) console.log(`wrote ${path}`);
    return 0;
  }
  const stale = await staleFiles(root, files);
  for (const path of stale) console.error(`${path} is stale — run: npm run gen`);
  return stale.length === 0 ? 0 : 1;
}

async function readOrNull(path: string): Promise<string | null> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
}
