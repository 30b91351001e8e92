import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { checkDependencies, type Declared } from './boundaries/dependencies.ts';
import { checkLayout } from './boundaries/layout.ts';
import { formatProblem, type Problem } from './boundaries/problem.ts';
import { readSources } from './boundaries/sources.ts';
import { checkWriting } from './boundaries/writing.ts';

/** Every broken rule under `root`, sorted by path and line. An empty list means that the house is in order. */
export async function checkBoundaries(root: string): Promise<Problem[]> {
  const [sources, declared] = await Promise.all([readSources(root), readDeclared(root)]);
  const problems = [
    ...checkLayout(sources),
    ...sources.flatMap((source) => [...checkDependencies(source, declared), ...checkWriting(source)]),
  ];
  return problems.sort((a, b) => a.path.localeCompare(b.path) || a.line - b.line);
}

async function readDeclared(root: string): Promise<Declared> {
  const folders = await readdir(join(root, 'packages'));
  const entries = folders.map(async (folder): Promise<[string, ReadonlySet<string>]> => {
    const manifest: unknown = JSON.parse(await readFile(join(root, 'packages', folder, 'package.json'), 'utf8'));
    const names = ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies'].flatMap((kind) =>
      Object.keys((manifest as Record<string, object | undefined>)[kind] ?? {}),
    );
    return [folder, new Set(names)];
  });
  return new Map(await Promise.all(entries));
}

if (import.meta.main) {
  const problems = await checkBoundaries(join(import.meta.dirname, '..'));
  for (const problem of problems) console.error(formatProblem(problem));
  if (problems.length > 0) {
    console.error(`${problems.length} broken rules`);
    process.exitCode = 1;
  }
}
