import assert from 'node:assert/strict';
import { createConnection, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { type ErrorReply, LIVE_PATH } from '@muster/contract';
import { startTestServer, type TestServer } from '@muster/server/testing';
import { WebSocket } from 'ws';
import { DEVICE_SOCKET_PATH } from '../../packages/server/src/gateway/device/index.ts';
import { leastOf, operationsOf } from '../permissions/operations.ts';

/** What meets the network: bytes that are no request, clients that are slow, pages of others, and what every answer says. */
let muster: TestServer;
/** Few connections, few requests. */
let narrow: TestServer;

before(async () => {
  muster = await startTestServer();
  narrow = await startTestServer({
    flags: ['--http.connectionsPerAddress=20', '--accounts.requestsPerSecond=20'],
  });
});
after(async () => {
  await muster?.stop();
  await narrow?.stop();
});

/** Sends bytes as they are, in pieces; resolves with all that came back when the server hangs up, or after `limitMs`. */
async function raw(pieces: readonly string[], limitMs = 15_000, server = muster): Promise<string> {
  const { hostname, port } = new URL(server.url);
  const socket: Socket = createConnection(Number(port), hostname);
  let text = '';
  socket.on('data', (bytes: Buffer) => {
    text += bytes.toString('latin1');
  });
  socket.on('error', () => undefined);
  const closed = new Promise<void>((resolve) => void socket.once('close', () => resolve()));
  for (const piece of pieces) {
    socket.write(piece);
    await pause(5);
  }
  await Promise.race([closed, pause(limitMs, undefined, { ref: false })]);
  socket.destroy();
  return text;
}

const statusOf = (text: string): number => Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? Number.NaN);
const bodyOf = (text: string): ErrorReply => JSON.parse(text.slice(text.indexOf('\r\n\r\n') + 4)) as ErrorReply;

test('what is no request, or two in one, is refused in our words and the connection is closed', async () => {
  const broken: Readonly<Record<string, string>> = {
    'no HTTP at all': 'hello\r\n\r\n',
    'TLS where there is none': '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
    'two lengths': 'POST /api/sessions HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}',
    'a length and chunks':
      'POST /api/sessions HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'chunks in another spelling':
      'POST /api/sessions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n',
    'a chunk of no size': 'POST /api/sessions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
    'a folded header': 'GET /health HTTP/1.1\r\nHost: x\r\nX-A: b\r\n c\r\n\r\n',
    'a header without a name': 'GET /health HTTP/1.1\r\nHost: x\r\n: b\r\n\r\n',
    'a space before the colon': 'GET /health HTTP/1.1\r\nHost: x\r\nContent-Length : 5\r\n\r\nhello',
    'a NUL in a header': 'GET /health HTTP/1.1\r\nHost: x\r\nX-A: a\0b\r\n\r\n',
    'a length below zero': 'POST /api/sessions HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n',
    'lines that end in LF alone, behind one that does not': 'GET /health HTTP/1.1\r\nHost: x\nX-A: b\n\n',
  };
  for (const [what, bytes] of Object.entries(broken)) {
    const text = await raw([bytes]);
    assert.equal(statusOf(text), 400, `${what}: ${text.slice(0, 80)}`);
    const { error } = bodyOf(text);
    assert.equal(error.code, 'REQUEST_INVALID', what);
    assert.match(text, /Cache-Control: no-store/i, what);
  }
});

test('headers that are too long are refused, and so is a body', async () => {
  const long = await raw([`GET /health HTTP/1.1\r\nHost: x\r\nX-A: ${'a'.repeat(20_000)}\r\n\r\n`]);
  assert.equal(statusOf(long), 431);
  const many = Array.from({ length: 2_500 }, (_, nth) => `X-${nth}: aaaa`).join('\r\n');
  assert.equal(statusOf(await raw([`GET /health HTTP/1.1\r\nHost: x\r\n${many}\r\n\r\n`])), 431);
  const huge =
    'POST /api/sessions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 999999999\r\n\r\n{';
  assert.equal(statusOf(await raw([huge])), 413);
});

test('a client that never ends its headers is let go, whatever it sends meanwhile', async () => {
  const begun = performance.now();
  const drips = Array.from({ length: 40 }, (_, nth) => `X-${nth}: a\r\n`);
  const text = await raw(['GET /health HTTP/1.1\r\nHost: x\r\n', ...drips], 20_000);
  assert.equal(statusOf(text), 408, text.slice(0, 80));
  const tookMs = performance.now() - begun;
  assert.ok(tookMs > 5_000 && tookMs < 20_000, `${tookMs} ms`);
});

test('methods that nobody needs do nothing, and tell nothing back', async () => {
  const methods = ['TRACE', 'TRACK', 'CONNECT', 'PROPFIND', 'MOVE', 'LINK', 'PURGE'];
  const answers = await Promise.all(
    methods.map((method) =>
      raw([`${method} /api/sites HTTP/1.1\r\nHost: x\r\nX-Secret: not to be told\r\n\r\n`], 1_000),
    ),
  );
  for (const [nth, text] of answers.entries()) {
    assert.ok(!text.includes('not to be told'), methods[nth]);
    // Node hangs up on a CONNECT that nobody waits for
    assert.ok(text === '' || [400, 404, 405, 501].includes(statusOf(text)), `${methods[nth]}: ${text.slice(0, 60)}`);
  }
});

/** Every answer has these; what else a page may load, it says itself. */
function checkHeaders(name: string, headers: Headers): void {
  const policy = headers.get('content-security-policy') ?? '';
  assert.match(policy, /default-src/, `${name}: ${policy}`);
  assert.match(policy, /frame-ancestors/, `${name}: ${policy}`);
  assert.ok(!/unsafe-inline|unsafe-eval/.test(policy.replace(/style-src[^;]*/, '')), `${name}: ${policy}`);
  assert.equal(headers.get('x-content-type-options'), 'nosniff', name);
  assert.ok((headers.get('referrer-policy') ?? '') !== '', name);
  assert.notEqual(headers.get('cache-control'), null, name);
  assert.equal(headers.get('x-powered-by'), null, name);
  assert.equal(headers.get('server'), null, name);
  for (const [header] of headers) assert.ok(!header.startsWith('access-control-'), `${name}: ${header}`);
}

test('every route and every refusal says the same of itself, and lets no other page in', async () => {
  const origin = { origin: 'https://evil.example' };
  const preflight = { ...origin, 'access-control-request-method': 'POST' };
  for (const { name, method, path, body } of operationsOf(muster.server.openapi())) {
    const url = muster.url + path.replaceAll(/\{\w+\}/g, '019a0000-0000-7000-8000-000000000001');
    const headers = { ...origin, ...(body === null ? {} : { 'content-type': 'application/json' }) };
    const sent = body === null ? {} : { body: JSON.stringify(leastOf(body)) };
    checkHeaders(name, (await fetch(url, { method, headers, ...sent })).headers);
    checkHeaders(`OPTIONS ${path}`, (await fetch(url, { method: 'OPTIONS', headers: preflight })).headers);
  }
  for (const path of [
    '/',
    '/nowhere',
    '/api/%',
    '/api/docs',
    '/sign-in',
    '/.well-known/security.txt',
    '/api/docs/json',
  ]) {
    const reply = await fetch(muster.url + path, { headers: origin });
    checkHeaders(path, reply.headers);
    if (path.startsWith('/api/%')) assert.equal(((await reply.json()) as ErrorReply).error.code, 'REQUEST_INVALID');
  }
  assert.equal((await fetch(`${muster.url}/api/sites`)).headers.get('cache-control'), 'no-store');
});

test('a handshake that is refused says it too', async () => {
  for (const path of [LIVE_PATH, DEVICE_SOCKET_PATH, '/xiaozhi/v1/', '/nowhere']) {
    const socket = new WebSocket(muster.url.replace('http:', 'ws:') + path, {
      headers: { authorization: 'Bearer mock_token', origin: 'https://evil.example' },
    });
    socket.on('error', () => undefined);
    const headers = await new Promise<Headers>((resolve) => {
      socket.once('unexpected-response', (_request, reply) => {
        assert.ok((reply.statusCode ?? 0) >= 400, path);
        resolve(new Headers(reply.headers as Record<string, string>));
        reply.destroy();
      });
    });
    checkHeaders(path, headers);
  }
});

test('a change that is known by the cookie comes from a page of ours, as JSON', async () => {
  const cookie = `muster_session=${muster.token}`;
  const origin = new URL(muster.url).origin;
  const make = async (headers: Record<string, string>, body = '{"name":"By a page"}'): Promise<number> =>
    (await fetch(`${muster.url}/api/sites`, { method: 'POST', headers: { cookie, ...headers }, body })).status;
  const json = { 'content-type': 'application/json' };
  assert.equal(await make({ ...json, origin }), 201, 'our own page');
  assert.equal(await make({ ...json, 'sec-fetch-site': 'same-origin' }), 201);
  assert.equal(await make(json), 201, 'a program with a jar of cookies');
  for (const headers of [
    { ...json, origin: 'https://evil.example' },
    { ...json, origin: 'null' },
    { ...json, origin: `${origin}.evil.example` },
    { ...json, origin: origin.replace('127.0.0.1', 'localhost') },
    { ...json, 'sec-fetch-site': 'cross-site' },
    { ...json, 'sec-fetch-site': 'same-site' },
    { 'content-type': 'text/plain' },
    { 'content-type': 'text/plain; application/json' },
    { 'content-type': 'application/x-www-form-urlencoded', origin },
    { 'content-type': 'multipart/form-data; boundary=x' },
  ]) {
    assert.equal(await make(headers), 403, JSON.stringify(headers));
  }
  // without a body too
  const revoke = { method: 'DELETE', headers: { cookie, origin: 'https://evil.example' } };
  assert.equal((await fetch(`${muster.url}/api/sessions/current`, revoke)).status, 403);
  // whoever brings the token in the header is no page
  const bearer = { ...json, authorization: `Bearer ${muster.token}`, origin: 'https://evil.example' };
  assert.equal(
    (await fetch(`${muster.url}/api/sites`, { method: 'POST', headers: bearer, body: '{"name":"B"}' })).status,
    201,
  );
});

test('more connections of one address than there may be are closed and counted; others go on when they leave', async () => {
  const { hostname, port } = new URL(narrow.url);
  const sockets = Array.from({ length: 40 }, () => createConnection(Number(port), hostname));
  let closed = 0;
  for (const socket of sockets) {
    socket.on('error', () => undefined);
    socket.on('close', () => {
      closed += 1;
    });
  }
  for (let tries = 0; tries < 100 && closed < 20; tries++) await pause(50);
  assert.ok(closed >= 20, `${closed} were closed`);
  for (const socket of sockets) socket.destroy();
  await pause(100);
  const metrics = await narrow.text('/metrics');
  const counted = Number(/muster_http_refused_total\{limit="address"\} (\d+)/.exec(metrics)?.[1] ?? 0);
  assert.ok(counted >= 20, String(counted));
});

test('a user, a key and an address ask so often and no more; one does not use up what another has', async () => {
  const ask = async (headers: Record<string, string>): Promise<[number, string | null]> => {
    const reply = await fetch(`${narrow.url}/api/sites`, { headers });
    await reply.arrayBuffer();
    return [reply.status, reply.headers.get('retry-after')];
  };
  const bearer = { authorization: `Bearer ${narrow.token}` };
  /** Some at a time: there may be no more connections. */
  const many = async (count: number, headers: Record<string, string>) => {
    const answers: [number, string | null][] = [];
    while (answers.length < count) {
      answers.push(...(await Promise.all(Array.from({ length: 10 }, () => ask(headers)))));
    }
    return answers;
  };
  const answers = await many(80, { authorization: 'Bearer mock_token' });
  const refused = answers.filter(([status]) => status === 429);
  assert.ok(refused.length >= 20, `${refused.length} strangers had to wait`);
  assert.ok(refused.every(([, wait]) => Number(wait) >= 1));
  assert.equal((await ask(bearer))[0], 200, 'who is known has an allowance of their own, from the same address');
  const own = await many(120, bearer);
  assert.ok(own.some(([status]) => status === 429));
  assert.equal((await fetch(`${narrow.url}/health`)).status, 200, 'whoever looks is told');
});
