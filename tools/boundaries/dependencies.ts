import { posix } from 'node:path';
import type { Problem } from './problem.ts';
import type { Source } from './sources.ts';
import { EXTRA, FEATURES, PACKAGES, SHARED_FEATURES, WITHOUT_NODE } from './table.ts';
import { type Import, importsOf } from './tokens.ts';

/** What the rule needs of a package.json: the names it declares, of every kind of dependency. */
export type Declared = ReadonlyMap<string, ReadonlySet<string>>;

const SERVER = 'packages/server/src/';

/** The dependency rule for one file: packages, declared modules, and the features inside the server. */
export function checkDependencies(source: Source, declared: Declared): Problem[] {
  if (source.test || source.generated) return [];
  const owner = packageOf(source.path);
  return importsOf(source.tokens).flatMap((item) => {
    const problem = (rule: string, advice: string): Problem => ({ path: source.path, line: item.line, rule, advice });
    if (item.specifier.startsWith('.')) return relativeImport(source, owner, item, problem);
    if (owner === null) return [];
    if (item.specifier.startsWith('node:')) {
      return WITHOUT_NODE.includes(owner)
        ? [problem('no-node', `${owner} also runs in browsers; move what needs ${item.specifier} elsewhere`)]
        : [];
    }
    return namedImport(source, owner, item.specifier, declared, problem);
  });
}

type Report = (rule: string, advice: string) => Problem;

function namedImport(source: Source, owner: string, specifier: string, declared: Declared, problem: Report): Problem[] {
  const name = specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
  const problems: Problem[] = [];
  if (name.startsWith('@muster/')) {
    const target = name.slice('@muster/'.length);
    const allowed = [...(PACKAGES[owner] ?? []), ...(EXTRA[source.path] ?? [])];
    if (target !== owner && !allowed.includes(target)) {
      problems.push(
        problem('package-direction', `${owner} may import ${list(allowed)}; see architecture.md, section 3`),
      );
    }
  }
  if (!(declared.get(owner)?.has(name) ?? false)) {
    problems.push(problem('undeclared-module', `add ${name} to packages/${owner}/package.json, or do without it`));
  }
  return problems;
}

function relativeImport(source: Source, owner: string | null, item: Import, problem: Report): Problem[] {
  const target = posix.join(posix.dirname(source.path), item.specifier);
  if (!/\.(?:ts|tsx|js|mjs|json)$/.test(target)) {
    return [problem('import-extension', `write the file ending: '${item.specifier}.ts'`)];
  }
  if (owner !== null && packageOf(target) !== owner) {
    return [problem('package-by-path', 'import another package by its name, not by a path')];
  }
  if (!source.path.startsWith(SERVER) || !target.startsWith(SERVER)) return [];
  return featureImport(source.path.slice(SERVER.length), target.slice(SERVER.length), problem);
}

/** `from` and `to` are paths below packages/server/src. */
function featureImport(from: string, to: string, problem: Report): Problem[] {
  const [source, target] = [featureOf(from), featureOf(to)];
  if (target === source) return [];
  if (source === null) {
    const configOfFeature = from === 'config.ts' && /\/config\.ts$/.test(to);
    return target === 'platform' || isDoor(to) || configOfFeature
      ? []
      : [problem('feature-door', `import ${target} through ${target}/index.ts`)];
  }
  if (target === null) {
    return [problem('feature-direction', `${source} may not know ${to}; take what it needs in its deps`)];
  }
  const allowed = [...(FEATURES[source] ?? []), ...(source === 'platform' ? [] : ['platform', ...SHARED_FEATURES])];
  if (!allowed.includes(target)) {
    return [problem('feature-direction', `${source} may import ${list(allowed)}; see architecture.md, section 3`)];
  }
  return target === 'platform' || isDoor(to)
    ? []
    : [problem('feature-door', `import ${target} through ${target}/index.ts`)];
}

/** A feature has one door; the gateway has one for each wire. */
function isDoor(path: string): boolean {
  return /^(?:[^/]+|gateway\/[^/]+)\/index\.ts$/.test(path);
}

function featureOf(path: string): string | null {
  const [folder, rest] = path.split('/');
  return rest === undefined || folder === undefined ? null : folder;
}

function packageOf(path: string): string | null {
  return /^packages\/([^/]+)\//.exec(path)?.[1] ?? null;
}

function list(names: readonly string[]): string {
  return names.length === 0 ? 'nothing of ours' : `only ${names.join(', ')}`;
}
