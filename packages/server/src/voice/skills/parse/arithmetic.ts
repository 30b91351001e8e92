/** A sum as people say it, with digits for numbers: "12 times 7", "20 percent of 50", "the square root of 81". */

export type Sum =
  | { readonly kind: 'value'; readonly value: number }
  /** Something has no answer among the numbers; `why` is a sentence for people. */
  | { readonly kind: 'impossible'; readonly why: string };

type Token = number | '+' | '-' | '*' | '/' | '^' | '(' | ')' | '%of' | '%' | 'sqrt' | 'cbrt' | 'neg' | 'half' | 'mod';

/** Longest first: "to the power of" before "to". */
const WORDS: readonly (readonly [RegExp, Token | readonly Token[]])[] = [
  [/^(?:a |1 )?half of\b/, 'half'],
  [/^\d+(?:\.\d+)?(?= |$|\))/, 0],
  [/^\(/, '('],
  [/^\)/, ')'],
  [/^(?:raised )?to the power of\b/, '^'],
  [/^(?:to the (?:2nd|second) power|squared)\b/, ['^', 2]],
  [/^(?:to the (?:3rd|third) power|cubed)\b/, ['^', 3]],
  [/^(?:the )?square root of\b/, 'sqrt'],
  [/^(?:the )?(?:cube|cubic) root of\b/, 'cbrt'],
  [/^percent of\b/, '%of'],
  [/^percent\b/, '%'],
  [/^(?:plus|added to)\b/, '+'],
  [/^(?:minus|negative)\b/, '-'],
  [/^(?:times|multiplied by|multiply by|x)\b/, '*'],
  [/^(?:divided by|over)\b/, '/'],
  [/^(?:modulo|mod)\b/, 'mod'],
];
/** Sentences that put the verb first. */
const VERBS: readonly (readonly [RegExp, string])[] = [
  [/^add (\S+) (?:and|to|with) (\S+)$/, '$1 plus $2'],
  [/^subtract (\S+) from (\S+)$/, '$2 minus $1'],
  [/^take (\S+) (?:away )?from (\S+)$/, '$2 minus $1'],
  [/^multiply (\S+) (?:by|with|and) (\S+)$/, '$1 times $2'],
  [/^divide (\S+) by (\S+)$/, '$1 divided by $2'],
  [/^(?:the )?sum of (\S+) and (\S+)$/, '$1 plus $2'],
  [/^(?:the )?product of (\S+) and (\S+)$/, '$1 times $2'],
  [/^(?:the )?difference (?:between|of) (\S+) and (\S+)$/, '$1 minus $2'],
];
const MOST_TOKENS = 60;

/** Works a sum out; null when the text is not one, or is a number alone. */
export function workOut(text: string): Sum | null {
  const verb = VERBS.find(([pattern]) => pattern.test(text));
  const tokens = tokensOf(verb === undefined ? text : text.replace(verb[0], verb[1]));
  // "minus 5" is a number, not a sum.
  if (tokens === null || tokens.length < 2 || (tokens.length === 2 && tokens[0] === '-')) return null;
  const reader = createReader(tokens);
  const value = reader.sum();
  if (value === null || !reader.done()) return null;
  const why = reader.impossible() ?? (Number.isFinite(value) ? null : 'That number is too large for me.');
  return why === null ? { kind: 'value', value } : { kind: 'impossible', why };
}

function tokensOf(text: string): Token[] | null {
  const tokens: Token[] = [];
  for (let rest = text.trim(); rest !== ''; rest = rest.trimStart()) {
    const found = WORDS.find(([pattern]) => pattern.test(rest));
    if (found === undefined || tokens.length >= MOST_TOKENS) return null;
    const word = found[0].exec(rest)?.[0] ?? '';
    const token = found[1];
    if (token === 0) tokens.push(Number(word));
    else if (typeof token === 'object') tokens.push(...token);
    else tokens.push(token);
    rest = rest.slice(word.length);
  }
  return tokens;
}

/** Recursive descent: sum, product, signed, power, one. Each gives null when the tokens are not a sum. */
function createReader(tokens: readonly Token[]) {
  let at = 0;
  let why: string | null = null;

  function take(...wanted: readonly Token[]): Token | null {
    const token = tokens[at];
    if (token === undefined || !wanted.includes(token)) return null;
    at += 1;
    return token;
  }

  function chain(next: () => number | null, signs: readonly Token[]): number | null {
    let left = next();
    for (let sign = take(...signs); left !== null && sign !== null; sign = take(...signs)) {
      const right = next();
      left = right === null ? null : apply(sign, left, right);
    }
    return left;
  }

  function apply(sign: Token, left: number, right: number): number {
    if ((sign === '/' || sign === 'mod') && right === 0) why ??= 'Nothing can be divided by zero.';
    switch (sign) {
      case '+':
        return left + right;
      case '-':
        return left - right;
      case '*':
        return left * right;
      case '/':
        return left / right;
      case '%of':
        return (left / 100) * right;
      default:
        return left - right * Math.floor(left / right);
    }
  }

  /** "100 plus 10 percent" is 110, as a pocket calculator has it. */
  function sum(): number | null {
    let left = product();
    for (let sign = take('+', '-'); left !== null && sign !== null; sign = take('+', '-')) {
      const right = product();
      if (right === null) return null;
      left = apply(sign, left, take('%') === null ? right : (left * right) / 100);
    }
    return left;
  }
  const product = (): number | null => chain(signed, ['*', '/', 'mod', '%of']);

  function signed(): number | null {
    if (take('-') !== null) {
      const value = signed();
      return value === null ? null : -value;
    }
    if (take('half') !== null) return halved(signed());
    if (take('sqrt') !== null) return root(signed(), Math.sqrt);
    if (take('cbrt') !== null) return root(signed(), Math.cbrt);
    return power();
  }

  function power(): number | null {
    const left = one();
    if (left === null || take('^') === null) return left;
    const exponent = signed();
    if (exponent === null) return null;
    const value = left ** exponent;
    if (Number.isNaN(value)) why ??= 'That has no answer among the real numbers.';
    if (left === 0 && exponent < 0) why ??= 'Nothing can be divided by zero.';
    return value;
  }

  function one(): number | null {
    if (take('(') !== null) {
      const value = sum();
      return take(')') === null ? null : value;
    }
    const token = tokens[at];
    if (typeof token !== 'number') return null;
    at += 1;
    return token;
  }

  function root(value: number | null, of: (value: number) => number): number | null {
    if (value === null) return null;
    if (Number.isNaN(of(value))) why ??= 'A negative number has no square root among the real numbers.';
    return of(value);
  }

  return { sum, done: () => at === tokens.length, impossible: () => why };
}

function halved(value: number | null): number | null {
  return value === null ? null : value / 2;
}
