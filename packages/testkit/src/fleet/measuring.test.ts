import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kindOf } from '@muster/contract';
import { profiles } from '@muster/profiles';
import { backoffMs } from './backoff.ts';
import { createHistogram } from './counters.ts';
import { createMeasuring } from './measuring.ts';
import { createRandom } from './random.ts';

for (const [name, profile] of profiles) {
  test(`a ${name} measures every series of its profile, in its kind and within its limits`, () => {
    const measuring = createMeasuring(profile, createRandom(name));
    for (let step = 0; step < 2_000; step++) {
      const values = measuring.next(step * 1_000);
      assert.deepEqual(Object.keys(values), Object.keys(profile.series));
      for (const [series, value] of Object.entries(values)) {
        const known = profile.series[series];
        assert.equal(kindOf(value), known?.kind, series);
        if (typeof value !== 'number') continue;
        assert.ok(value >= (known?.min ?? value) && value <= (known?.max ?? value), `${series} is ${value}`);
      }
    }
  });
}

test('the same seed measures the same, another one something else', () => {
  const profile = profiles.get('robot');
  assert.ok(profile);
  const run = (seed: string): string => {
    const measuring = createMeasuring(profile, createRandom(seed));
    return JSON.stringify(Array.from({ length: 50 }, (_, step) => measuring.next(step)));
  };
  assert.equal(run('a'), run('a'));
  assert.notEqual(run('a'), run('b'));
});

test('values walk: two in a row are near each other', () => {
  const profile = profiles.get('sensor');
  assert.ok(profile);
  const measuring = createMeasuring(profile, createRandom('walk'));
  const temperatures = Array.from({ length: 500 }, (_, step) => Number(measuring.next(step).temperature));
  const steps = temperatures.slice(1).map((value, at) => Math.abs(value - (temperatures[at] ?? 0)));
  assert.ok(Math.max(...steps) < 1, `${Math.max(...steps)}`);
  assert.ok(new Set(temperatures).size > 50, 'and they do not stand still');
});

test('waits are anywhere between nothing and a span that doubles to its limit; what the server asked for is waited in full', () => {
  const random = createRandom('jitter');
  const options = { firstMs: 1_000, mostMs: 15_000 };
  for (const [failures, span] of [
    [0, 1_000],
    [2, 4_000],
    [40, 15_000],
  ] as const) {
    const waits = Array.from({ length: 2_000 }, () => backoffMs(failures, 0, random, options));
    assert.ok(Math.max(...waits) <= span && Math.max(...waits) > span * 0.95);
    assert.ok(Math.min(...waits) < span * 0.05);
    const mean = waits.reduce((sum, one) => sum + one, 0) / waits.length;
    assert.ok(Math.abs(mean - span / 2) < span * 0.05, `${mean}`);
  }
  const asked = Array.from({ length: 500 }, () => backoffMs(0, 5_000, random, options));
  assert.ok(Math.min(...asked) >= 5_000 && Math.max(...asked) <= 10_000);
});

test('the histogram knows its percentiles to a fifth', () => {
  const histogram = createHistogram();
  assert.equal(histogram.percentile(0.5), null);
  for (let ms = 1; ms <= 1_000; ms++) histogram.add(ms);
  for (const [share, value] of [
    [0.5, 500],
    [0.99, 990],
  ] as const) {
    const found = histogram.percentile(share) ?? 0;
    assert.ok(found >= value / 1.2 && found <= value * 1.2, `${found}`);
  }
  histogram.add(10 ** 9);
  assert.equal(histogram.count, 1_001);
});
