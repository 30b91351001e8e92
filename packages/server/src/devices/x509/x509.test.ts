import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { connect as connectTls, getCACertificates, setDefaultCACertificates } from 'node:tls';
import { promisify } from 'node:util';
import type {
  AlertList,
  CertificateAuthority,
  CertificateAuthorityList,
  Device,
  DeviceCertificateList,
  DeviceList,
} from '@muster/contract';
import mqtt from 'mqtt';
import { WebSocket } from 'ws';
import { startTestServer, type TestServer } from '../../testing.ts';
import { CLIENT, createForge, type Issued } from './forge.fixture.ts';

/** Real clients of each wire with a client certificate; the second server is behind a proxy, on the same database. */
/** Only so that a fault ends the test: it says nothing of how fast anything is. */
const WAIT_MS = 20_000;
const forge = createForge();
const maker = forge.authority('Maker');
const server = forge.issue({
  subject: '/CN=localhost',
  extensions: ['subjectAltName=DNS:localhost,IP:127.0.0.1'],
});
let muster: TestServer;
let behind: TestServer;
let authority: CertificateAuthority;

before(async () => {
  setDefaultCACertificates([...getCACertificates('default'), server.cert]);
  muster = await startTestServer({
    flags: [
      `--http.tlsCert=${server.certFile}`,
      `--http.tlsKey=${server.keyFile}`,
      '--mqtt.tlsPort=0',
      '--alerts.startGraceMs=0',
    ],
  });
  const [, , , , folder = ''] = (await readFile(join(muster.dataDir, 'pg', 'postmaster.pid'), 'utf8')).split('\n');
  // each with a bus of its own: what one does, the other sees in the database only
  behind = await startTestServer({
    dataDir: muster.dataDir,
    flags: [
      `--database.url=postgresql://muster@/muster?host=${encodeURIComponent(folder)}`,
      '--http.behindProxy',
      '--http.certificateHeader=x-ssl-client-cert',
    ],
  });
  const body = { name: 'Factory', certificate: maker.cert, provisions: true, profile: 'sensor' };
  const waiting = await muster.call<CertificateAuthority>('POST', '/api/certificate-authorities', body);
  const proof = forge.device(waiting.challenge ?? '', maker);
  authority = await muster.call('POST', `/api/certificate-authorities/${waiting.authorityId}/proof`, {
    certificate: proof.cert,
  });
});
after(async () => {
  await behind.stop();
  await muster.stop();
  forge.remove();
});

const revoke = (certificate: string) =>
  muster.call('POST', `/api/certificate-authorities/${authority.authorityId}/revocations`, { certificate });
const serialOf = (certificate: string): Promise<string> => certificateOf(certificate).then(({ serial }) => serial);

async function certificateOf(name: string) {
  const { certificates } = await muster.call<DeviceCertificateList>('GET', '/api/certificates');
  const found = certificates.find(({ subject }) => subject === `CN=${name}`);
  assert.ok(found !== undefined, name);
  return found;
}

async function deviceOf(hardwareId: string): Promise<Device> {
  const { devices } = await muster.call<DeviceList>('GET', `/api/devices?called=${hardwareId}`);
  assert.equal(devices.length, 1, hardwareId);
  return devices[0] as Device;
}

const publisher = (shown: Issued, more: object = {}) =>
  mqtt.connectAsync(`mqtts://localhost:${muster.server.mqtt.tlsPort}`, {
    ca: server.cert,
    cert: shown.cert,
    key: shown.key,
    protocolVersion: 5,
    reconnectPeriod: 0,
    connectTimeout: 5_000,
    ...more,
  });

/** A request of the device API; resolves to its status and text. */
async function ask(url: string, path: string, options: object, body = ''): Promise<{ status: number; text: string }> {
  const send = url.startsWith('https:') ? requestHttps : requestHttp;
  const request = send(url + path, { method: body === '' ? 'GET' : 'POST', agent: false, ...options });
  request.end(body);
  const [response] = await once(request, 'response', { signal: AbortSignal.timeout(WAIT_MS) });
  return { status: response.statusCode, text: (await response.toArray()).join('') };
}

const point = '{"values":{"temperature":21}}';

/** As nginx gives it: $ssl_client_escaped_cert. */
const escaped = ({ cert }: Issued) => ({ 'x-ssl-client-cert': encodeURIComponent(cert) });

async function opened(socket: WebSocket): Promise<WebSocket> {
  await once(socket, 'open', { signal: AbortSignal.timeout(WAIT_MS) });
  return socket;
}

test('MQTT: a certificate makes its device, with the profile of its authority, and what it publishes is stored', async () => {
  const client = await publisher(forge.device('mqtt-1', maker));
  await client.publishAsync('devices/me/telemetry', point, { qos: 1 });
  const device = await deviceOf('mqtt-1');
  assert.deepEqual([device.profile, device.connected, device.siteId], ['sensor', true, muster.siteId]);
  // ended while it is connected: told why, and not let in again
  const told = new Promise<number | undefined>((resolve) => {
    client.once('disconnect', ({ reasonCode }) => resolve(reasonCode));
  });
  const closed = new Promise<void>((resolve) => void client.once('close', resolve));
  await revoke(await serialOf('mqtt-1'));
  assert.equal(await told, 0x87);
  await closed;
});

test('MQTT: strangers, the revoked, and whoever shows a token of another device are refused', async () => {
  const good = forge.device('mqtt-2', maker);
  const other = await muster.call<{ token: string }>('POST', '/api/devices', { name: 'Other' });
  const refused = (shown: Issued, more: object, code: number) =>
    assert.rejects(publisher(shown, more), (error: Error & { code?: unknown }) => {
      assert.equal(error.code, code, String(error));
      return true;
    });
  await (await publisher(good)).endAsync();
  await refused(forge.device('mqtt-2', forge.authority('Maker')), {}, 0x86);
  await refused(good, { username: 'device', password: other.token }, 0x87);
  await refused(good, { username: other.token }, 0x87);
  await refused(good, { username: 'device', password: 'wrong' }, 0x86);
  await revoke(await serialOf('mqtt-2'));
  await refused(good, {}, 0x87);
  // its own token beside it, or any user name, changes nothing
  const own = await muster.call<{ token: string }>('POST', '/api/devices', { name: 'Own', hardwareId: 'mqtt-3' });
  const client = await publisher(forge.device('mqtt-3', maker), { username: 'device', password: own.token });
  await client.endAsync();
  await (await publisher(forge.device('mqtt-3', maker), { username: 'some-name' })).endAsync();
  // a board with a certificate that nobody knows, and a good token
  const unknown = forge.device('factory', forge.authority('Board maker'));
  await (await publisher(unknown, { username: 'device', password: other.token })).endAsync();
});

test('HTTPS: a certificate in place of a token, also when the handshake is resumed', async () => {
  const shown = forge.device('https-1', maker);
  const tls = { cert: shown.cert, key: shown.key, ca: server.cert };
  const stored = await ask(muster.url, '/device/v1/telemetry', tls, point);
  assert.equal(stored.status, 204, stored.text);
  const { port, hostname } = new URL(muster.url);
  const resume = async (session?: Buffer) => {
    const socket = connectTls({
      host: hostname,
      port: Number(port),
      ...tls,
      ...(session === undefined ? {} : { session }),
    });
    let next: Buffer | undefined;
    socket.on('session', (ticket: Buffer) => {
      next = ticket;
    });
    await once(socket, 'secureConnect', { signal: AbortSignal.timeout(WAIT_MS) });
    const resumed = socket.isSessionReused();
    socket.write('GET /device/v1/twin HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
    const answer = (await socket.toArray({ signal: AbortSignal.timeout(WAIT_MS) })).join('');
    return { resumed, answer, next };
  };
  const first = await resume();
  const second = await resume(first.next);
  assert.deepEqual([first.resumed, second.resumed], [false, true]);
  for (const { answer } of [first, second]) assert.match(answer, /^HTTP\/1.1 200 /);
  const none = await ask(muster.url, '/device/v1/twin', { ca: server.cert });
  assert.equal(none.status, 401);
  await revoke((await certificateOf('https-1')).fingerprint);
  assert.match((await resume(first.next)).answer, /^HTTP\/1.1 401 [\s\S]*CERTIFICATE_REFUSED/);
  const people = await ask(muster.url, '/api/devices', tls);
  assert.equal(people.status, 401, 'a certificate is no session of a person');
});

test('the server names no authority to clients, and takes no second handshake on a connection', async () => {
  const shown = forge.device('tls-1', maker);
  const { port } = new URL(muster.url);
  const asked = promisify(execFile)('openssl', ['s_client', '-connect', `localhost:${port}`], { timeout: WAIT_MS });
  asked.child.stdin?.end();
  assert.match((await asked).stdout, /No client certificate CA names sent/);
  const socket = connectTls({
    port: Number(port),
    ca: server.cert,
    cert: shown.cert,
    key: shown.key,
    maxVersion: 'TLSv1.2',
  });
  await once(socket, 'secureConnect');
  const refusal = Promise.withResolvers<Error>();
  socket.on('error', refusal.resolve);
  socket.renegotiate({}, (error) => refusal.resolve(error ?? new Error('it went through')));
  assert.match(String(await refusal.promise), /no.renegotiation/i);
  socket.destroy();
});

test('WSS: a certificate opens a socket, and its end closes it', async () => {
  const shown = forge.device('wss-1', maker);
  const url = `${muster.url.replace('https:', 'wss:')}/device/v1/socket`;
  const socket = await opened(new WebSocket(url, { ca: server.cert, cert: shown.cert, key: shown.key }));
  socket.send('{"type":"twinGet","id":1}');
  const [frame] = await once(socket, 'message', { signal: AbortSignal.timeout(WAIT_MS) });
  assert.equal(JSON.parse(String(frame)).type, 'ack');
  const closed = once(socket, 'close', { signal: AbortSignal.timeout(WAIT_MS) });
  await revoke(await serialOf('wss-1'));
  assert.equal(String((await closed)[1]), 'DEVICE_REVOKED');
});

test('behind a proxy: what it says of the client counts from its own socket and from no other', async () => {
  const shown = forge.device('proxy-1', maker);
  const fromProxy = await ask(behind.url, '/device/v1/telemetry', { headers: escaped(shown) }, point);
  assert.equal(fromProxy.status, 204, fromProxy.text);
  const elsewhere = { headers: escaped(shown), localAddress: '127.0.0.2' };
  assert.equal((await ask(behind.url, '/device/v1/telemetry', elsewhere, point)).status, 401);
  const forwarded = { headers: { ...escaped(shown), 'x-forwarded-for': '127.0.0.1' }, localAddress: '127.0.0.2' };
  assert.equal((await ask(behind.url, '/device/v1/telemetry', forwarded, point)).status, 401);
  for (const header of ['x', '%E0%A4%A', `${escaped(shown)['x-ssl-client-cert']}, x`, 'A'.repeat(12_000)]) {
    const { status, text } = await ask(behind.url, '/device/v1/twin', { headers: { 'x-ssl-client-cert': header } });
    assert.ok(status === 401, `${header.slice(0, 20)}: ${status} ${text}`);
  }
  const standard = `:${Buffer.from(shown.cert.replace(/-----[^-]+-----|\s/g, ''), 'base64').toString('base64')}:`;
  const rfc9440 = await ask(behind.url, '/device/v1/twin', { headers: { 'x-ssl-client-cert': standard } });
  assert.equal(rfc9440.status, 200, rfc9440.text);
  // without the setting nothing is believed, from nobody
  const direct = await ask(muster.url, '/device/v1/twin', { ca: server.cert, headers: escaped(shown) });
  assert.equal(direct.status, 401);
});

test('on another server, which was told nothing, a disabled authority and a revoked certificate end sockets too', async () => {
  const url = `${behind.url.replace('http:', 'ws:')}/device/v1/socket`;
  const closedBy = async (name: string, end: () => Promise<unknown>): Promise<string> => {
    const socket = await opened(new WebSocket(url, { headers: escaped(forge.device(name, maker)) }));
    const closed = once(socket, 'close', { signal: AbortSignal.timeout(WAIT_MS) });
    await end();
    return String((await closed)[1]);
  };
  assert.equal(await closedBy('far-1', async () => revoke(await serialOf('far-1'))), 'DEVICE_REVOKED');
  const path = `/api/certificate-authorities/${authority.authorityId}`;
  assert.equal(await closedBy('far-2', () => muster.call('PATCH', path, { state: 'disabled' })), 'DEVICE_REVOKED');
  await muster.call('PATCH', path, { state: 'active' });
  const device = await closedBy('far-3', async () => {
    const { deviceId } = await deviceOf('far-3');
    await muster.call('POST', `/api/devices/${deviceId}/revoke`);
  });
  assert.equal(device, 'DEVICE_REVOKED');
});

test('the routes: an upload waits, is read by members, changed by owners, audited, and deleted', async () => {
  const other = forge.authority('Second');
  const made = await muster.call<CertificateAuthority>('POST', '/api/certificate-authorities', {
    certificate: other.cert,
  });
  assert.deepEqual([made.name, made.state, made.provisions], ['Second', 'waiting', false]);
  const path = `/api/certificate-authorities/${made.authorityId}`;
  const proof = forge.device(made.challenge ?? '', other).cert;
  await muster.call('POST', `${path}/proof`, { certificate: proof });
  const { authorities } = await muster.call<CertificateAuthorityList>('GET', '/api/certificate-authorities');
  assert.ok(authorities.some(({ authorityId, state }) => authorityId === made.authorityId && state === 'active'));
  const { device } = await muster.call<{ device: Device }>('POST', '/api/devices', { name: 'Bound' });
  const certificate = forge.device('anything at all', other).cert;
  await muster.call('POST', `/api/devices/${device.deviceId}/certificates`, { certificate });
  await assert.rejects(muster.call('PATCH', path, { profile: 'no-such' }), { code: 'REQUEST_INVALID' });
  await assert.rejects(muster.call('POST', '/api/certificate-authorities', { certificate: 'x'.repeat(70_000) }), {
    code: 'REQUEST_INVALID',
  });
  await muster.call('DELETE', path);
  await assert.rejects(muster.call('DELETE', path), { code: 'NOT_FOUND' });
  const actions = await muster.sql<{ action: string }>(
    `SELECT action FROM audit_entries WHERE action LIKE 'certificate.%' AND (target_id = $1 OR target_id = $2) ORDER BY entry_id`,
    [made.authorityId, device.deviceId],
  );
  assert.deepEqual(
    actions.map(({ action }) => action),
    ['certificate.change', 'certificate.change', 'certificate.bind', 'certificate.change'],
  );
});

test('thirty days before a certificate or its authority ends there is an alert, until the device has another', async () => {
  const wanted = { method: 'GET', path: '/api/alerts?limit=100' } as const;
  const alertOf = async (name: string): Promise<string | undefined> => {
    const { deviceId } = await deviceOf(name);
    const { alerts } = await muster.call<AlertList>(wanted.method, wanted.path);
    return alerts.find((one) => one.deviceId === deviceId && one.state !== 'closed')?.fact;
  };
  const shortLived = forge.authority('Ends soon', { days: 20 });
  const body = { certificate: shortLived.cert, provisions: true };
  const waiting = await muster.call<CertificateAuthority>('POST', '/api/certificate-authorities', body);
  const proof = forge.device(waiting.challenge ?? '', shortLived).cert;
  await muster.call('POST', `/api/certificate-authorities/${waiting.authorityId}/proof`, { certificate: proof });
  await (await publisher(forge.device('soon-1', maker, { days: 10 }))).endAsync();
  await (await publisher(forge.device('soon-2', shortLived))).endAsync();
  await (await publisher(forge.device('later-1', maker))).endAsync();
  await until(async () => /ends in 10 days/.test((await alertOf('soon-1')) ?? ''));
  await until(async () => /ends in 20 days/.test((await alertOf('soon-2')) ?? ''));
  assert.equal(await alertOf('later-1'), undefined);
  await (await publisher(forge.device('soon-1', maker))).endAsync();
  await until(async () => (await alertOf('soon-1')) === undefined);
});

/** Resolves when it holds; fails when that takes longer than WAIT_MS. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  const signal = AbortSignal.timeout(WAIT_MS);
  while (!(await holds())) {
    signal.throwIfAborted();
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

test('a certificate for servers does not open a device connection, whoever signed it', async () => {
  const extensions = [...CLIENT.slice(0, 2), 'extendedKeyUsage=serverAuth'];
  await assert.rejects(publisher(forge.device('serving', maker, { extensions })), { code: 0x86 });
});
