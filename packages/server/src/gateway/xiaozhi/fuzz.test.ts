import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { readCredentials } from './credentials.ts';
import { parseJson } from './json.ts';
import { readToolPage, readToolText } from './mcp/tools.ts';
import { readCheckIn } from './ota/check-in.ts';
import { publicWebsocketUrl, websocketUrl } from './ota/websocket-url.ts';
import { type Rig, startRig } from './rig/rig.ts';

let rig: Rig;
let faults = 0;
// the test runner fails on these by itself; counting them names the input
process.on('unhandledRejection', () => faults++);
before(async () => {
  rig = await startRig();
});
after(() => rig.stop());

const json = fc.json({ maxDepth: 6, noUnicodeString: false });
const field = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.constantFrom('start', 'stop', 'detect', 'auto', '2.0', '', 1, null),
);
const message = fc
  .record(
    {
      type: fc.constantFrom('hello', 'listen', 'abort', 'mcp', 'iot', 'ping', 'goodbye', '__proto__', 'x'),
      state: field,
      mode: field,
      text: field,
      reason: field,
      session_id: field,
      version: field,
      features: fc.oneof(field, fc.record({ mcp: fc.boolean() })),
      audio_params: field,
      payload: fc.oneof(
        field,
        fc.record({ jsonrpc: field, id: fc.integer({ min: 0, max: 3 }), result: field, error: field }),
      ),
    },
    { requiredKeys: ['type'] },
  )
  .map((value) => JSON.stringify(value));
const frame = fc.oneof(
  { weight: 4, arbitrary: message },
  { weight: 1, arbitrary: json },
  { weight: 1, arbitrary: fc.string({ maxLength: 300, unit: 'binary' }) },
  { weight: 4, arbitrary: fc.uint8Array({ maxLength: 300 }) },
);

test('no sequence of frames harms the server, or another device', async () => {
  const bystander = await rig.talk('bystander');
  const run = fc.asyncProperty(
    fc.constantFrom('1', '2', '3'),
    fc.boolean(),
    fc.array(frame, { maxLength: 30 }),
    async (version, greets, frames) => {
      const device = await rig.connect('one', { headers: { 'Protocol-Version': version } });
      if (greets) device.send({ type: 'hello', features: { mcp: true } });
      for (const each of frames) device.socket.send(each);
      device.socket.close();
      await device.closed;
      bystander.send({ type: 'ping' });
      await bystander.next('pong');
      rig.clock.advance(1_000);
      bystander.link.emotion('happy');
      bystander.link.heard('still here');
    },
  );
  await fc.assert(run, { numRuns: 150, interruptAfterTimeLimit: 10_000 });
  assert.equal(faults, 0);
});

test('no boot or activation body harms the server', async () => {
  const body = fc.oneof(
    json,
    fc.string({ unit: 'binary', maxLength: 300 }),
    fc
      .record(
        {
          application: field,
          board: field,
          mac_address: field,
          uuid: field,
          language: field,
          simulated: field,
          Payload: field,
          hmac: field,
        },
        { requiredKeys: [] },
      )
      .map((value) => JSON.stringify(value)),
  );
  const header = fc.stringMatching(/^[ -~]{0,80}$/);
  const run = fc.asyncProperty(body, header, header, async (text, deviceId, version) => {
    const headers = { 'Device-Id': deviceId, 'Activation-Version': version, 'User-Agent': version };
    for (const url of [rig.otaUrl, `${rig.otaUrl}activate`]) {
      const reply = await fetch(url, { method: 'POST', headers, body: text });
      await reply.text();
      assert.ok([200, 202, 400].includes(reply.status), `${url} ${reply.status}`);
    }
  });
  await fc.assert(run, { numRuns: 150, interruptAfterTimeLimit: 10_000 });
  assert.equal(faults, 0);
});

test('parseJson agrees with JSON.parse on all that is shallow, and never throws', () => {
  fc.assert(
    fc.property(json, (text) => {
      if (!text.includes('__proto__') && !text.includes('\\u')) assert.deepEqual(parseJson(text), JSON.parse(text));
    }),
  );
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void parseJson(text)));
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 200 }), (depth) => {
      const parsed = parseJson('['.repeat(depth) + ']'.repeat(depth));
      assert.equal(parsed === undefined, depth > 32);
    }),
  );
});

test('what names a device is always safe to keep', () => {
  const headers = fc.dictionary(fc.constantFrom('device-id', 'client-id', 'authorization', 'user-agent'), fc.string());
  fc.assert(
    fc.property(headers, fc.jsonValue(), fc.string(), (given, body, query) => {
      const ids = [
        readCheckIn(given, body, 's')?.hardwareId,
        readCredentials(given, new URLSearchParams(query), 's')?.hardwareId,
      ];
      for (const id of ids) if (id !== undefined) assert.match(id, /^[A-Za-z0-9._:-]{1,64}$/);
    }),
  );
});

test('a websocket url, where there is one, has one colon for its port and no other', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.domain(), fc.ipV4(), fc.ipV6()), fc.nat(70_000), (host, port) => {
      for (const each of [host, `${host}:${port}`]) {
        const url = attempt(() =>
          websocketUrl({ protocol: 'http', host: each, localAddress: '::ffff:10.0.0.1', localPort: 8080 }),
        );
        if (url !== null) assert.match(url, /^ws:\/\/[^:/]+:\d{1,5}\/xiaozhi\/v1\/$/);
        const shown = attempt(() => publicWebsocketUrl(`https://${each}`));
        if (shown !== null) assert.match(shown, /^wss:\/\/[^:/]+:\d{1,5}\/[^:]*xiaozhi\/v1\/$/);
      }
    }),
  );
});

test('tool pages and results of any shape are read without an exception', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.array(fc.jsonValue({ maxDepth: 3 })), (value, list) => {
      for (const result of [value, { tools: list, nextCursor: value }, { content: list, isError: value }]) {
        assert.ok(readToolPage(result).tools.every(({ name }) => name.length > 0));
        assert.equal(typeof readToolText(result).text, 'string');
      }
    }),
  );
});

function attempt(make: () => string): string | null {
  try {
    return make();
  } catch (error) {
    assert.ok(error instanceof Error && error.name === 'MusterError', String(error));
    return null;
  }
}
