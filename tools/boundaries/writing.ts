import type { Problem } from './problem.ts';
import type { Source } from './sources.ts';
import { isPunct, isWord, type Token } from './tokens.ts';

/** Rules about what stands in a file: the environment, errors, left-over test switches. */
export function checkWriting(source: Source): Problem[] {
  const problems: Problem[] = [];
  const code = source.tokens.filter((token) => token.kind !== 'comment');
  const report = (token: Token, rule: string, advice: string): void => {
    problems.push({ path: source.path, line: token.line, rule, advice });
  };
  for (const [index, token] of code.entries()) {
    const at = (offset: number): Token | undefined => code[index + offset];
    if (isWord(token, 'process') && isPunct(at(1), '.') && isWord(at(2), 'env') && !mayReadEnvironment(source)) {
      report(token, 'environment', 'read it in config.ts of the package and pass the value on');
    }
    if (isWord(token, 'throw') && isWord(at(1), 'new') && isWord(at(2), 'Error') && !source.test) {
      report(token, 'plain-error', 'throw MusterError with a code of the table');
    }
    if (isWord(token, 'catch') && isEmptyCatch(code, index)) {
      report(token, 'empty-catch', 'handle the error, or let it fly');
    }
    if (source.test) checkTestSwitch(code, index, report);
    if (isWord(token, 'export') && isWord(at(1), 'default') && !source.path.includes('.config.')) {
      report(token, 'default-export', 'export it by name');
    }
  }
  for (const token of source.tokens) {
    // In a test, @ts-expect-error is an assertion: the compiler fails when the error is gone.
    const off = source.test ? /^\/[/*]\s*@ts-(?:ignore|nocheck)/ : /^\/[/*]\s*@ts-(?:ignore|nocheck|expect-error)/;
    if (token.kind === 'comment' && off.test(token.text)) report(token, 'type-check-off', 'fix the type');
  }
  return problems;
}

type Report = (token: Token, rule: string, advice: string) => void;

const RUNNERS = new Set(['test', 'it', 'describe', 'suite']);
const SWITCHES = new Set(['only', 'skip', 'todo']);

function checkTestSwitch(code: readonly Token[], index: number, report: Report): void {
  const token = code[index];
  if (token?.kind !== 'word' || !RUNNERS.has(token.text) || isPunct(code[index - 1], '.')) return;
  const name = code[index + 2];
  const advice = 'every test runs; delete it or make it pass';
  if (isPunct(code[index + 1], '.') && name?.kind === 'word' && SWITCHES.has(name.text)) {
    report(name, 'test-switch', advice);
  }
  if (!isPunct(code[index + 1], '(')) return;
  for (const { key, value } of optionsOf(code, index + 2)) {
    // A condition is no switch: a test may need a tool or a recording that this machine does not have.
    const depends = key.text === 'skip' && value?.kind === 'word' && value.text !== 'true';
    if (SWITCHES.has(key.text) && !depends) report(key, 'test-switch', advice);
  }
}

/** Keys, and how each value begins, of the object literal that is the second argument of a call; `from` is the first. */
function optionsOf(code: readonly Token[], from: number): { key: Token; value: Token | undefined }[] {
  if (!isPunct(code[from + 1], ',') || !isPunct(code[from + 2], '{')) return [];
  const keys: { key: Token; value: Token | undefined }[] = [];
  let depth = 0;
  for (let index = from + 2; index < code.length; index++) {
    const token = code[index];
    if (token?.kind === 'punct' && '{(['.includes(token.text)) depth++;
    if (token?.kind === 'punct' && '})]'.includes(token.text)) depth--;
    if (depth === 0) break;
    if (depth === 1 && token?.kind === 'word' && isPunct(code[index + 1], ':'))
      keys.push({ key: token, value: code[index + 2] });
  }
  return keys;
}

function isEmptyCatch(code: readonly Token[], index: number): boolean {
  if (isPunct(code[index - 1], '.')) return isEmptyHandler(code, index);
  let open = index + 1;
  if (isPunct(code[open], '(')) {
    while (open < code.length && !isPunct(code[open], ')')) open++;
    open++;
  }
  return isPunct(code[open], '{') && isPunct(code[open + 1], '}');
}

/** `.catch(() => {})` */
function isEmptyHandler(code: readonly Token[], index: number): boolean {
  const shape = code.slice(index + 1, index + 9).map((token) => token.text);
  return /^\(\((?:\w+)?\)=>\{\}\)/.test(shape.join('')) || /^\(\w+=>\{\}\)/.test(shape.join(''));
}

/** Tests give children an environment, and tools and benches start them; product code reads it in one file. */
function mayReadEnvironment(source: Source): boolean {
  return source.test || !source.path.startsWith('packages/') || /^packages\/[^/]+\/src\/config\.ts$/.test(source.path);
}
