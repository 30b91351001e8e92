import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { STANDARDS } from '../../gen-compliance.ts';
import { asvs } from './asvs.data.ts';
import { documentOf, met, type Standard, testsOf, unmet } from './claims.ts';
import { consumerIot } from './consumer-iot.data.ts';
import { missingEvidence, testNamesOf } from './evidence.ts';
import { compliancePage } from './page.ts';

const SOURCE = [
  "test('a plain one', () => {});",
  'it("with \\"quotes\\"", { timeout: 1 }, () => {});',
  `for (const what of list) test(\`\${what}: in \${nested(\`\${deep}\`)} words\`, () => {});`,
  "// test('in a comment', () => {});",
  'const text = "test(\'in a string\', () => {})";',
  "test.skip('skipped', () => {});",
  "it.todo('to be done');",
  "describe('a group', () => {});",
].join('\n');

let root: string;
before(async () => {
  root = await mkdtemp(join(tmpdir(), 'evidence-'));
  await mkdir(join(root, 'a'));
  await writeFile(join(root, 'a/a.test.ts'), SOURCE);
  await writeFile(join(root, 'PAGE.md'), '# Page\n\n## There\n');
});
after(() => rm(root, { recursive: true }));

const standard = (...claims: Standard['parts'][number]['claims']): Standard => ({
  name: 'S',
  about: '',
  parts: [{ name: 'P', claims }],
});

test('tests that run are found, those in comments, in strings and left out are not', () => {
  assert.deepEqual([...testNamesOf(SOURCE)], ['a plain one', 'with "quotes"', '…: in … words']);
});

test('a claim of a test, a file, a document or a heading that is not there is named', async () => {
  const a = testsOf('a/a.test.ts');
  const good = standard(met('1', 'x', [a('a plain one'), documentOf('PAGE.md', 'There')]), unmet('2', 'y', 'not yet'));
  assert.deepEqual(await missingEvidence(root, [good]), []);
  const bad = standard(
    met('1', 'x', [a('skipped'), a('a group'), testsOf('b.test.ts')('a plain one')]),
    met('2', 'y', [documentOf('PAGE.md', 'Elsewhere'), documentOf('NONE.md')]),
    unmet('2', 'z', 'not yet'),
  );
  assert.deepEqual(await missingEvidence(root, [bad]), [
    'S 1: a/a.test.ts has no test "skipped"',
    'S 1: a/a.test.ts has no test "a group"',
    'S 1: there is no file b.test.ts',
    'S 2: PAGE.md has no heading "Elsewhere"',
    'S 2: there is no document NONE.md',
    'S 2: is claimed twice',
  ]);
});

test('the page says what is met, what is not, and why', () => {
  const a = testsOf('a/a.test.ts');
  const text = compliancePage([standard(met('1', 'x', [a('a | plain _one_')]), unmet('2', 'y', 'not yet'))]);
  assert.match(text, /\| \[S\]\(#s\) \| 1 \| 0 \| 1 \| 0 \|/);
  assert.match(text, /\| 1 \| x \| met \| \[a\.test\.ts\]\(\.\.\/\.\.\/a\/a\.test\.ts\): a \\\| plain \\_one\\_ \|/);
  assert.match(text, /\| 2 \| y \| not met \| not yet \|/);
});

/** Of the list that OWASP publishes with version 5.0.0: chapter and section, then the numbers of levels 1 and 2. */
const ASVS_5_0_0: Readonly<Record<1 | 2, string>> = {
  1: `1.2:1-5 1.3:1-2 1.5:1 2.1:1 2.2:1-2 2.3:1 3.2:1-2 3.3:1 3.4:1-2 3.5:1-3 4.1:1 4.4:1 5.2:1-2 5.3:1-2 6.1:1 6.2:1-8
    6.3:1-2 6.4:1-2 7.2:1-4 7.4:1-2 8.1:1 8.2:1-2 8.3:1 9.1:1-3 9.2:1 10.4:1-5 11.3:1-2 11.4:1 12.1:1 12.2:1-2 13.4:1
    14.2:1 14.3:1 15.1:1 15.2:1 15.3:1`,
  2: `1.1:1-2 1.2:6-9 1.3:3-11 1.4:1-3 1.5:2 2.1:2-3 2.2:3 2.3:2-4 2.4:1 3.3:2-4 3.4:3-6 3.5:4-5 3.7:1-2 4.1:2-3 4.2:1
    4.3:1-2 4.4:2-4 5.1:1 5.2:3 5.4:1-3 6.1:2-3 6.2:9-12 6.3:3-4 6.4:3-4 6.5:1-5 6.6:1-3 6.8:1-4 7.1:1-3 7.3:1-2 7.4:3-5
    7.5:1-2 7.6:1-2 8.1:2 8.2:3 8.4:1 9.2:2-4 10.1:1-2 10.2:1-2 10.3:1-4 10.4:6-11 10.5:1-5 10.6:1-2 10.7:1-3 11.1:1-2
    11.2:1-3 11.3:3 11.4:2-4 11.5:1 11.6:1 12.1:2-3 12.3:1-4 13.1:1 13.2:1-5 13.3:1-2 13.4:2-5 14.1:1-2 14.2:2-4 14.3:2-3
    15.1:2-3 15.2:2-3 15.3:2-7 16.1:1 16.2:1-5 16.3:1-4 16.4:1-3 16.5:1-3 17.1:1 17.2:1-4 17.3:1-2`,
};
const numbers = (list: string): string[] =>
  list.split(/\s+/).flatMap((entry) => {
    const [section = '', span = ''] = entry.split(':');
    const [from = 0, to = from] = span.split('-').map(Number);
    return Array.from({ length: to - from + 1 }, (_, nth) => `${section}.${from + nth}`);
  });

test('every number of ASVS 5.0.0 at levels 1 and 2 is answered, and no other', () => {
  assert.deepEqual([numbers(ASVS_5_0_0[1]).length, numbers(ASVS_5_0_0[2]).length], [70, 183]);
  for (const [part, level] of [
    [0, 1],
    [1, 2],
  ] as const) {
    const answered = asvs.parts[part]?.claims.map(({ id }) => id) ?? [];
    assert.deepEqual([...answered].sort(), numbers(ASVS_5_0_0[level]).sort(), `level ${level}`);
  }
});

/** Of table B.1 of ETSI EN 303 645 V3.1.3. */
const EN_303_645 = `5.0-1 5.1-1 5.1-2 5.1-2A 5.1-3 5.1-4 5.1-5 5.2-1 5.2-2 5.2-3 5.3-1 5.3-2 5.3-3 5.3-4A 5.3-4B 5.3-5 5.3-6A
  5.3-6B 5.3-7 5.3-8 5.3-9 5.3-10 5.3-11 5.3-12 5.3-13 5.3-14 5.3-15A 5.3-15B 5.3-16 5.4-1 5.4-2 5.4-3 5.4-4 5.5-1 5.5-2
  5.5-3 5.5-4 5.5-5 5.5-6 5.5-7 5.5-8 5.6-1 5.6-2 5.6-3 5.6-4A 5.6-4B 5.6-5 5.6-6 5.6-7 5.6-8 5.6-9 5.7-1 5.7-2 5.8-1 5.8-2
  5.8-3 5.9-1 5.9-2 5.9-3 5.10-1 5.11-1 5.11-2 5.11-3 5.11-4 5.12-1 5.12-2 5.12-3 5.13-1A 5.13-1B 6-1 6-2 6-3A 6-3B 6-4 6-5
  6-6 6-7 6-8`;

test('every provision of EN 303 645 is answered, and no other', () => {
  const answered = consumerIot.parts.flatMap(({ claims }) => claims.map(({ id }) => id));
  assert.deepEqual(answered, EN_303_645.split(/\s+/));
});

test('what is not met and what does not apply says why; what is partly met says what is missing', () => {
  const silent = STANDARDS.flatMap(({ parts }) => parts.flatMap(({ claims }) => claims)).filter(
    ({ state, say, evidence }) => (state === 'met' ? evidence.length === 0 : say === ''),
  );
  assert.deepEqual(silent, []);
});
