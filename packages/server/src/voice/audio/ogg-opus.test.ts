import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { oggOpus } from './ogg-opus.ts';
import { createOpusEncoder } from './opus.ts';

const encoder = createOpusEncoder(24_000, { bitrate: 24_000, complexity: 1 });
const packets = Array.from({ length: 40 }, (_, n) => {
  const pcm = Int16Array.from(
    { length: 1_440 },
    (_, at) => 8_000 * Math.sin(((n * 1_440 + at) * 440 * 2 * Math.PI) / 24_000),
  );
  return Uint8Array.from(encoder.encode(pcm));
});

test('the file begins with the two headers, counts time at 48 kHz and ends with the end', () => {
  const file = oggOpus(packets, 60, 24_000);
  const starts: number[] = [];
  for (let at = file.indexOf('OggS'); at >= 0; at = file.indexOf('OggS', at + 1)) starts.push(at);
  assert.equal(starts.length, 2 + 3, '40 packets are three pages of 15');
  assert.equal(file.toString('latin1', 28, 36), 'OpusHead');
  const last = starts.at(-1) ?? 0;
  assert.equal(file.readBigUInt64LE(last + 6), 40n * 2_880n);
  assert.equal(file.readUInt8(last + 5), 4);
});

const opusinfo = existsSync('/usr/bin/opusinfo');
test('another program reads it: the length, and no complaint', { skip: opusinfo ? false : 'no opusinfo here' }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'muster-ogg-'));
  const path = join(folder, 'a.opus');
  writeFileSync(path, oggOpus(packets, 60, 24_000));
  const said = execFileSync('opusinfo', [path], { encoding: 'utf8' });
  rmSync(folder, { recursive: true });
  assert.match(said, /Channels: 1/);
  // 2.4 s less the decoder's look-ahead of 6.5 ms
  assert.match(said, /Playback length: 0m:02\.393s/);
  assert.doesNotMatch(said, /warning|error/i);
});
