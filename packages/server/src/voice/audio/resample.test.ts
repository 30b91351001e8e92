import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createResampler } from './resample.ts';

const sine = (samples: number, hz: number, rate: number) =>
  Int16Array.from({ length: samples }, (_, i) => Math.round(10_000 * Math.sin((2 * Math.PI * hz * i) / rate)));

function resample(pcm: Int16Array, from: number, to: number, piece: number): Int16Array {
  const resampler = createResampler(from, to);
  const parts: number[] = [];
  for (let at = 0; at < pcm.length; at += piece) parts.push(...resampler.push(pcm.subarray(at, at + piece)));
  parts.push(...resampler.flush());
  return Int16Array.from(parts);
}

/** How loud `hz` is in the middle of the sound, in the sine's own amplitude. */
function amplitude(pcm: Int16Array, hz: number, rate: number): number {
  const middle = pcm.subarray(pcm.length >> 2, pcm.length - (pcm.length >> 2));
  let re = 0;
  let im = 0;
  for (const [i, sample] of middle.entries()) {
    const window = 1 - Math.cos((2 * Math.PI * i) / middle.length);
    re += window * sample * Math.cos((2 * Math.PI * hz * i) / rate);
    im += window * sample * Math.sin((2 * Math.PI * hz * i) / rate);
  }
  return (2 * Math.hypot(re, im)) / middle.length;
}

describe('the resampler', () => {
  for (const from of [8_000, 11_025, 16_000, 22_050, 24_000, 44_100, 48_000]) {
    it(`keeps tones, length and loudness from ${from} Hz to 24 kHz`, () => {
      for (const hz of [200, 1_000, 3_000]) {
        const out = resample(sine(from, hz, from), from, 24_000, 960);
        assert.equal(out.length, 24_000);
        assert.ok(Math.abs(amplitude(out, hz, 24_000) - 10_000) < 100, `${hz} Hz: ${amplitude(out, hz, 24_000)}`);
      }
    });
  }

  it('makes the same samples however the sound is cut', () => {
    const pcm = sine(5_000, 700, 22_050);
    const whole = resample(pcm, 22_050, 24_000, 5_000);
    for (const piece of [1, 7, 441, 1_024]) assert.deepEqual(resample(pcm, 22_050, 24_000, piece), whole);
  });

  it('adds no mirror tone upwards and folds none downwards', () => {
    const up = resample(sine(16_000, 5_000, 16_000), 16_000, 24_000, 512);
    assert.ok(amplitude(up, 11_000, 24_000) < 10);
    const down = resample(sine(48_000, 15_000, 48_000), 48_000, 24_000, 512);
    assert.ok(amplitude(down, 9_000, 24_000) < 10);
  });

  it('stays in step with the input and starts anew after a flush', () => {
    const pcm = new Int16Array(1_600);
    pcm[800] = 30_000;
    const resampler = createResampler(16_000, 24_000);
    for (let round = 0; round < 2; round += 1) {
      const out = [...resampler.push(pcm), ...resampler.flush()];
      assert.equal(out.length, 2_400);
      assert.equal(out.indexOf(Math.max(...out)), 1_200);
    }
  });

  it('clips instead of wrapping over', () => {
    const square = Int16Array.from({ length: 1_600 }, (_, i) => (i % 40 < 20 ? 32_767 : -32_768));
    const out = resample(square, 16_000, 24_000, 1_600);
    for (let middle = 15; middle < out.length; middle += 60) assert.ok((out[middle] ?? 0) > 25_000);
    assert.equal(Math.max(...out), 32_767);
  });
});
