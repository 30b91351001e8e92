/**
 * A small scanner of TypeScript: enough to see imports, keywords and braces without being fooled by comments,
 * strings, templates and regular expressions. TypeScript 7 has no compiler interface for JavaScript yet.
 */
export interface Token {
  readonly kind: 'word' | 'string' | 'template' | 'regex' | 'number' | 'punct' | 'comment';
  /** A string without its quotes; everything else as written. */
  readonly text: string;
  /** 1 for the first line. */
  readonly line: number;
}

/** Words after which `/` begins a regular expression, not a division. */
const BEFORE_REGEX = new Set(['return', 'typeof', 'case', 'in', 'of', 'void', 'delete', 'throw', 'new', 'else', 'do']);
const WORD = /[\p{ID_Start}$_#][\p{ID_Continue}$]*/uy;
const NUMBER = /\d[\w.]*/y;

export function scan(source: string): Token[] {
  const tokens: Token[] = [];
  /** Depth of braces at which each open `${` closes again. */
  const templates: number[] = [];
  let depth = 0;
  let line = 1;
  let at = 0;
  let last: Token | undefined;

  const take = (kind: Token['kind'], end: number, text = source.slice(at, end)): void => {
    const token: Token = { kind, text, line };
    tokens.push(token);
    if (kind !== 'comment') last = token;
    for (let index = at; index < end; index++) if (source.charCodeAt(index) === 10) line++;
    at = end;
  };

  while (at < source.length) {
    const char = source.charAt(at);
    const two = source.slice(at, at + 2);
    if (char === '\n') line++;
    if (/\s/.test(char)) at++;
    else if (two === '//' || (at === 0 && two === '#!')) take('comment', lineEnd(source, at));
    else if (two === '/*') take('comment', after(source, '*/', at + 2));
    else if (char === "'" || char === '"') {
      const end = quoteEnd(source, at);
      take('string', end, source.slice(at + 1, end - 1));
    } else if (char === '`' || (char === '}' && templates.at(-1) === depth)) {
      if (char === '}') templates.pop();
      const end = templateEnd(source, at + 1);
      if (source.startsWith('${', end - 2)) templates.push(depth);
      take('template', end);
    } else if (char === '/' && startsRegex(last)) take('regex', regexEnd(source, at));
    else {
      WORD.lastIndex = at;
      NUMBER.lastIndex = at;
      const word = WORD.exec(source)?.[0];
      const number = word === undefined ? NUMBER.exec(source)?.[0] : undefined;
      if (word !== undefined) take('word', at + word.length);
      else if (number !== undefined) take('number', at + number.length);
      else {
        if (char === '{') depth++;
        if (char === '}') depth--;
        take('punct', at + 1);
      }
    }
  }
  return tokens;
}

export interface Import {
  readonly specifier: string;
  readonly line: number;
}

/** Every module that a file names: `import`, `import type`, `export … from`, `import()` and `import('x')` types. */
export function importsOf(tokens: readonly Token[]): Import[] {
  const code = tokens.filter((token) => token.kind !== 'comment');
  const found: Import[] = [];
  for (const [index, token] of code.entries()) {
    if (token.kind !== 'string') continue;
    const before = code[index - 1];
    const called = before?.text === '(' && before.kind === 'punct' && isWord(code[index - 2], 'import');
    const named = isWord(before, 'from') && !isPunct(code[index - 2], '.');
    if (called || named || isWord(before, 'import')) found.push({ specifier: token.text, line: token.line });
  }
  return found;
}

export function isWord(token: Token | undefined, text: string): boolean {
  return token?.kind === 'word' && token.text === text;
}

export function isPunct(token: Token | undefined, text: string): boolean {
  return token?.kind === 'punct' && token.text === text;
}

function startsRegex(last: Token | undefined): boolean {
  if (last === undefined) return true;
  if (last.kind === 'word') return BEFORE_REGEX.has(last.text);
  return last.kind === 'punct' && !')]}'.includes(last.text);
}

function lineEnd(source: string, from: number): number {
  const end = source.indexOf('\n', from);
  return end === -1 ? source.length : end;
}

function after(source: string, mark: string, from: number): number {
  const end = source.indexOf(mark, from);
  return end === -1 ? source.length : end + mark.length;
}

function quoteEnd(source: string, from: number): number {
  const quote = source.charAt(from);
  let at = from + 1;
  while (at < source.length && source.charAt(at) !== quote && source.charAt(at) !== '\n') {
    at += source.charAt(at) === '\\' ? 2 : 1;
  }
  return Math.min(at + 1, source.length);
}

/** Just past the closing backtick, or just past the next `${`. */
function templateEnd(source: string, from: number): number {
  let at = from;
  while (at < source.length) {
    if (source.charAt(at) === '`') return at + 1;
    if (source.startsWith('${', at)) return at + 2;
    at += source.charAt(at) === '\\' ? 2 : 1;
  }
  return source.length;
}

function regexEnd(source: string, from: number): number {
  let at = from + 1;
  let inClass = false;
  while (at < source.length && source.charAt(at) !== '\n') {
    const char = source.charAt(at);
    if (char === '\\') at++;
    else if (char === '[') inClass = true;
    else if (char === ']') inClass = false;
    else if (char === '/' && !inClass) break;
    at++;
  }
  at++;
  while (/[a-z]/.test(source.charAt(at))) at++;
  return Math.min(at, source.length);
}
