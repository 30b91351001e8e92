import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createSentenceCutter } from './sentences.ts';

function cut(...pieces: string[]): string[] {
  const cutter = createSentenceCutter();
  return [...pieces.flatMap((piece) => cutter.push(piece)), ...cutter.flush()];
}

test('sentences come out as soon as they are whole', () => {
  const cutter = createSentenceCutter();
  assert.deepEqual(cutter.push('It is ten. The su'), ['It is ten.']);
  assert.deepEqual(cutter.push('n is up'), []);
  assert.deepEqual(cutter.flush(), ['The sun is up']);
});

test('numbers, abbreviations and initials do not end a sentence', () => {
  assert.deepEqual(cut('It is 3.5 miles. Ask Dr. Who, e.g. now. Done.'), [
    'It is 3.5 miles.',
    'Ask Dr. Who, e.g. now.',
    'Done.',
  ]);
});

test('full stops of other languages', () => {
  assert.deepEqual(cut('你好。今天天气很好！'), ['你好。', '今天天气很好！']);
  assert.deepEqual(cut('كيف حالك؟ أنا بخير.'), ['كيف حالك؟', 'أنا بخير.']);
});

test('a long first sentence starts at its first clause; a very long one is cut at a space', () => {
  const long = 'The quick brown fox that lives behind the house jumps, and then it goes on for a while without an end';
  assert.equal(cut(long)[0], 'The quick brown fox that lives behind the house jumps,');
  const endless = cut('word '.repeat(200));
  assert.ok(endless.every((sentence) => sentence.length <= 240));
});

test('property: no letter is lost, however the stream is cut', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'grapheme', maxLength: 40 })), (pieces) => {
      const letters = (text: string): string => text.replace(/[^\p{L}\p{N}]/gu, '');
      assert.equal(letters(cut(...pieces).join('')), letters(pieces.join('')));
    }),
  );
});
