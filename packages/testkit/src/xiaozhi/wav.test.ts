import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeWav, encodeWav, resample } from '@muster/contract';

test('what is written is read', () => {
  const pcm = Int16Array.of(0, 1, -1, 32_767, -32_768);
  assert.deepEqual(decodeWav(encodeWav(pcm, 16_000)), { pcm, sampleRate: 16_000 });
});

test('a stream of unknown length ends with its bytes; two channels become one', () => {
  const bytes = encodeWav(Int16Array.of(100, 300, -100, -300), 8_000);
  const view = new DataView(bytes.buffer);
  view.setUint32(40, 0xffff_ffff, true);
  view.setUint16(22, 2, true);
  assert.deepEqual(decodeWav(bytes).pcm, Int16Array.of(200, -200));
});

test('anything else is refused, at every length', () => {
  const whole = encodeWav(Int16Array.of(1, 2, 3), 16_000);
  for (let length = 0; length < 44; length++) {
    assert.throws(() => decodeWav(whole.subarray(0, length)), { code: 'AUDIO_FILE_INVALID' });
  }
  const broken = (offset: number, value: number): Uint8Array => {
    const bytes = Uint8Array.from(whole);
    bytes[offset] = value;
    return bytes;
  };
  for (const bytes of [broken(20, 3), broken(22, 0), broken(34, 8), broken(0, 0)]) {
    assert.throws(() => decodeWav(bytes), { code: 'AUDIO_FILE_INVALID' });
  }
});

test('resampling keeps length in time and level', () => {
  const pcm = new Int16Array(4_800).fill(1_000);
  assert.equal(resample(pcm, 48_000, 16_000).length, 1_600);
  assert.equal(resample(pcm, 16_000, 24_000).length, 7_200);
  assert.ok(resample(pcm, 48_000, 16_000).every((sample) => sample === 1_000));
  assert.equal(resample(pcm, 16_000, 16_000), pcm);
});
