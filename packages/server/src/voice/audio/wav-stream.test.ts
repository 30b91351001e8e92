import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encodeWav, MusterError } from '@muster/contract';
import fc from 'fast-check';
import { readPcmStream, readWavStream } from './wav-stream.ts';

const pcm = Int16Array.from({ length: 1_000 }, (_, i) => i * 30 - 15_000);
const broken = (error: unknown) => error instanceof MusterError && error.code === 'PROVIDER_BROKEN';

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function read(bytes: Uint8Array, size = 100): Promise<{ samples: number[]; rates: number[] }> {
  const samples: number[] = [];
  const rates = new Set<number>();
  for await (const chunk of readWavStream(pieces(bytes, size))) {
    samples.push(...chunk.pcm);
    rates.add(chunk.sampleRate);
  }
  return { samples, rates: [...rates] };
}

function claiming(size: number, bytes = encodeWav(pcm, 22_050)): Uint8Array {
  new DataView(bytes.buffer).setUint32(40, size, true);
  return bytes;
}

describe('a WAV stream', () => {
  it('is read however it is cut', async () => {
    for (const size of [1, 3, 44, 45, 4_096]) {
      assert.deepEqual(await read(encodeWav(pcm, 22_050), size), { samples: [...pcm], rates: [22_050] });
    }
  });

  it('is read to its end when the size is a placeholder', async () => {
    for (const size of [0, 0x7fff_f000, 0xffff_ffff]) {
      assert.deepEqual((await read(claiming(size))).samples, [...pcm]);
    }
  });

  it('ends with the sound, not with what comes behind it', async () => {
    const bytes = new Uint8Array(2_044 + 300).fill(7);
    bytes.set(encodeWav(pcm, 16_000));
    assert.deepEqual((await read(bytes)).samples, [...pcm]);
  });

  it('is broken when it ends early, has no sound or is something else', async () => {
    await assert.rejects(read(encodeWav(pcm, 16_000).subarray(0, 1_000)), broken);
    await assert.rejects(read(encodeWav(pcm, 16_000).subarray(0, 20)), broken);
    await assert.rejects(read(new Uint8Array(0)), broken);
    await assert.rejects(read(Buffer.from('{"error":"no"}'.repeat(10))), broken);
  });

  it('never fails otherwise, whatever comes', async () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.tuple(fc.nat(60), fc.uint8Array({ maxLength: 40 })).map(([at, noise]) => {
        const wav = encodeWav(pcm.subarray(0, 40), 16_000);
        wav.set(noise, at);
        return wav;
      }),
    );
    await fc.assert(
      fc.asyncProperty(bytes, fc.integer({ min: 1, max: 64 }), async (wav, size) => {
        await read(wav, size).catch((error: unknown) => assert.ok(broken(error), String(error)));
      }),
      { numRuns: 500 },
    );
  });
});

describe('a stream of bare PCM', () => {
  it('is read however it is cut', async () => {
    const samples: number[] = [];
    for await (const chunk of readPcmStream(pieces(new Uint8Array(pcm.buffer), 7), 24_000)) {
      assert.equal(chunk.sampleRate, 24_000);
      samples.push(...chunk.pcm);
    }
    assert.deepEqual(samples, [...pcm]);
  });
});
