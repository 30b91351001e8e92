import { posix } from 'node:path';
import type { Problem } from './problem.ts';
import type { Source } from './sources.ts';
import { EMPTY_NAMES, MAX_FILES, MAX_LINES } from './table.ts';

/** Rules about files and folders: their size, their number, their names. */
export function checkLayout(sources: readonly Source[]): Problem[] {
  const folders = new Map<string, number>();
  const problems: Problem[] = [];
  for (const source of sources) {
    if (source.lines > MAX_LINES && !source.generated && !source.path.endsWith('.data.ts')) {
      const advice = `${source.lines} lines; give each of its subjects a file (limit ${MAX_LINES})`;
      problems.push({ path: source.path, line: 0, rule: 'file-length', advice });
    }
    if (source.test || source.generated) continue;
    const folder = posix.dirname(source.path);
    folders.set(folder, (folders.get(folder) ?? 0) + 1);
  }
  // a folder whose index is generated grows by one file for each extension: that is what it is for
  const extensions = new Set(
    sources.filter(({ path }) => path.endsWith('/index.gen.ts')).map(({ path }) => posix.dirname(path)),
  );
  for (const [path, files] of folders) {
    if (files <= MAX_FILES || extensions.has(path)) continue;
    problems.push({
      path,
      line: 0,
      rule: 'folder-size',
      advice: `${files} source files; group them (limit ${MAX_FILES})`,
    });
  }
  return [...problems, ...checkNames(sources)];
}

function checkNames(sources: readonly Source[]): Problem[] {
  const bad = new Map<string, string>();
  for (const { path } of sources) {
    const parts = path.split('/');
    for (const [index, part] of parts.entries()) {
      const word = part
        .split('.')[0]
        ?.split('-')
        .find((piece) => EMPTY_NAMES.includes(piece.toLowerCase()));
      if (word !== undefined) bad.set(parts.slice(0, index + 1).join('/'), word);
    }
  }
  return [...bad].map(([path, word]) => ({
    path,
    line: 0,
    rule: 'empty-name',
    advice: `"${word}" says nothing; name it after what is inside`,
  }));
}
