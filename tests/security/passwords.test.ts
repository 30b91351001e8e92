import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import type { ErrorReply, InvitationCreated, SessionReply } from '@muster/contract';
import { startTestServer, TEST_ADMINISTRATOR, type TestServer } from '@muster/server/testing';
import { createVirtualClock } from '@muster/testkit';
import { DEFAULTS } from '../../packages/server/src/accounts/passwords/defaults.fixture.ts';

/** Passwords over the wire: those that everybody knows, and those that are tried. The clock is moved, not waited for. */
let muster: TestServer;
const clock = createVirtualClock(Date.now());

before(async () => {
  // as behind a proxy: tries come from as many addresses as a test wants
  muster = await startTestServer({
    parts: { clock },
    flags: ['--http.behindProxy=true', '--accounts.requestsPerSecond=100000'],
  });
});
after(() => muster?.stop());

interface Answer {
  readonly status: number;
  readonly code: string | null;
  readonly text: string;
  readonly retryAfter: number | null;
}

async function post(path: string, body: object, address = '10.0.0.1', token: string | null = null): Promise<Answer> {
  const reply = await fetch(muster.url + path, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'x-forwarded-for': address,
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify(body),
  });
  const text = await reply.text();
  const code = reply.ok || text === '' ? null : (JSON.parse(text) as ErrorReply).error.code;
  const header = reply.headers.get('retry-after');
  return { status: reply.status, code, text, retryAfter: header === null ? null : Number(header) };
}

const tryToSignIn = (email: string, password: string, address: string): Promise<Answer> =>
  post('/api/sessions', { email, password }, address);
const WEAK = /^(PASSWORD_WEAK|PASSWORD_BREACHED|REQUEST_INVALID)$/;

test('of the well-known default passwords none can be chosen, wherever one is chosen', async () => {
  assert.ok(DEFAULTS.length >= 200, String(DEFAULTS.length));
  const invited = { siteId: muster.siteId, email: 'newcomer@example.com', role: 'viewer' };
  const { link } = await muster.call<InvitationCreated>('POST', '/api/invitations', invited);
  const token = new URL(link ?? '').searchParams.get('token');
  let accepted = 0;
  for (const password of DEFAULTS) {
    const { status, code } = await post('/api/invitations/accept', { token, name: 'Newcomer', password });
    if (status < 400) accepted += 1;
    else assert.match(code ?? '', WEAK, `${password}: ${status} ${code}`);
  }
  assert.equal(accepted, 0);

  const person = await muster.person('viewer');
  await muster.call('POST', `/api/users/${person.userId}/password-reset`);
  const reset = muster.printed.map((line) => /token=([\w-]+)/.exec(line)?.[1]).findLast((found) => found !== undefined);
  // the longest go past the rule of length, so that what is known about them decides
  for (const password of DEFAULTS.filter(({ length }) => length >= 12).slice(0, 25)) {
    const changed = await post('/api/me/password', { current: person.password, password }, '10.0.0.1', person.token);
    assert.match(changed.code ?? '', WEAK, `own: ${password}`);
    const used = await post('/api/password-resets/use', { token: reset, password });
    assert.match(used.code ?? '', WEAK, `reset: ${password}`);
  }
  // refused passwords have used up neither
  assert.equal(
    (await post('/api/password-resets/use', { token: reset, password: `${randomUUID()} kites` })).status,
    204,
  );
  const done = await post('/api/invitations/accept', { token, name: 'Newcomer', password: `${randomUUID()} kites` });
  assert.equal(done.status, 201);
});

test('two hundred default passwords open nothing, and whoever tries them waits', async () => {
  const { email } = TEST_ADMINISTRATOR;
  const outcomes = new Map<number, number>();
  for (const password of DEFAULTS.slice(0, 200)) {
    const { status, code, retryAfter } = await tryToSignIn(email, password, '10.0.0.2');
    outcomes.set(status, (outcomes.get(status) ?? 0) + 1);
    assert.match(`${status} ${code}`, /^(401 SIGN_IN_FAILED|429 RATE_LIMITED)$/, password);
    if (status === 429) assert.ok(retryAfter !== null && retryAfter >= 1, 'it says how long to wait');
  }
  assert.ok((outcomes.get(401) ?? 0) <= 10, 'ten of them were judged');
  assert.ok((outcomes.get(429) ?? 0) >= 190, 'the others were not');
  const rows = await muster.sql<{ n: number }>(
    "SELECT count(*)::int AS n FROM audit_entries WHERE reason = 'too many tries' AND outcome = 'denied'",
  );
  assert.ok((rows[0]?.n ?? 0) >= 1, 'the audit knows');
  assert.ok((rows[0]?.n ?? 0) <= 10, 'and is not filled with it');

  // its owner comes in all the same, from where they came in before
  const { status } = await tryToSignIn(email, TEST_ADMINISTRATOR.password, '127.0.0.1');
  assert.equal(status, 201);
  // whoever had to wait may try again later
  await clock.advance(16_000);
  assert.equal((await tryToSignIn(email, 'not that either', '10.0.0.2')).status, 401);
});

test('a user that there is, one that is deactivated and one that there is not get the same answer', async () => {
  const gone = await muster.person('viewer');
  await muster.call('PATCH', `/api/users/${gone.userId}`, { state: 'deactivated' });
  const there = await muster.person('viewer');
  const answers = await Promise.all(
    [there.email, gone.email, `${randomUUID()}@example.com`].map((email, nth) =>
      tryToSignIn(email, 'not the password', `10.0.1.${nth}`),
    ),
  );
  const words = answers.map(({ status, text }) => `${status} ${text.replace(/"requestId":"[^"]+"/, '')}`);
  assert.equal(new Set(words).size, 1, words.join('\n'));
  // also with the right one
  const right = await tryToSignIn(gone.email, gone.password, '10.0.1.9');
  assert.equal(`${right.status} ${right.text.replace(/"requestId":"[^"]+"/, '')}`, words[0]);
  const resets = await Promise.all(
    [there.email, `${randomUUID()}@example.com`].map((email, nth) =>
      post('/api/password-resets', { email }, `10.0.2.${nth}`),
    ),
  );
  assert.deepEqual(
    resets.map(({ status, text }) => [status, text]),
    [resets[0], resets[0]].map((one) => [one?.status, one?.text]),
  );
});

test('failures from many addresses slow down strangers, and not where the owner has been before', async () => {
  const owner = await muster.person('operator');
  const home = '192.0.2.7';
  assert.equal((await tryToSignIn(owner.email, owner.password, home)).status, 201);
  let refused = 0;
  for (let nth = 0; nth < 60; nth++) {
    const { status } = await tryToSignIn(owner.email, `guess ${nth} of many`, `10.2.${nth}.1`);
    if (status === 429) refused += 1;
  }
  assert.ok(refused >= 25, `${refused} of 60 were slowed down`);
  const back = await tryToSignIn(owner.email, owner.password, home);
  assert.equal(back.status, 201);
  const session = JSON.parse(back.text) as SessionReply;
  assert.equal(session.user.email, owner.email);
});
