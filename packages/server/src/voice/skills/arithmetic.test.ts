import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { skill } from './arithmetic.ts';
import { workOut } from './parse/arithmetic.ts';
import { ask, assertLeaves } from './parse/ask.fixture.ts';
import { hear } from './parse/heard.ts';

const ANSWERS: readonly (readonly [string, string])[] = [
  ['what is twelve times seven', '84'],
  ['twelve times seven', '84'],
  ['how much is one thousand divided by seven', 'about 142.8571'],
  ['what is 15 percent of 80', '12'],
  ['what is 100 plus 10 percent', '110'],
  ['square root of 144', '12'],
  ['what is the square root of two', 'about 1.4142'],
  ['the cube root of 27', '3'],
  ['what is two to the power of ten', '1,024'],
  ['three squared plus four squared', '25'],
  ['add five and seven', '12'],
  ['subtract three from ten', '7'],
  ['multiply four by six', '24'],
  ['divide ten by four', '2.5'],
  ['half of thirty', '15'],
  ['one half of ninety', '45'],
  ['12*7', '84'],
  ['(2+3)*4', '20'],
  ['What is 9 - 4?', '5'],
  ['3x4', '12'],
  ['what is minus five plus two', 'minus 3'],
  ['what is seven times eight minus six divided by two', '53'],
  ['a hundred and five minus six', '99'],
  ['what is 0.1 + 0.2', '0.3'],
  ['two million times three', '6,000,000'],
  ['three point one four times two', '6.28'],
  ['what is one divided by three thousand', 'about 0.000333'],
  ['what is 17 mod 5', '2'],
  ['2 plus 2 equals', '4'],
];
for (const [sentence, answer] of ANSWERS) {
  test(`sum: ${sentence}`, async () => assert.equal((await ask(skill, sentence)).said, `That's ${answer}.`));
}

test('what has no answer is said to have none', async () => {
  assert.match((await ask(skill, 'what is ten divided by zero')).said ?? '', /divided by zero/);
  assert.match((await ask(skill, 'zero to the power of minus one')).said ?? '', /divided by zero/);
  assert.match((await ask(skill, 'square root of minus four')).said ?? '', /no square root/);
  assert.match((await ask(skill, 'two to the power of two thousand')).said ?? '', /too large/);
});

test('leaves other sentences alone', () =>
  assertLeaves(skill, [
    'five five',
    'what is five',
    'minus five',
    'ten of clubs',
    'five plus',
    'times square',
    'one two three',
    'the sum of all fears',
    'half of the people',
  ]));

test('agrees with the language on any sum of four numbers', () => {
  const number = fc.integer({ min: 0, max: 999 });
  const sign = fc.constantFrom(['plus', '+'], ['minus', '-'], ['times', '*']);
  fc.assert(
    fc.property(number, sign, number, sign, number, (a, [w1 = '', s1 = ''], b, [w2 = '', s2 = ''], c) => {
      const sum = workOut(`${a} ${w1} ${b} ${w2} ${c}`);
      assert.ok(sum?.kind === 'value');
      assert.equal(sum.value, new Function(`return ${a} ${s1} ${b} ${s2} ${c}`)());
    }),
  );
});

test('numbers in words become digits, and come back from them', () => {
  const small =
    'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen'.split(
      ' ',
    );
  const tens = ', ,twenty,thirty,forty,fifty,sixty,seventy,eighty,ninety'.split(',');
  const words = (n: number): string => {
    if (n >= 1e6) return join(`${words(Math.floor(n / 1e6))} million`, n % 1e6);
    if (n >= 1_000) return join(`${words(Math.floor(n / 1_000))} thousand`, n % 1_000);
    if (n >= 100) return join(`${small[Math.floor(n / 100)]} hundred`, n % 100, 'and ');
    if (n >= 20) return join(tens[Math.floor(n / 10)] ?? '', n % 10);
    return small[n] ?? '';
  };
  const join = (head: string, rest: number, and = ''): string => (rest === 0 ? head : `${head} ${and}${words(rest)}`);
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 999_999_999 }), (n) => {
      assert.equal(hear(`it is ${words(n)} meters`)?.digits, `it is ${n} meters`);
    }),
  );
});

test('any text is a sum or none, quickly', () => {
  const piece = fc.constantFrom(
    '1',
    '(',
    ')',
    'plus',
    'minus',
    'square root of',
    'percent',
    'half of',
    'squared',
    '9'.repeat(15),
    'x',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 80 }), (pieces) => {
      const sum = workOut(pieces.join(' '));
      assert.ok(sum === null || sum.kind === 'impossible' || Number.isFinite(sum.value));
    }),
  );
});
