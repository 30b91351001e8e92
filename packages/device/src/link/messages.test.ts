import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readServerMessage } from './messages.ts';

const read = (value: unknown) => readServerMessage(Buffer.from(JSON.stringify(value)));

test('reads what the protocol has', () => {
  assert.deepEqual(read({ type: 'tts', state: 'start' }), { type: 'tts', state: 'start' });
  assert.deepEqual(read({ type: 'tts', state: 'sentence_start', text: 'a' }), { type: 'sentence', text: 'a' });
  const hello = { type: 'hello', transport: 'websocket', session_id: 's', audio_params: { frame_duration: 20 } };
  assert.deepEqual(read(hello), { type: 'hello', sessionId: 's', audio: { frame_duration: 20 } });
  assert.deepEqual(read({ type: 'system', command: 'reboot' }), { type: 'reboot' });
});

test('ignores what it does not know, and bounds what it takes', () => {
  for (const value of [
    null,
    1,
    [],
    {},
    { type: 1 },
    { type: 'tts', state: 'x' },
    { type: 'hello', transport: 'udp' },
  ]) {
    assert.equal(read(value), null);
  }
  const long = read({ type: 'stt', text: 'x'.repeat(60_000) });
  assert.ok(long?.type === 'stt' && long.text.length === 4_000);
  const odd = read({ type: 'hello', transport: 'websocket', session_id: {}, audio_params: { frame_duration: 1e9 } });
  assert.deepEqual(odd, { type: 'hello', sessionId: '', audio: {} });
});

test('no bytes and no nesting break it', () => {
  assert.equal(readServerMessage(Buffer.from(`${'['.repeat(60_000)}`)), null);
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void readServerMessage(bytes)));
  fc.assert(fc.property(fc.json(), (text) => void readServerMessage(Buffer.from(text))));
});
