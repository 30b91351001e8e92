import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { InvitationCreated, KeyRotation, SessionReply, TotpBegun } from '@muster/contract';
import { createXiaozhiDevice } from '@muster/testkit';
import { Secret, TOTP } from 'otpauth';
import type { ServerProcess } from '../../bench/server-process.ts';
import { startBreakable } from '../faults/rig/breakable-server.ts';

/** The old key is kept for 15 s, so that nothing sealed with it is on its way when it goes; then much more. */
const LIMIT_MS = 50_000;
const NOTIFIERS = 40;
const KEY = 'ab'.repeat(32);
const SIGNING_KEY = 'what a receiver checks with';

/** Every table that the product seals a column of, as its sources say: one that is new has to be filled below. */
function sealedTables(): string[] {
  const files = execFileSync('git', ['ls-files', 'packages/server/src'], { encoding: 'utf8' }).trim().split('\n');
  const found = files
    .filter((file) => /^(?!.*\.(test|fixture)\.ts$).*\.ts$/.test(file))
    .flatMap((file) => [...readFileSync(file, 'utf8').matchAll(/vault\.column\(\{\s*table: '(\w+)'/g)])
    .map(([, table]) => table ?? '');
  return [...found, 'server_secrets'].sort();
}

/** Values sealed with this key, by column. */
async function sealedWith(server: ServerProcess, keyId: string): Promise<Map<string, number>> {
  const columns = await server.query<{ table: string; column: string }>(
    `SELECT table_name AS table, column_name AS column FROM information_schema.columns
     WHERE table_schema = 'public' AND data_type = 'bytea'`,
  );
  const found = new Map<string, number>();
  for (const { table, column } of columns) {
    const [row] = await server.query<{ n: number }>(
      `SELECT count(*) AS n FROM ${table} WHERE encode(substring(${column} FROM 2 FOR 4), 'hex') = $1`,
      [keyId],
    );
    if (row !== undefined && Number(row.n) > 0) found.set(`${table}.${column}`, Number(row.n));
  }
  return found;
}

async function newestKey(server: ServerProcess): Promise<string> {
  const [row] = await server.query<{ id: string }>(
    "SELECT encode(substring(sealed FROM 2 FOR 4), 'hex') AS id FROM server_secrets WHERE name = 'probe'",
  );
  return row?.id ?? '';
}

test('killed in the middle of a new key, the server goes on with it; nothing stays with the old one, all is readable', async (t) => {
  const server = await startBreakable({ flags: ['--accounts.secondFactor.owner=false'] });
  t.after(() => server.end());
  const { call } = server.now;
  const siteId = (await call<{ sites: { siteId: string }[] }>('GET', '/api/sites')).sites[0]?.siteId ?? '';
  const invited = { siteId, email: 'ola@example.com', role: 'owner' };
  const { link } = await call<InvitationCreated>('POST', '/api/invitations', invited);
  const accepted = {
    token: new URL(link ?? '').searchParams.get('token'),
    name: 'Ola',
    password: 'seven kites at noon',
  };
  const session = await call<SessionReply>('POST', '/api/invitations/accept', accepted);
  const asOla = { authorization: `Bearer ${session.token}` };
  const { secret } = await call<TotpBegun>('POST', '/api/me/totp', undefined, asOla);
  await call('POST', '/api/me/totp/confirm', { code: codeOf(secret) }, asOla);
  await call('POST', '/api/device-keys', { siteId, serialNumber: 'SN-1', hmacKey: KEY });
  const device = (hardwareId: string, activation: 'v2-firmware' | 'v2-python', serialNumber: string) =>
    createXiaozhiDevice({
      otaUrl: server.now.otaUrl,
      hardwareId,
      clientId: '019a0000-0000-7000-8000-000000000001',
      activation,
      serialNumber,
      hmacKey: KEY,
    });
  await device('02:00:00:00:09:01', 'v2-firmware', 'SN-1').activateWith((code) => server.now.activate(code));
  // a new token waits for a device that is not here
  const { devices } = await call<{ devices: { deviceId: string }[] }>('GET', '/api/devices');
  await call('POST', `/api/devices/${devices[0]?.deviceId}/credentials/rotate`, {});
  // one that only asks: its key waits with its code
  const asks = device('02:00:00:00:09:02', 'v2-python', 'SN-2');
  await assert.rejects(
    asks.activateWith(() => Promise.reject(new Error('nobody types it'))),
    /nobody types it/,
  );
  for (let nth = 0; nth < NOTIFIERS; nth++) {
    const settings = { url: 'https://hooks.example.com/x' };
    const made = { siteId, kind: 'webhook', name: `W${nth}`, settings, secrets: { signingKey: SIGNING_KEY } };
    await call('POST', '/api/notifiers', made);
  }

  const old = await newestKey(server.now);
  const before = await sealedWith(server.now, old);
  const tables = [...before.keys()].map((column) => column.split('.')[0]).sort();
  assert.deepEqual(tables, sealedTables());

  await call<KeyRotation>('POST', '/api/server/key-rotation');
  await server.now.kill9();
  await server.start();
  const begun = performance.now();
  for (;;) {
    const state = await server.now.call<KeyRotation>('GET', '/api/server/key-rotation');
    assert.equal(state.failure, null);
    if (!state.running && state.keys === 1) break;
    assert.ok(performance.now() - begun < LIMIT_MS, JSON.stringify(state));
    await pause(250);
  }

  const fresh = await newestKey(server.now);
  assert.notEqual(fresh, old);
  assert.deepEqual(await sealedWith(server.now, old), new Map());
  assert.deepEqual([...(await sealedWith(server.now, fresh)).entries()].sort(), [...before.entries()].sort());

  // each is of use: the app's code, the board's proof, the receiver's signature
  const code = codeOf(secret, Date.now() + 30_000);
  await server.now.call('POST', '/api/me/proof', { proof: { kind: 'totp', code } }, asOla);
  await device('02:00:00:00:09:01', 'v2-firmware', 'SN-1').activateWith(() =>
    Promise.reject(new Error('it is active already')),
  );
  const { notifiers } = await server.now.call<{ notifiers: { notifierId: string }[] }>(
    'GET',
    `/api/notifiers?siteId=${siteId}`,
  );
  assert.equal(notifiers.length, NOTIFIERS);
  const tested = await fetch(`${server.now.url}/api/notifiers/${notifiers[0]?.notifierId}/test`, {
    method: 'POST',
    headers: { authorization: `Bearer ${server.now.token}` },
  });
  // the address is nobody's; had the secret been unreadable, it would say that
  assert.doesNotMatch(await tested.text(), /SECRET_UNREADABLE/);
});

const codeOf = (secret: string, timestamp = Date.now()): string =>
  new TOTP({ secret: Secret.fromBase32(secret) }).generate({ timestamp });
