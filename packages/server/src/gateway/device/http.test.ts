import assert from 'node:assert/strict';
import { request } from 'node:http';
import { after, before, test } from 'node:test';
import type { DeviceCreated } from '@muster/contract';
import { createStubVoice } from '@muster/testkit';
import { assemble } from '../../server.ts';
import { startTestServer, type TestServer } from '../../testing.ts';

let muster: TestServer;
const { vad, stt, llm, tts } = createStubVoice();
before(async () => {
  muster = await startTestServer({
    flags: ['--mqtt.bytesPerSecond=65536'],
    parts: { vad, providers: assemble({ stt: [stt], llm: [llm], tts: [tts] }) },
  });
});
after(() => muster.stop());

/** With `length`, or in chunks: then nobody knows beforehand how much comes. */
function send(token: string, body: string, chunked: boolean): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = {
      authorization: `Bearer ${token}`,
      ...(chunked ? { 'transfer-encoding': 'chunked' } : { 'content-length': Buffer.byteLength(body) }),
    };
    const asked = request(`${muster.url}/device/v1/telemetry`, { method: 'POST', headers }, (reply) => {
      reply.resume();
      reply.on('end', () => resolve(reply.statusCode ?? 0));
    });
    asked.on('error', reject);
    asked.end(body);
  });
}

for (const chunked of [false, true]) {
  test(`the bytes of a device count ${chunked ? 'also when it does not say how many come' : 'by what it says'}`, async () => {
    const { token } = await muster.call<DeviceCreated>('POST', '/api/devices', { name: 'one' });
    const body = `{"values":{"a":1}}${' '.repeat(60_000)}`;
    const seen: number[] = [];
    // far more than its second holds, sent at once
    for (let nth = 0; nth < 12; nth++) seen.push(await send(token, body, chunked));
    assert.equal(seen[0], 204);
    assert.ok(seen.includes(429), String(seen));
  });
}
