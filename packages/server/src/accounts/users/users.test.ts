import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { InvitationCreated, MemberList, MeReply, SessionReply } from '@muster/contract';
import { startTestServer, type TestServer } from '../../testing.ts';
import { readEmail, readPersonName } from './email.ts';

let muster: TestServer;
before(async () => {
  muster = await startTestServer();
});
after(() => muster.stop());

const code = (expected: string) => (error: unknown) => (error as { code?: string }).code === expected;
const tokenOf = (link: string | null | undefined): string =>
  new URL(link ?? 'http://none').searchParams.get('token') ?? '';
const resetLinks = (email: string): string[] =>
  muster.printed.filter((line) => line.includes(`<${email}>`)).map((line) => line.slice(line.lastIndexOf('http')));

async function ask(method: string, path: string, body: unknown): Promise<{ status: number; text: string }> {
  const headers = { 'content-type': 'application/json' };
  const reply = await fetch(muster.url + path, { method, headers, body: JSON.stringify(body) });
  return { status: reply.status, text: await reply.text() };
}

test('of two owners who demote each other at the same moment one stays', async () => {
  const { siteId } = await muster.call<{ siteId: string }>('POST', '/api/sites', { name: 'Race', kind: 'home' });
  const [one, two] = [await muster.person('owner', siteId), await muster.person('owner', siteId)];
  const { members } = await muster.call<MemberList>('GET', `/api/sites/${siteId}/members`);
  for (const { userId } of members) {
    if (userId !== one.userId && userId !== two.userId) {
      await muster.call('DELETE', `/api/sites/${siteId}/members/${userId}`);
    }
  }
  await Promise.allSettled([
    one.call('PATCH', `/api/sites/${siteId}/members/${two.userId}`, { role: 'viewer' }),
    two.call('PATCH', `/api/sites/${siteId}/members/${one.userId}`, { role: 'viewer' }),
  ]);
  const left = await muster.call<MemberList>('GET', `/api/sites/${siteId}/members`);
  const owners = left.members.filter(({ role }) => role === 'owner');
  assert.equal(owners.length, 1);
  const path = `/api/sites/${siteId}/members/${owners[0]?.userId}`;
  await assert.rejects(muster.call('PATCH', path, { role: 'viewer' }), code('LAST_OWNER'));
  await assert.rejects(muster.call('DELETE', path), code('LAST_OWNER'));
  const state = { state: 'deactivated' };
  await assert.rejects(muster.call('PATCH', `/api/users/${owners[0]?.userId}`, state), code('LAST_OWNER'));
});

test('the last administrator stays one', async () => {
  const { user } = await muster.call<MeReply>('GET', '/api/me');
  const change = { administrator: false };
  await assert.rejects(muster.call('PATCH', `/api/users/${user.userId}`, change), code('LAST_ADMINISTRATOR'));
});

test('an invitation works once, and only signed in for an address that has an account', async () => {
  const email = 'once@example.com';
  const wanted = { email, siteId: muster.siteId, role: 'viewer' };
  const { link } = await muster.call<InvitationCreated>('POST', '/api/invitations', wanted);
  const body = { token: tokenOf(link), name: 'Once', password: 'seven green lanterns sing' };
  const both = await Promise.all([
    ask('POST', '/api/invitations/accept', body),
    ask('POST', '/api/invitations/accept', body),
  ]);
  assert.equal(both.filter(({ status }) => status === 201).length, 1);
  const { user } = JSON.parse(both.find(({ status }) => status === 201)?.text ?? '{}') as SessionReply;
  assert.deepEqual([user.email, user.administrator, user.support], [email, false, false]);

  const more = { email: 'ONCE@example.com', deploymentRole: 'support' };
  const second = await muster.call<InvitationCreated>('POST', '/api/invitations', more);
  const refused = await ask('POST', '/api/invitations/accept', { ...body, token: tokenOf(second.link) });
  assert.match(refused.text, /SIGN_IN_REQUIRED/);
});

test('an owner can invite to their site only, and to nothing on the whole server', async () => {
  const owner = await muster.person('owner');
  const email = 'more@example.com';
  const rights = { email, deploymentRole: 'administrator' };
  await assert.rejects(owner.call('POST', '/api/invitations', rights), code('FORBIDDEN'));
  const { siteId } = await muster.call<{ siteId: string }>('POST', '/api/sites', { name: 'Other', kind: 'home' });
  await assert.rejects(owner.call('POST', '/api/invitations', { email, siteId, role: 'viewer' }), code('NOT_FOUND'));
});

test('an invitation is not sent again without end', async () => {
  const { siteId } = await muster.call<{ siteId: string }>('POST', '/api/sites', { name: 'Letters', kind: 'home' });
  const wanted = { email: 'flooded@example.com', siteId, role: 'viewer' };
  const { invitation } = await muster.call<InvitationCreated>('POST', '/api/invitations', wanted);
  const path = `/api/invitations/${invitation.invitationId}/again`;
  for (let nth = 1; nth < 200; nth++) await muster.call('POST', path);
  await assert.rejects(muster.call('POST', path), code('RATE_LIMITED'));
});

test('a reset link is printed for the administrator, is in no answer, works once and ends all sessions', async () => {
  const person = await muster.person('viewer');
  const known = await ask('POST', '/api/password-resets', { email: person.email });
  const unknown = await ask('POST', '/api/password-resets', { email: 'nobody-here@example.com' });
  assert.deepEqual(known, unknown);
  while (resetLinks(person.email).length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  const body = { token: tokenOf(resetLinks(person.email)[0]), password: 'nine quiet rivers bend' };
  assert.equal((await ask('POST', '/api/password-resets/use', body)).status, 204);
  assert.match((await ask('POST', '/api/password-resets/use', body)).text, /LINK_INVALID/);
  await assert.rejects(person.call('GET', '/api/me'), code('SIGN_IN_REQUIRED'));

  const rows = JSON.stringify(await muster.sql('SELECT * FROM audit_entries'));
  assert.ok(rows.includes('account.reset'));
  for (const secret of [body.token, body.password, person.password, person.token]) assert.ok(!rows.includes(secret));
});

test('a change of the password ends all other sessions, and needs the one before', async () => {
  const { email, password, token, call } = await muster.person('viewer');
  const other = await ask('POST', '/api/sessions', { email, password });
  const wrong = { current: 'not this one at all', password: 'eleven tall towers lean' };
  await assert.rejects(call('POST', '/api/me/password', wrong), code('FACTOR_WRONG'));
  await call('POST', '/api/me/password', { ...wrong, current: password });
  assert.equal((await call<MeReply>('GET', '/api/me')).user.email, email);
  const otherToken = (JSON.parse(other.text) as SessionReply).token;
  assert.notEqual(otherToken, token);
  const reply = await fetch(`${muster.url}/api/me`, { headers: { authorization: `Bearer ${otherToken}` } });
  assert.equal(reply.status, 401);
});

test('nobody registers where that is off', async () => {
  const body = { email: 'self@example.com' };
  assert.match((await ask('POST', '/api/registrations', body)).text, /REGISTRATION_CLOSED/);
});

test('where it is on, whoever opens the link chooses the password, and belongs to nothing', async (t) => {
  const open = await startTestServer({ flags: ['--accounts.selfRegistration=true'] });
  t.after(() => open.stop());
  const post = async (path: string, body: object): Promise<Response> =>
    fetch(open.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  assert.equal((await post('/api/registrations', { email: 'self@example.com', role: 'owner' })).status, 400);
  const [fresh, taken] = await Promise.all([
    post('/api/registrations', { email: 'self@example.com' }),
    post('/api/registrations', { email: 'ada@example.com' }),
  ]);
  assert.deepEqual([fresh.status, await fresh.text()], [taken.status, await taken.text()]);
  assert.equal(open.printed.length, 1);
  const token = tokenOf(open.printed[0]?.slice(open.printed[0].lastIndexOf('http')));
  const accept = { token, name: 'Self', password: 'seven green lanterns sing' };
  const reply = (await (await post('/api/invitations/accept', accept)).json()) as SessionReply;
  assert.deepEqual([reply.user.administrator, reply.user.support], [false, false]);
  const me = await fetch(`${open.url}/api/me`, { headers: { authorization: `Bearer ${reply.token}` } });
  assert.deepEqual(((await me.json()) as MeReply).memberships, []);
});

test('an invitation of somebody who may not invite any more is void', async () => {
  const { siteId } = await muster.call<{ siteId: string }>('POST', '/api/sites', { name: 'Left', kind: 'home' });
  const leaves = await muster.person('owner', siteId);
  const wanted = { email: 'own-back-door@example.com', siteId, role: 'owner' };
  const { link } = await leaves.call<InvitationCreated>('POST', '/api/invitations', wanted);
  await muster.call('DELETE', `/api/sites/${siteId}/members/${leaves.userId}`);
  const body = { token: tokenOf(link), name: 'Back', password: 'seven green lanterns sing' };
  assert.match((await ask('POST', '/api/invitations/accept', body)).text, /INVITATION_INVALID/);
});

test('addresses and names that look like others are refused', () => {
  for (const email of [
    '\u0430da@example.com',
    'ad\u0251@example.com',
    'a\u200bda@example.com',
    '\u217fda@example.com',
  ]) {
    assert.throws(() => readEmail(email), code('REQUEST_INVALID'), email);
  }
  assert.equal(readEmail('ada@ex\u0430mple.com'), 'ada@xn--exmple-4nf.com');
  for (const name of ['A\u200bda', 'A\u200dda', 'Ada\u202e', 'Ada\u2066', 'A\ufeffda', ' ']) {
    assert.throws(() => readPersonName(name), code('REQUEST_INVALID'), name);
  }
  assert.equal(readPersonName('می\u200cنا'), 'می\u200cنا');
});
