import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import mqtt from 'mqtt';
import { readConfig } from '../../config.ts';
import { type Broker, startBroker } from './broker.fixture.ts';

let folder: string;
let cert: Buffer;
let broker: Broker;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'muster-tls-'));
  const out = ['-keyout', join(folder, 'key.pem'), '-out', join(folder, 'cert.pem')];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  const made = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1'];
  execFileSync('openssl', [...made, ...out, ...subject], { stdio: 'ignore', timeout: 20_000 });
  cert = readFileSync(join(folder, 'cert.pem'));
  broker = await startBroker({ tlsPort: 0 }, { cert, key: readFileSync(join(folder, 'key.pem')) });
});
after(async () => {
  await broker.stop();
  rmSync(folder, { recursive: true });
});

const tlsPort = (): number => broker.gateway.ports().tls ?? 0;
const login = { username: 'any', password: 'token-of-one', reconnectPeriod: 0, connectTimeout: 5_000 };

test('with a certificate there is a port with TLS, and clients that trust it publish', async () => {
  const client = await mqtt.connectAsync(`mqtts://localhost:${tlsPort()}`, { ...login, ca: cert });
  await client.publishAsync('devices/me/telemetry', 'sealed', { qos: 1 });
  assert.equal(broker.published.at(-1)?.text, 'sealed');
  await client.endAsync();
});

test('a client that does not trust the certificate does not connect', async () => {
  await assert.rejects(mqtt.connectAsync(`mqtts://localhost:${tlsPort()}`, login), {
    code: 'DEPTH_ZERO_SELF_SIGNED_CERT',
  });
});

test('an old TLS, and no TLS at all, get nowhere on that port', async () => {
  const versions = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
  const old = connectTls({ port: tlsPort(), host: 'localhost', ca: cert, ...versions });
  const [error] = await once(old, 'error', { signal: AbortSignal.timeout(5_000) });
  assert.match((error as NodeJS.ErrnoException).code ?? '', /PROTOCOL_VERSION/);
  const plain = connect({ port: tlsPort(), host: '127.0.0.1' });
  plain.on('error', () => undefined);
  let heard = 0;
  plain.on('data', (bytes) => {
    // an alert of TLS at most: no CONNACK
    heard = bytes[0] ?? 0;
  });
  plain.write(Buffer.from('\u0010\u000e\u0000\u0004MQTT\u0004\u0002\u0000\u003c\u0000\u0002ab', 'latin1'));
  await once(plain, 'close', { signal: AbortSignal.timeout(5_000) });
  assert.notEqual(heard, 0x20);
});

test('without TLS it listens on loopback only, unless somebody asks for more', async () => {
  const elsewhere = connect({ port: broker.port, host: '127.0.0.2' });
  const [error] = await once(elsewhere, 'error', { signal: AbortSignal.timeout(5_000) });
  assert.equal((error as NodeJS.ErrnoException).code, 'ECONNREFUSED');
  const open = connect({ port: broker.port, host: '127.0.0.1' });
  await once(open, 'connect', { signal: AbortSignal.timeout(5_000) });
  open.destroy();
});

test('the certificate is named by TLS_CERT and TLS_KEY; the port is 8883', () => {
  const { http, mqtt: settings } = readConfig([], { TLS_CERT: '/a/cert.pem', TLS_KEY: '/a/key.pem' });
  assert.deepEqual([http.tlsCert, http.tlsKey, settings.tlsPort], ['/a/cert.pem', '/a/key.pem', 8883]);
  assert.equal(readConfig([], {}).mqtt.host, undefined);
});
