import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Decoder } from '@evan/opus';
import { LIMITS, MusterError } from '@muster/contract';
import fc from 'fast-check';
import { createOpusDecoder, createOpusEncoder } from './opus.ts';
import { opusPacketMs } from './opus-packet.ts';

const DURATIONS = [2.5, 5, 10, 20, 40, 60, 80, 100, 120];
const malformed = (error: unknown): boolean => error instanceof MusterError && error.code === 'AUDIO_MALFORMED';
const tone = (samples: number, rate: number) =>
  Int16Array.from({ length: samples }, (_, i) => 8_000 * Math.sin((2 * Math.PI * 440 * i) / rate));

function loudness(pcm: Int16Array): number {
  return Math.sqrt(pcm.reduce((sum, sample) => sum + sample * sample, 0) / pcm.length);
}

/** Frames of equal duration in one packet of code 3, each with its own length. */
function join(packets: readonly Uint8Array[]): Uint8Array {
  const bodies = packets.map((packet) => packet.subarray(1));
  const lengths = bodies
    .slice(0, -1)
    .flatMap(({ length }) => (length < 252 ? [length] : [252 + (length % 4), (length - 252 - (length % 4)) / 4]));
  return Uint8Array.from([
    ((packets[0]?.[0] ?? 0) & 0xfc) | 3,
    0x80 | packets.length,
    ...lengths,
    ...bodies.flatMap((b) => [...b]),
  ]);
}

describe('opus', () => {
  it('decodes what it encoded, at each duration and at another rate', () => {
    for (const durationMs of DURATIONS) {
      const encoder = createOpusEncoder(24_000, { bitrate: 32_000, complexity: 5 });
      const decoder = createOpusDecoder(16_000);
      let pcm: Int16Array = new Int16Array(0);
      for (let i = 0; i < 8; i += 1) {
        const packet = encoder.encode(tone(24 * durationMs, 24_000));
        assert.equal(opusPacketMs(packet), durationMs);
        pcm = decoder.decode(packet);
      }
      assert.equal(pcm.length, 16 * durationMs);
      assert.ok(loudness(pcm) > 2_000, `${durationMs} ms: ${loudness(pcm)}`);
    }
  });

  it('decodes three frames in one packet, as the web page sends them', () => {
    const encoder = createOpusEncoder(16_000, { bitrate: 24_000, complexity: 0 });
    const packets = [0, 1, 2].map(() => encoder.encode(tone(320, 16_000)));
    const packet = join(packets);
    assert.equal(opusPacketMs(packet), 60);
    const decoder = createOpusDecoder(16_000);
    assert.equal(decoder.decode(packet).length, 960);
    assert.equal(decoder.decode(Uint8Array.of(0x58)).length, 960, 'one byte of silence');
  });

  it('refuses garbage and stays usable', () => {
    const decoder = createOpusDecoder(16_000);
    const packet = createOpusEncoder(16_000, { bitrate: 24_000, complexity: 0 }).encode(tone(960, 16_000));
    for (const bad of [[], [0xff, 0xff, 0xff], [0x03], [0x02], [0xfb, 0x00], [0x1b, 0x03, 0, 0, 0]]) {
      assert.throws(() => decoder.decode(Uint8Array.from(bad)), malformed, String(bad));
      assert.equal(decoder.decode(packet).length, 960);
    }
    assert.throws(() => decoder.decode(new Uint8Array(LIMITS.audioFrameBytes + 1)), malformed);
  });

  it('says which call was wrong when the frame has no Opus length', () => {
    const encoder = createOpusEncoder(24_000, { bitrate: 24_000, complexity: 0 });
    assert.throws(() => encoder.encode(new Int16Array(1_000)), /1000 samples at 24000 Hz/);
  });

  it('accepts exactly the packets that libopus accepts, and knows their duration', () => {
    const reference = new Decoder({ channels: 1, sample_rate: 48_000 });
    const ours = createOpusDecoder(48_000);
    const shortFrames = fc.uint8Array({ minLength: 0, maxLength: 80 });
    // Random bytes rarely make a whole packet of several frames, so half begin with a header of that kind.
    const several = fc
      .tuple(
        fc.integer({ min: 0, max: 31 }),
        fc.integer({ min: 0, max: 3 }),
        fc.integer({ min: 0, max: 50 }),
        shortFrames,
      )
      .map(([config, flags, count, rest]) => Uint8Array.from([(config << 3) | 3, (flags << 6) | count, ...rest]));
    const long = fc.uint8Array({ minLength: 1_200, maxLength: 2_800 });
    fc.assert(
      fc.property(fc.oneof(shortFrames, several, long), (packet) => {
        let expected: number | null = null;
        try {
          expected = reference.decode(packet).length / 96;
        } catch {
          expected = null;
        }
        let found: number | null = null;
        try {
          found = ours.decode(packet).length / 48;
        } catch (error) {
          assert.ok(malformed(error), String(error));
        }
        assert.equal(found, expected);
      }),
      { numRuns: 2_000 },
    );
  });
});
