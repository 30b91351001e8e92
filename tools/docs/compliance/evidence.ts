import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isPunct, scan } from '../../boundaries/tokens.ts';
import type { Evidence, Standard } from './claims.ts';

const TEST_WORDS = new Set(['test', 'it']);

/** The names of the tests that a file runs: those that are skipped or to be done are not among them. */
export function testNamesOf(source: string): ReadonlySet<string> {
  const code = scan(source).filter(({ kind }) => kind !== 'comment');
  const names = new Set<string>();
  for (const [index, token] of code.entries()) {
    if (token.kind !== 'word' || !TEST_WORDS.has(token.text) || !isPunct(code[index + 1], '(')) continue;
    const name = code[index + 2];
    if (name?.kind === 'string') names.add(withoutEscapes(name.text));
    if (name?.kind === 'template') names.add(templateAt(code, index + 2));
  }
  return names;
}

/** A template with `…` for each of its values; the pieces of a template are tokens of their own. */
function templateAt(code: ReturnType<typeof scan>, from: number): string {
  let text = '';
  let depth = 0;
  for (const token of code.slice(from)) {
    if (token.kind !== 'template') continue;
    const begins = token.text.startsWith('`');
    const ends = token.text.endsWith('`');
    if (begins) depth++;
    if (depth === 1) text += token.text.replace(/^[`}]/, '').replace(/(?:`|\$\{)$/, ends ? '' : '…');
    if (ends) depth--;
    if (depth === 0) break;
  }
  return text;
}

const withoutEscapes = (text: string): string => text.replaceAll(/\\(['"`\\])/g, '$1');

/** What the claims name and the repository does not have, each as one sentence. */
export async function missingEvidence(root: string, standards: readonly Standard[]): Promise<string[]> {
  const texts = new Map<string, Promise<string | null>>();
  const read = (path: string): Promise<string | null> => {
    const text = texts.get(path) ?? readOrNull(join(root, path));
    texts.set(path, text);
    return text;
  };
  const claims = standards.flatMap(({ name, parts }) =>
    parts.flatMap((part) => part.claims.map((claim) => ({ name, claim }))),
  );
  const problems = claims.map(async ({ name, claim }) => {
    const faults = await Promise.all(claim.evidence.map((one) => faultOf(one, read)));
    return faults.filter((fault) => fault !== null).map((fault) => `${name} ${claim.id}: ${fault}`);
  });
  const seen = new Set<string>();
  const twice = claims.flatMap(({ name, claim }) => {
    const key = `${name} ${claim.id}`;
    if (!seen.has(key)) return seen.add(key) && [];
    return [`${key}: is claimed twice`];
  });
  return [...(await Promise.all(problems)).flat(), ...twice];
}

async function faultOf(one: Evidence, read: (path: string) => Promise<string | null>): Promise<string | null> {
  if ('document' in one) {
    const text = await read(one.document);
    if (text === null) return `there is no document ${one.document}`;
    const { heading } = one;
    const found = heading === undefined || text.split('\n').some((line) => line.replace(/^#+ /, '') === heading);
    return found ? null : `${one.document} has no heading "${heading}"`;
  }
  const text = await read(one.file);
  if (text === null) return `there is no file ${one.file}`;
  return testNamesOf(text).has(one.test) ? null : `${one.file} has no test "${one.test}"`;
}

async function readOrNull(path: string): Promise<string | null> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
}
