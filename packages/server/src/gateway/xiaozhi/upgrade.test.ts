import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { MusterError } from '@muster/contract';
import type { DeviceIdentity } from './inbox.ts';
import { type Rig, startRig } from './rig/rig.ts';
import { identity } from './rig/scripted-inbox.ts';
import { until } from './rig/until.ts';

async function withRig(options: Parameters<typeof startRig>[0], body: (rig: Rig) => Promise<void>): Promise<void> {
  const rig = await startRig(options);
  try {
    await body(rig);
  } finally {
    await rig.stop();
  }
}

test('a handshake that the server cannot judge is 503 after 4 s, and its socket ends', async () => {
  await withRig({}, async (rig) => {
    let aborted = false;
    rig.inbox.authenticate = (_credentials, signal) => {
      signal.addEventListener('abort', () => {
        aborted = true;
      });
      return new Promise(() => undefined);
    };
    let asked = false;
    const judge = rig.inbox.authenticate;
    rig.inbox.authenticate = (credentials, signal) => {
      asked = true;
      return judge(credentials, signal);
    };
    const refused = assert.rejects(rig.connect(), /503/);
    await until(() => asked);
    rig.clock.advance(4_000);
    await refused;
    assert.ok(aborted);
  });
});

test('too many guesses are 429 with Retry-After; an unknown failure is 500 without its words', async () => {
  await withRig({}, async (rig) => {
    const errors = [new MusterError('RATE_LIMITED', { retryAfterMs: 1_500 }), new TypeError('inner words')];
    const replies: string[] = [];
    for (const error of errors) {
      rig.inbox.authenticate = () => Promise.reject(error);
      replies.push(await rawUpgrade(rig.port, '/xiaozhi/v1/'));
    }
    assert.match(replies[0] ?? '', /^HTTP\/1\.1 429 [\s\S]*Retry-After: 2\r\n[\s\S]*"code":"RATE_LIMITED"/);
    assert.match(replies[1] ?? '', /^HTTP\/1\.1 500 /);
    assert.ok(!replies[1]?.includes('inner words'));
  });
});

test('a device revoked while its handshake is judged does not get in', async () => {
  await withRig({}, async (rig) => {
    const verdict = Promise.withResolvers<DeviceIdentity | null>();
    let asked = false;
    rig.inbox.authenticate = () => {
      asked = true;
      return verdict.promise;
    };
    const refused = assert.rejects(rig.connect(), /401/);
    await until(() => asked);
    rig.gateway.closeDevice('one', 'DEVICE_REVOKED');
    verdict.resolve(identity('one'));
    await refused;
    assert.equal(rig.gateway.connectionCount(), 0);
  });
});

test('a device that goes away while its handshake is judged leaves nothing behind', async () => {
  await withRig({}, async (rig) => {
    const verdict = Promise.withResolvers<DeviceIdentity | null>();
    let asked = false;
    rig.inbox.authenticate = () => {
      asked = true;
      return verdict.promise;
    };
    const socket = connect(rig.port, '127.0.0.1');
    socket.write(handshake('/xiaozhi/v1/'));
    await until(() => asked);
    socket.resetAndDestroy();
    await until(async () => (await connections(rig)) === 0);
    verdict.resolve(identity('one'));
    await until(() => rig.clock.waiting() === 0);
    assert.equal(rig.gateway.connectionCount(), 0);
  });
});

test('past the limit of connections the next device is told to come back', async () => {
  await withRig({ config: { maxConnections: 1 } }, async (rig) => {
    await rig.talk('one');
    await assert.rejects(rig.connect('two'), /503/);
    await rig.hangUp();
    await rig.talk('two');
  });
});

test('an upgrade of another path is 404 when nobody else serves it, a broken one 400', async () => {
  await withRig({}, async (rig) => {
    assert.match(await rawUpgrade(rig.port, '/other'), /^HTTP\/1\.1 404 /);
    assert.match(await rawUpgrade(rig.port, '/xiaozhi/v1/../v1/'), /^HTTP\/1\.1 404 /);
    assert.match(await rawUpgrade(rig.port, '/xiaozhi/v1/', 'Sec-WebSocket-Version: 99'), /^HTTP\/1\.1 400 /);
    assert.equal(rig.gateway.connectionCount(), 0);
  });
});

test('a header beyond the limit never reaches the inbox', async () => {
  await withRig({}, async (rig) => {
    await assert.rejects(rig.connect('one', { headers: { Authorization: `Bearer ${'x'.repeat(513)}` } }), /401/);
    await assert.rejects(rig.connect('one', { headers: { 'Device-Id': 'x'.repeat(65) } }), /401/);
    assert.deepEqual(rig.inbox.credentials, []);
  });
});

test('no extension is agreed on, even when one is offered', async () => {
  await withRig({}, async (rig) => {
    const device = await rig.connect('one', { client: { perMessageDeflate: true } });
    assert.equal(device.socket.extensions, '');
  });
});

test('draining refuses new devices, lets turns finish, and closes with 1001', async () => {
  await withRig({}, async (rig) => {
    const turn = Promise.withResolvers<void>();
    rig.inbox.extra = { finish: () => turn.promise };
    const talking = await rig.talk('talking');
    rig.inbox.extra = {};
    const quiet = await rig.talk('quiet');
    const drained = rig.gateway.drain(5_000);
    assert.deepEqual(await quiet.closed, { code: 1001, reason: 'SERVER_STOPPING' });
    await assert.rejects(rig.connect('late'), /503/);
    assert.ok(talking.link.audio(Buffer.from([1])), 'the turn goes on');
    turn.resolve();
    assert.deepEqual(await talking.closed, { code: 1001, reason: 'SERVER_STOPPING' });
    await drained;
    assert.equal(rig.gateway.connectionCount(), 0);
  });
});

test('draining cuts off a turn that does not end in time', async () => {
  await withRig({}, async (rig) => {
    let aborted = false;
    rig.inbox.extra = {
      finish: (signal) => {
        signal.addEventListener('abort', () => {
          aborted = true;
        });
        return new Promise(() => undefined);
      },
    };
    const device = await rig.talk();
    const drained = rig.gateway.drain(5_000);
    rig.clock.advance(5_000);
    assert.equal((await device.closed).code, 1001);
    await drained;
    assert.ok(aborted);
  });
});

function handshake(path: string, extra = 'Sec-WebSocket-Version: 13'): string {
  const head = [
    `GET ${path} HTTP/1.1`,
    'Host: h',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Authorization: token-of-one',
    'Device-Id: one',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    extra,
  ];
  return `${head.join('\r\n')}\r\n\r\n`;
}

async function rawUpgrade(port: number, path: string, extra?: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.write(handshake(path, extra));
  let reply = '';
  for await (const chunk of socket) reply += chunk;
  return reply;
}

function connections(rig: Rig): Promise<number> {
  return new Promise((resolve, reject) => {
    rig.http.server.getConnections((error, count) => (error === null ? resolve(count) : reject(error)));
  });
}
