import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { CertificateAuthority, DeviceCertificate } from '@muster/contract';
import { BIN, createStubServer, ID, SITE, type StubServer, USER } from './stub-server.fixture.ts';

/** Authorities and certificates at the command line; the guide of device certificates runs them on a proper server. */
const AUTHORITY: CertificateAuthority = {
  authorityId: ID(3),
  siteId: ID(2),
  name: 'Factory',
  state: 'active',
  challenge: null,
  subject: 'CN=Factory',
  fingerprint: 'a'.repeat(64),
  provisions: true,
  profile: 'sensor',
  beginsAt: 0,
  endsAt: 1_800_000_000_000,
  createdAt: 1,
};
const CERTIFICATE: DeviceCertificate = {
  fingerprint: 'b'.repeat(64),
  authorityId: ID(3),
  deviceId: ID(4),
  serial: '2a',
  subject: 'O=Shop\nCN=pump',
  revoked: false,
  beginsAt: 0,
  endsAt: 1_800_000_000_000,
  createdAt: 1,
};
const last = (page: number): string => String(page).repeat(64);
let server: StubServer;
let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muster-cli-'));
  server = await createStubServer({
    'POST /api/sessions': () => ({
      status: 201,
      body: { token: 'secret-token', expiresAt: Date.now() + 1e9, user: USER },
    }),
    'GET /api/sites': () => ({ body: { sites: [SITE] } }),
    'GET /api/certificate-authorities': () => ({ body: { authorities: [AUTHORITY] } }),
    [`PATCH /api/certificate-authorities/${ID(3)}`]: () => ({ body: { ...AUTHORITY, state: 'disabled' } }),
    [`DELETE /api/certificate-authorities/${ID(3)}`]: () => ({ status: 204, body: null }),
    [`POST /api/certificate-authorities/${ID(3)}/revocations`]: () => ({ body: { certificate: '2A' } }),
    'GET /api/certificates': ({ url }) => ({
      body: url.includes('after=')
        ? { certificates: [{ ...CERTIFICATE, revoked: true }], next: null }
        : { certificates: [CERTIFICATE], next: last(7) },
    }),
  });
  const password = join(folder, 'password');
  await writeFile(password, 'correct horse battery');
  const login = ['login', '--server', server.url, '--email', USER.email, '--password-file', password];
  const { code, err } = await muster(login);
  assert.equal(code, 0, err);
});
after(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

async function muster(args: readonly string[]): Promise<{ code: number | null; out: string; err: string }> {
  const env = {
    PATH: process.env.PATH,
    NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
    HOME: folder,
    XDG_CONFIG_HOME: folder,
    TZ: 'UTC',
  };
  const child = spawn(process.execPath, [BIN, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = once(child, 'exit');
  const [out, err] = await Promise.all([child.stdout, child.stderr].map(async (s) => (await s.toArray()).join('')));
  const [code] = await ended;
  return { code: code as number | null, out: out ?? '', err: err ?? '' };
}

test('lists authorities, and certificates page by page', async () => {
  const { out } = await muster(['certificates', 'authorities']);
  assert.match(out, /^Factory +active +yes, sensor +2027-01-15 /m);
  const { out: list } = await muster(['certificates', 'list']);
  assert.match(list, /^O=Shop, CN=pump +until 2027-01-15 +2a /m);
  assert.match(list, /^O=Shop, CN=pump +revoked /m);
  assert.ok(server.seen.at(-1)?.url.includes(`after=${last(7)}`));
});

test('disables, deletes and revokes at the only authority', async () => {
  assert.match((await muster(['certificates', 'set', 'Factory', '--state', 'disabled'])).out, /Factory is disabled/);
  assert.deepEqual(server.seen.at(-1)?.body, { state: 'disabled' });
  await muster(['certificates', 'set', 'Factory', '--provision', 'no', '--profile', '']);
  assert.deepEqual(server.seen.at(-1)?.body, { provisions: false, profile: null });
  await muster(['certificates', 'revoke', '2A', '--reason', 'stolen']);
  assert.deepEqual(server.seen.at(-1)?.body, { certificate: '2A', reason: 'stolen' });
  assert.match((await muster(['certificates', 'forget', 'Factory'])).out, /Factory is deleted/);
});

test('a private key never leaves the machine, and wrong words are refused before anything is asked', async () => {
  const both = join(folder, 'both.pem');
  await writeFile(both, '-----BEGIN PRIVATE KEY-----\n-----BEGIN CERTIFICATE-----\n');
  const requests = server.seen.length;
  for (const args of [
    ['trust', both],
    ['bind', 'pump', both],
    ['trust', join(folder, 'none.pem')],
    ['set', 'Factory'],
    ['set', 'Factory', '--state', 'waiting'],
    ['set', 'Factory', '--provision', 'maybe'],
  ]) {
    const { code, err } = await muster(['certificates', ...args]);
    assert.equal(code, 2, `${args.join(' ')}: ${err}`);
  }
  assert.equal(server.seen.length, requests);
});
