import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { csvCell, withoutCsvGuard } from './csv.ts';

test('no cell begins as a formula, and each is read back as it was', () => {
  const text = fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^'{0,3}[=+\-@\t\r\n＝＠]/));
  fc.assert(
    fc.property(text, (value) => {
      const cell = csvCell(value, true);
      const plain = cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell;
      assert.doesNotMatch(plain, /^[=+\-@\t\r\n＝＋－＠]/);
      assert.equal(withoutCsvGuard(plain), value);
    }),
  );
});
