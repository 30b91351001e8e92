import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type ApiKeyCreated, type DeviceCreated, type ErrorReply, ROLES, type SessionReply } from '@muster/contract';
import { startTestServer, type TestPerson, type TestServer } from '@muster/server/testing';
import { type Action, PERMISSIONS, permissionOf } from '../../packages/server/src/accounts/permissions.ts';
import { leastOf, type Operation, operationsOf } from './operations.ts';
import { createThings, type Things } from './things.ts';

/**
 * The whole matrix: every route of a running server as everybody, against the one table of permissions. People came in
 * by invitation and signed in; nothing here goes past the server but that a session is made old.
 */
let muster: TestServer;
let things: Things;
let operations: Operation[];
/** What each caller shows; null: nothing. */
const tokens = new Map<string, string | null>();
const people = new Map<string, TestPerson>();
let refusals = 0;

before(async () => {
  muster = await startTestServer({
    flags: ['--accounts.secondFactor.owner=false'],
  });
  operations = operationsOf(muster.server.openapi()).filter(({ path }) => !path.startsWith('/xiaozhi/'));
  for (const role of [...ROLES, 'support', 'administrator'] as const) people.set(role, await muster.person(role));
  const other = await muster.call<{ siteId: string }>('POST', '/api/sites', { name: 'Elsewhere' });
  people.set('owner elsewhere', await muster.person('owner', other.siteId));
  people.set('of no site', await muster.person(null));
  for (const [name, { token }] of people) tokens.set(name, token);

  const [signedOut, idle, deactivated] = await Promise.all(
    ['owner', 'owner', 'owner'].map(() => muster.person('owner')),
  );
  assert.ok(signedOut !== undefined && idle !== undefined && deactivated !== undefined);
  await signedOut.call('DELETE', '/api/sessions/current');
  await muster.sql('UPDATE sessions SET last_used_at = 0 WHERE user_id = $1', [idle.userId]);
  await muster.call('PATCH', `/api/users/${deactivated.userId}`, { state: 'deactivated' });
  tokens.set('signed out', signedOut.token);
  tokens.set('left idle', idle.token);
  tokens.set('deactivated', deactivated.token);
  tokens.set('nobody', null);
  const device = await muster.call<DeviceCreated>('POST', '/api/devices', { siteId: muster.siteId, name: 'Speaks' });
  tokens.set('device', device.token);
  things = await createThings(muster);
});
after(async () => {
  things.end();
  await muster.stop();
});

const STRANGERS = ['nobody', 'signed out', 'left idle', 'deactivated', 'device'];
/** `of no site` has no role; `owner elsewhere` has one that counts for nothing here. */
const KNOWN = [...ROLES, 'support', 'administrator', 'owner elsewhere', 'of no site'];
const DENIED = new Set(['SIGN_IN_REQUIRED', 'FORBIDDEN', 'STEP_UP_REQUIRED', 'SECOND_FACTOR_REQUIRED']);
type Verdict = 'allowed' | 'signIn' | 'forbidden' | 'hidden';

/** The table again, in other words than `judge` has. */
function expected(who: string, action: Action): Verdict {
  const row = permissionOf(action);
  if (row.who === 'anyone') return 'allowed';
  if (STRANGERS.includes(who)) return 'signIn';
  if (who === 'administrator' || row.who === 'user' || (who === 'support' && row.support === true)) return 'allowed';
  if (row.who === 'administrator') return 'forbidden';
  if (row.who.some((role) => role === who)) return 'allowed';
  return who === 'owner elsewhere' && row.who.includes('owner') ? 'hidden' : 'forbidden';
}

/** Whether what the route is about is gone, or another, afterwards. */
const usesUp = ({ method, path }: Operation): boolean =>
  method === 'DELETE' || /(revoke|cancel|close|proof|decommission)$/.test(path);

interface Answer {
  readonly status: number;
  readonly code: string | null;
  readonly value: unknown;
}

/** `everywhere`: no site is named where none must be. */
async function ask(
  operation: Operation,
  token: string | null,
  isFresh = usesUp(operation),
  everywhere = false,
): Promise<Answer> {
  let path = operation.path;
  const query = new URLSearchParams();
  for (const { in: where, name, required, schema } of operation.parameters) {
    if (where === 'path') path = path.replace(`{${name}}`, await things.make(name, isFresh));
    else if (where === 'query' && name === 'siteId' && (required || !everywhere)) query.set(name, muster.siteId);
    else if (where === 'query' && required && schema.default === undefined) query.set(name, String(leastOf(schema)));
  }
  const body = operation.body === null ? undefined : leastOf(operation.body, await things.body(operation.name));
  const isImport = operation.action === 'telemetry.import';
  const reply = await fetch(`${muster.url}${path}?${query}`, {
    method: operation.method,
    headers: {
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(isImport ? { 'content-type': 'text/csv' } : {}),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(isImport ? { body: 'series,at,value\r\n' } : {}),
  });
  const text = await reply.text();
  const value: unknown =
    reply.headers.get('content-type')?.startsWith('application/json') === true ? JSON.parse(text) : text;
  return { status: reply.status, code: reply.ok ? null : ((value as ErrorReply).error?.code ?? null), value };
}

/** A list of another site's things is empty: it says no more of them than that there are none to be seen. */
const isEmpty = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  Object.values(value).some((member) => Array.isArray(member) && member.length === 0);

async function check(who: string, operation: Operation, token: string | null, wanted: Verdict): Promise<void> {
  const { status, code, value } = await ask(operation, token, wanted === 'allowed' && usesUp(operation));
  const said = `${who}: ${operation.name} answered ${status} ${code ?? ''}, which is not ${wanted}`;
  switch (wanted) {
    case 'signIn':
      return assert.deepEqual([status, code], [401, 'SIGN_IN_REQUIRED'], said);
    case 'forbidden':
      refusals += 1;
      return assert.deepEqual([status, code], [403, 'FORBIDDEN'], said);
    case 'hidden': {
      const isGone = status === 404 && code === 'NOT_FOUND';
      refusals += isGone ? 1 : 0;
      return assert.ok(isGone || (status === 200 && operation.method === 'GET' && isEmpty(value)), said);
    }
    case 'allowed':
      assert.ok(status < 500 && !DENIED.has(code ?? ''), said);
      // what was made a moment ago is there; what is the caller's own alone was made up
      assert.ok(code !== 'NOT_FOUND' || /passkeyId|sessionId|\/api\/me\/totp|activate/.test(operation.path), said);
  }
}

/** Ends the session that asks: asked last. */
const ENDS = 'DELETE /api/sessions/current';

test('every route has its row in the table, and every row that says so its route', () => {
  assert.ok(operations.length >= 100, String(operations.length));
  for (const { name, action } of operations) assert.ok(Object.hasOwn(PERMISSIONS, action), name);
  const used = new Set<string>(operations.map(({ action }) => action));
  const rest = Object.keys(PERMISSIONS).filter((action) => !used.has(action));
  // of the live feed, and of machines that go another way
  assert.deepEqual(rest, ['live.watch', 'machine.stop', 'machine.start']);
});

for (const who of STRANGERS) {
  test(`${who}: gets nothing but what anyone may have`, async () => {
    for (const operation of operations) {
      if (operation.action === 'device.speak' || permissionOf(operation.action).who === 'anyone') continue;
      await check(who, operation, tokens.get(who) ?? null, expected(who, operation.action));
    }
  });
}

for (const who of KNOWN) {
  test(`${who}: may do what the table says, and nothing else`, async () => {
    for (const operation of operations) {
      if (operation.action === 'device.speak' || operation.name === ENDS) continue;
      if (permissionOf(operation.action).who === 'anyone') continue;
      await check(who, operation, tokens.get(who) ?? null, expected(who, operation.action));
    }
  });
}

test('what was refused to somebody has one row in the audit, with who it was', async () => {
  const userIds = [...people.values()].map(({ userId }) => userId);
  const [row] = await muster.sql<{ count: string }>(
    "SELECT count(*) FROM audit_entries WHERE outcome = 'denied' AND actor_id = ANY($1)",
    [userIds],
  );
  assert.equal(Number(row?.count), refusals);
  assert.ok(refusals > 300, String(refusals));
});

test('a key does what it was made for, and nothing else', async () => {
  const { siteId } = muster;
  const [reader, other] = await Promise.all([
    muster.call<ApiKeyCreated>('POST', '/api/api-keys', { siteId, name: 'R', actions: ['group.read'] }),
    muster.call<ApiKeyCreated>('POST', '/api/api-keys', { siteId, name: 'O', actions: ['twin.read'] }),
  ]);
  for (const operation of operations) {
    if (permissionOf(operation.action).who === 'anyone' || operation.action === 'group.read') continue;
    const { code } = await ask(operation, reader.secret, false);
    assert.equal(code, 'FORBIDDEN', `${operation.name} for a key that may only group.read`);
  }
  for (const operation of operations.filter(({ action }) => action === 'group.read')) {
    assert.equal((await ask(operation, reader.secret)).code, null, operation.name);
    assert.equal((await ask(operation, other.secret)).code, 'FORBIDDEN', operation.name);
  }
});

test('every action that a key can have is allowed to a key that has it', async () => {
  const keyed = (Object.keys(PERMISSIONS) as Action[]).filter((action) => permissionOf(action).keys === true);
  const isOfServer = (action: Action): boolean => permissionOf(action).who === 'administrator';
  for (const [siteId, actions] of [
    [muster.siteId, keyed.filter((action) => !isOfServer(action))],
    [null, keyed],
  ] as const) {
    const { secret } = await muster.call<ApiKeyCreated>('POST', '/api/api-keys', { siteId, name: 'All', actions });
    for (const operation of operations.filter(({ action }) => actions.includes(action))) {
      const { status, code } = await ask(operation, secret);
      assert.ok(
        status < 500 && !DENIED.has(code ?? '') && code !== 'NOT_FOUND',
        `${operation.name} answered ${status} ${code}`,
      );
    }
  }
});

test('devices are known by their own token, and by nothing that people have', async () => {
  const speaking = operations.filter(({ action, path }) => action === 'device.speak' && path.startsWith('/device/'));
  assert.ok(speaking.length >= 6);
  for (const operation of speaking) {
    for (const who of ['nobody', 'administrator', 'owner']) {
      const { status, code } = await ask(operation, tokens.get(who) ?? null);
      assert.deepEqual([status, code], [401, 'DEVICE_TOKEN_INVALID'], `${who}: ${operation.name}`);
    }
    const { status } = await ask(operation, tokens.get('device') ?? null);
    assert.ok(status !== 401 && status !== 403 && status < 500, `${operation.name} answered ${status}`);
  }
});

test('what asks for a fresh proof refuses an old one, and takes it again after a proof', async () => {
  const owner = await muster.person('administrator');
  await muster.sql('UPDATE sessions SET proved_at = 0 WHERE user_id = $1', [owner.userId]);
  const guarded = operations.filter(({ action }) => permissionOf(action).stepUp === true);
  assert.ok(guarded.length >= 8);
  for (const operation of guarded) {
    for (const everywhere of [false, true]) {
      const { code } = await ask(operation, owner.token, false, everywhere);
      assert.equal(code, 'STEP_UP_REQUIRED', `${operation.name}${everywhere ? ', of every site' : ''}`);
    }
  }
  await owner.call('POST', '/api/me/proof', { proof: { kind: 'password', password: owner.password } });
  for (const operation of guarded) {
    assert.notEqual((await ask(operation, owner.token)).code, 'STEP_UP_REQUIRED', operation.name);
  }
});

test('who signed out is nobody', async () => {
  const operation = operations.find(({ name }) => name === ENDS);
  assert.ok(operation !== undefined);
  const { email, password } = people.get('viewer') ?? { email: '', password: '' };
  const { token } = await muster.call<SessionReply>('POST', '/api/sessions', { email, password });
  await check('viewer', operation, token, 'allowed');
  await check('viewer', operation, token, 'signIn');
});

test('what was changed, exported or read of people has rows in the audit', async () => {
  const rows = await muster.sql<{ action: string }>(
    "SELECT DISTINCT action FROM audit_entries WHERE outcome = 'succeeded'",
  );
  const found = new Set(rows.map(({ action }) => action));
  const audited = new Set(
    operations.map(({ action }) => action).filter((action) => permissionOf(action).audit !== undefined),
  );
  // these need somebody who signs in, a device that is here, or a certificate: their own tests have them
  for (const other of ['account.begin', 'device.activate', 'device.announce', 'certificate.bind'] as const) {
    audited.delete(other);
  }
  assert.deepEqual(
    [...audited].filter((action) => !found.has(action)),
    [],
  );
});
