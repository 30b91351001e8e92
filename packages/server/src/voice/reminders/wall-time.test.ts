import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { formatWallTime, instantOf, parseWallTime } from './wall-time.ts';

const instant = (text: string, zone: string): string => {
  const wall = parseWallTime(text);
  assert.ok(wall !== null, text);
  return new Date(instantOf(wall, zone)).toISOString().slice(0, 16);
};

test('the wall of a zone', () => {
  assert.equal(instant('2026-11-22T07:30', 'Asia/Ho_Chi_Minh'), '2026-11-22T00:30');
  assert.equal(instant('2026-11-22T07:30', 'America/New_York'), '2026-11-22T12:30');
  assert.equal(instant('2026-07-01T07:30', 'America/New_York'), '2026-07-01T11:30');
  assert.equal(instant('2026-11-22T07:30', 'Asia/Kathmandu'), '2026-11-22T01:45');
});

test('clocks that go forward and back', () => {
  // New York: 8 March 2026 02:00 -> 03:00, 1 November 2026 02:00 -> 01:00
  assert.equal(instant('2026-03-08T02:30', 'America/New_York'), '2026-03-08T07:30');
  assert.equal(instant('2026-03-08T03:00', 'America/New_York'), '2026-03-08T07:00');
  assert.equal(instant('2026-11-01T01:30', 'America/New_York'), '2026-11-01T05:30');
  assert.equal(instant('2026-11-01T02:30', 'America/New_York'), '2026-11-01T07:30');
});

test('text that is no time', () => {
  for (const text of ['', 'soon', '2026-13-01T00:00', '2026-02-30T00:00', '2026-01-01T24:00', '2026-01-01']) {
    assert.equal(parseWallTime(text), null, text);
  }
});

test('what is shown leads back to the same minute', () => {
  const zones = ['UTC', 'Asia/Tokyo', 'America/Sao_Paulo', 'Asia/Kathmandu', 'Australia/Lord_Howe', 'Europe/London'];
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4_102_444_800 }), fc.constantFrom(...zones), (seconds, zone) => {
      const shown = formatWallTime(seconds * 1_000, zone);
      const wall = parseWallTime(shown);
      assert.ok(wall !== null);
      assert.equal(formatWallTime(instantOf(wall, zone), zone), shown);
    }),
    { numRuns: 300 },
  );
});
