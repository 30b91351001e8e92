import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readCsv } from './csv.ts';

test('reads names, quotes, empty cells and line ends of every kind', () => {
  assert.deepEqual(readCsv('\ufeffName,Token\r\nHall,abc\n\n"Room ""2"", left",\n'), [
    { line: 2, cells: { name: 'Hall', token: 'abc' } },
    { line: 4, cells: { name: 'Room "2", left', token: '' } },
  ]);
});

test('a cell may have line breaks, and loses the apostrophe that kept it from being a formula', () => {
  assert.deepEqual(readCsv(`name,token\r\n"two\r\nlines","a\n""b"""\r\n'=1+1,'quoted'\nlast,`), [
    { line: 2, cells: { name: 'two\r\nlines', token: 'a\n"b"' } },
    { line: 5, cells: { name: '=1+1', token: "'quoted'" } },
    { line: 6, cells: { name: 'last', token: '' } },
  ]);
});

test('a line that does not fit is named, and not repeated', () => {
  for (const [text, line] of [
    ['name,token\na,secret,x', 2],
    ['name,token\na,b\n"a"x,secret', 3],
    ['name,token\n"a,secret', 2],
  ] as const) {
    assert.throws(
      () => readCsv(text),
      (error: Error) => {
        assert.match(error.message, new RegExp(`^Line ${line} `));
        assert.doesNotMatch(error.message, /secret/);
        return true;
      },
    );
  }
  assert.throws(() => readCsv('\n'), /empty/);
});
