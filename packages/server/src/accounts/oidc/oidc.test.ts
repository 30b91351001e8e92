import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import type { MeReply, SessionInfo, User } from '@muster/contract';
import { Secret, TOTP } from 'otpauth';
import { readConfig } from '../../config.ts';
import { startTestServer, type TestServer } from '../../testing.ts';
import { createBrowser, type Landing } from './browser.fixture.ts';
import { createOidc } from './index.ts';
import { CLIENT, type StubProvider, startStubProvider, type Trouble } from './provider.fixture.ts';

let muster: TestServer;
let provider: StubProvider;
/** A home and a shop, named in the settings before they are made. */
const HOME = '0192f0c1-0000-7000-8000-000000000001';
const SHOP = '0192f0c1-0000-7000-8000-000000000002';
const NOWHERE = '0192f0c1-0000-7000-8000-000000000003';
const ROLES = [
  'admins=administrator',
  'help=support',
  `line=operator@${SHOP}`,
  `lead=owner@${SHOP}`,
  `eyes=viewer@${HOME}`,
  `eyes=viewer@${NOWHERE}`,
  `carers=guardian@${SHOP}`,
];

before(async () => {
  provider = await startStubProvider();
  muster = await startTestServer({
    flags: [
      `--accounts.oidc.issuer=${provider.issuer}`,
      `--accounts.oidc.clientId=${CLIENT.id}`,
      `--accounts.oidc.clientSecret=${CLIENT.secret}`,
      '--accounts.oidc.name=Stub Works',
      '--accounts.oidc.contact=it@example.com',
      `--accounts.oidc.roles=${ROLES.join()}`,
      '--accounts.secondFactor.support=true',
    ],
  });
  for (const [siteId, kind] of [
    [HOME, 'home'],
    [SHOP, 'shop'],
  ]) {
    const values = "VALUES ($1, $2, $2, 'en', 'UTC', 0)";
    const columns = '(site_id, name, kind, language, time_zone, created_at)';
    await muster.sql(`INSERT INTO sites ${columns} ${values}`, [siteId, kind]);
  }
});
after(async () => {
  await muster.stop();
  await provider.stop();
});
beforeEach(() => {
  provider.trouble = {};
});

let people = 0;
/** Somebody new at the provider. */
function somebody(...groups: string[]) {
  people += 1;
  const email = `person-${people}@works.example`;
  return { sub: `subject-${people}`, name: `Person ${people}`, email, email_verified: true, groups };
}

type Browser = ReturnType<typeof createBrowser>;
const hasSession = ({ cookies }: Browser): boolean => cookies.has('muster_session');
const meOf = async (browser: Browser): Promise<MeReply> => (await browser.api<MeReply>('GET', '/api/me')).value;
/** Role by site, with `administrator` and `support` where they are. */
async function rolesOf(browser: Browser): Promise<Record<string, string>> {
  const { user, memberships } = await meOf(browser);
  return Object.fromEntries([
    ...(['administrator', 'support'] as const).filter((role) => user[role]).map((role) => [role, 'yes']),
    ...memberships.map(({ siteId, role }) => [siteId, role]),
  ]);
}

async function signIn(person: StubProvider['person'], browser = createBrowser(muster.url)): Promise<Browser> {
  provider.person = person;
  await browser.go('/api/oidc/start');
  return browser;
}
const userOf = async ({ email }: { email: string }): Promise<User | undefined> =>
  (await muster.call<{ users: User[] }>('GET', `/api/users?search=${encodeURIComponent(email)}`)).users[0];
/** What the last try was written down as. */
async function lastTry(): Promise<{ outcome: string; reason: string | null; target_id: string | null }> {
  const [row] = await muster.sql<{ outcome: string; reason: string | null; target_id: string | null }>(
    "SELECT outcome, reason, target_id FROM audit_entries WHERE action = 'account.signIn' ORDER BY entry_id DESC LIMIT 1",
  );
  assert.ok(row !== undefined);
  return row;
}
/** Nobody came in, and the page and the audit say so. */
async function isRefused({ status, text }: Landing, browser: Browser, code: string, reason: RegExp): Promise<void> {
  const statuses: Record<string, number> = { SSO_FAILED: 401, SSO_REFUSED: 403, SSO_UNAVAILABLE: 503 };
  assert.equal(status, statuses[code], text);
  assert.match(text, /<h1>You are not signed in<\/h1>/);
  assert.equal(hasSession(browser), false);
  const { outcome, reason: why } = await lastTry();
  assert.equal(outcome, 'failed');
  assert.match(why ?? '', reason);
}

// first: what the provider says of itself is kept for an hour afterwards
for (const how of ['fails', 'never ends', 'is another issuer', 'hangs'] as const) {
  test(`a provider that ${how} is said to be out of reach, and the server goes on`, async () => {
    provider.trouble = { at: '/.well-known/openid-configuration', how };
    const browser = createBrowser(muster.url);
    const page = await browser.go('/api/oidc/start');
    assert.equal(page.status, 503);
    assert.match(page.text, /Stub Works cannot be reached.*it@example\.com/);
    if (how === 'never ends') assert.ok(provider.flooded() < 50 * 1024 * 1024, String(provider.flooded()));
    if (how === 'fails') {
      const { text } = await browser.go('/api/oidc/start', { accept: 'application/json' });
      assert.equal(JSON.parse(text).error.code, 'SSO_UNAVAILABLE');
    }
    await muster.call('GET', '/api/me');
  });
}

test('somebody whom a group makes something comes in, and the audit says how', async () => {
  provider.person = somebody('line', 'eyes', 'unknown to us');
  const browser = createBrowser(muster.url);
  const { url, status } = await browser.go('/api/oidc/start?returnTo=%2Faccount%3Flang%3Dvi%23roles');
  assert.equal(url.pathname + url.search + url.hash, '/account?lang=vi#roles');
  assert.equal(status, 200);
  assert.equal(provider.asked().get('code_challenge_method'), 'S256');
  assert.equal(provider.asked().get('redirect_uri'), `${muster.url}/api/oidc/callback`);
  assert.equal(provider.asked().get('scope'), 'openid profile email');
  assert.deepEqual(await rolesOf(browser), { [SHOP]: 'operator', [HOME]: 'viewer' });
  const { user } = await meOf(browser);
  assert.equal(user.email, `person-${people}@works.example`);
  assert.equal(user.name, `Person ${people}`);
  assert.equal(browser.cookies.has('muster_oidc'), false, 'what showed the browser is taken from it');
  const rows = await muster.sql<{ action: string; actor_kind: string; after: unknown }>(
    'SELECT action, actor_kind, after FROM audit_entries WHERE target_id = $1 ORDER BY entry_id',
    [user.userId],
  );
  assert.deepEqual(
    rows.map(({ action, actor_kind }) => `${action} ${actor_kind}`),
    ['account.link anonymous', 'member.change system', 'member.change system', 'account.signIn anonymous'],
  );
  assert.deepEqual(rows.at(-1)?.after, { by: 'sso' });
  // a link to set a password would be a way in around the provider
  const links = muster.printed.length;
  await assert.rejects(muster.call('POST', `/api/users/${user.userId}/password-reset`), { code: 'CONFLICT' });
  await muster.call('POST', '/api/password-resets', { email: user.email });
  assert.equal(muster.printed.length, links);
  await browser.api('DELETE', '/api/sessions/current');
  assert.equal((await browser.api('GET', '/api/me')).status, 401);
});

test('somebody known by their address is the same user, and is known by the subject ever after', async () => {
  const invited = await muster.person('viewer', SHOP);
  const person = { ...somebody('lead'), email: invited.email.toUpperCase() };
  const browser = await signIn(person);
  assert.equal((await meOf(browser)).user.userId, invited.userId);
  assert.deepEqual(await rolesOf(browser), { [SHOP]: 'viewer' }, 'a role given by hand stays');
  const again = await signIn({ ...person, email: 'renamed@works.example', email_verified: false, groups: [] });
  assert.equal((await meOf(again)).user.userId, invited.userId);
  assert.deepEqual(await rolesOf(again), { [SHOP]: 'viewer' });
  const other = createBrowser(muster.url);
  provider.person = { ...somebody('lead'), email: invited.email };
  await isRefused(await other.go('/api/oidc/start'), other, 'SSO_REFUSED', /another subject/);
});

test('who left a group loses its role at the next sign-in, in every open session', async () => {
  const person = somebody('admins', 'line', 'eyes');
  const first = await signIn(person);
  assert.deepEqual(await rolesOf(first), { administrator: 'yes', [SHOP]: 'operator', [HOME]: 'viewer' });
  const second = await signIn({ ...person, groups: ['lead'] });
  assert.deepEqual(await rolesOf(second), { [SHOP]: 'owner' });
  assert.deepEqual(await rolesOf(first), { [SHOP]: 'owner' });
  assert.equal((await first.api('GET', '/api/users')).status, 403);
  // the only owner of the shop stays one until there is another, whatever the groups say
  const third = await signIn({ ...person, groups: [] });
  assert.deepEqual(await rolesOf(third), { [SHOP]: 'owner' });
  const next = await muster.person('owner', SHOP);
  assert.deepEqual(await rolesOf(await signIn({ ...person, groups: [] })), {});
  // what somebody changed by hand is theirs from then on
  const { user } = await meOf(await signIn({ ...person, groups: ['line'] }));
  await next.call('PATCH', `/api/sites/${SHOP}/members/${user.userId}`, { role: 'viewer' });
  assert.deepEqual(await rolesOf(await signIn({ ...person, groups: ['line'] })), { [SHOP]: 'viewer' });
  assert.deepEqual(await rolesOf(await signIn({ ...person, groups: [] })), { [SHOP]: 'viewer' });
});

test('a role that this server has no place for is left out, and signing in goes on', async () => {
  const browser = await signIn(somebody('carers', 'eyes'));
  assert.deepEqual(await rolesOf(browser), { [HOME]: 'viewer' });
});

const strangers: readonly [what: string, person: () => StubProvider['person'], reason: RegExp][] = [
  ['no group', () => somebody('unknown to us'), /no group/],
  ['an address that is not verified', () => ({ ...somebody('line'), email_verified: false }), /no verified/],
  ['the verified address left out', () => ({ ...somebody('line'), email_verified: undefined }), /no verified/],
  ['no address', () => ({ ...somebody('line'), email: undefined }), /no verified/],
  ['a Cyrillic letter', () => ({ ...somebody('line'), email: '\u0430da@example.com' }), /no e-mail address/],
  ['wide letters', () => ({ ...somebody('line'), email: '\uff41\uff44\uff41@example.com' }), /no e-mail address/],
  ['groups left out', () => ({ ...somebody('line'), _claim_names: { groups: 'elsewhere' } }), /left out the groups/],
];
for (const [what, person, reason] of strangers) {
  test(`a stranger with ${what} stays out, and is nobody`, async () => {
    const [{ count: before } = { count: '' }] = await muster.sql<{ count: string }>('SELECT count(*) FROM users');
    const browser = createBrowser(muster.url);
    provider.person = person();
    const code = /left out/.test(reason.source) ? 'SSO_FAILED' : 'SSO_REFUSED';
    const page = await browser.go('/api/oidc/start');
    await isRefused(page, browser, code, reason);
    if (code === 'SSO_REFUSED') assert.match(page.text, /Ask it@example\.com/);
    const [{ count } = { count: '' }] = await muster.sql<{ count: string }>('SELECT count(*) FROM users');
    assert.equal(count, before);
  });
}

test('who was deactivated stays out', async () => {
  const person = somebody('line');
  await signIn(person);
  const user = await userOf(person);
  await muster.call('PATCH', `/api/users/${user?.userId}`, { state: 'deactivated' });
  const browser = createBrowser(muster.url);
  await isRefused(await browser.go('/api/oidc/start'), browser, 'SSO_REFUSED', /deactivated/);
  assert.equal((await lastTry()).target_id, user?.userId);
});

const now = (): number => Math.floor(Date.now() / 1_000);
const forged: readonly [what: string, reason: RegExp, trouble: Trouble][] = [
  ['another nonce', /"nonce"/, { claims: (claims) => ({ ...claims, nonce: 'another' }) }],
  ['no nonce', /"nonce"/, { claims: ({ nonce: _, ...claims }) => claims }],
  ['another audience', /"aud"/, { claims: (claims) => ({ ...claims, aud: 'another' }) }],
  ['a second audience', /"aud"/, { claims: (claims) => ({ ...claims, aud: [CLIENT.id, 'another'] }) }],
  ['another authorised party', /azp/, { claims: (claims) => ({ ...claims, azp: 'another' }) }],
  ['another issuer', /"iss"/, { claims: (claims) => ({ ...claims, iss: 'https://another.example' }) }],
  ['no subject', /"sub"/, { claims: ({ sub: _, ...claims }) => claims }],
  ['an end in the past', /"exp"/, { claims: (claims) => ({ ...claims, iat: now() - 900, exp: now() - 300 }) }],
  ['a beginning in the future', /iat/, { claims: (claims) => ({ ...claims, iat: now() + 300, exp: now() + 600 }) }],
  ['no signature', /"alg"/, { sign: 'none' }],
  ['the public key as a secret', /algorithm/, { sign: 'with the public key' }],
  ['the secret of the client as its key', /algorithm/, { sign: 'with the client secret' }],
  ['the signature of another key', /verification failed/, { sign: 'with another key' }],
  ['another issuer in the query', /response parameter/, { back: { iss: 'https://another.example' } }],
  ['a code that was made up', /invalid_grant/, { back: { code: 'made-up' } }],
];
for (const [what, reason, trouble] of forged) {
  test(`an answer with ${what} opens nothing`, async () => {
    provider.person = somebody('line');
    provider.trouble = trouble;
    const browser = createBrowser(muster.url);
    await isRefused(await browser.go('/api/oidc/start'), browser, 'SSO_FAILED', reason);
    assert.equal(await userOf({ email: String(provider.person.email) }), undefined);
    // the same person, without the trouble
    provider.trouble = {};
    assert.equal(hasSession(await signIn(provider.person)), true);
  });
}

test('clocks may differ by some seconds', async () => {
  provider.trouble = { claims: (claims) => ({ ...claims, iat: now() + 20, exp: now() + 600 }) };
  assert.equal(hasSession(await signIn(somebody('line'))), true);
});

for (const [how, at, reason] of [
  ['fails', '/token', /status 500/],
  ['never ends', '/token', /too long/],
] as const) {
  test(`a provider that ${how} in the middle is said to be out of reach`, async () => {
    provider.person = somebody('line');
    provider.trouble = { at, how };
    const browser = createBrowser(muster.url);
    await isRefused(await browser.go('/api/oidc/start'), browser, 'SSO_UNAVAILABLE', reason);
  });
}

const isCallback = (url: URL): boolean => url.pathname === '/api/oidc/callback';
const pathOf = ({ pathname, search }: URL): string => pathname + search;

test('an answer counts once, for the browser that left, with the state that it left with', async () => {
  const first = somebody('line');
  provider.person = first;
  const browser = createBrowser(muster.url);
  const { url } = await browser.go('/api/oidc/start', { stop: isCallback });
  const stranger = createBrowser(muster.url);
  await isRefused(await stranger.go(pathOf(url)), stranger, 'SSO_FAILED', /another browser/);
  // it is used up by the stranger's try
  await isRefused(await browser.go(pathOf(url)), browser, 'SSO_FAILED', /state/);

  const { url: next } = await browser.go('/api/oidc/start', { stop: isCallback });
  const shown = new Map(browser.cookies);
  await browser.go(pathOf(next));
  assert.equal(hasSession(browser), true);
  const thief = createBrowser(muster.url);
  for (const [name, cookie] of shown) thief.cookies.set(name, cookie);
  await isRefused(await thief.go(pathOf(next)), thief, 'SSO_FAILED', /state/);

  // a code of somebody else in one's own flow: PKCE and the nonce belong to the other
  const { url: mine } = await thief.go('/api/oidc/start', { stop: isCallback });
  const other = createBrowser(muster.url);
  const { url: theirs } = await other.go('/api/oidc/start', { stop: isCallback });
  mine.searchParams.set('code', theirs.searchParams.get('code') ?? '');
  await isRefused(await thief.go(pathOf(mine)), thief, 'SSO_FAILED', /invalid_grant/);

  const { url: late } = await thief.go('/api/oidc/start', { stop: isCallback });
  await muster.sql('UPDATE oidc_flows SET expires_at = 0');
  await isRefused(await thief.go(pathOf(late)), thief, 'SSO_FAILED', /too old/);

  for (const query of ['', '?code=code-0', '?code=code-0&state=made-up', '?error=access_denied', '?state=a&state=b']) {
    const nobody = createBrowser(muster.url);
    await isRefused(await nobody.go(`/api/oidc/callback${query}`), nobody, 'SSO_FAILED', /state/);
  }
  const { url: denied } = await thief.go('/api/oidc/start', { stop: isCallback });
  denied.searchParams.delete('code');
  denied.searchParams.set('error', 'access_denied');
  await isRefused(await thief.go(pathOf(denied)), thief, 'SSO_FAILED', /access_denied/);
});

test('nobody is sent to another host afterwards', async () => {
  const elsewhere = [
    'https://evil.example/',
    '//evil.example/',
    '/\\evil.example/',
    '\\\\evil.example',
    '/\t/evil.example/',
    '/.//evil.example/',
    '/x/..//evil.example/',
    'javascript:alert(1)',
    'account',
    ' //evil.example',
    '',
  ];
  for (const path of elsewhere) {
    const browser = createBrowser(muster.url);
    const page = await browser.go(`/api/oidc/start?returnTo=${encodeURIComponent(path)}`);
    assert.equal(page.status, 400, path);
    assert.equal(page.url.origin, muster.url);
    // nor by what somebody put into the cookie
    await browser.go('/api/oidc/start', { stop: isCallback });
    const [secret = ''] = (browser.cookies.get('muster_oidc')?.value ?? '').split('.');
    const forged = `${secret}.${Buffer.from(path).toString('base64url')}`;
    browser.cookies.set('muster_oidc', { value: forged, isStrict: false });
    const { url } = await browser.go(
      `/api/oidc/callback?state=${provider.asked().get('state')}&code=x&iss=${provider.issuer}`,
    );
    assert.equal(url.origin, muster.url);
  }
});

test('a second factor at the provider counts, and one of their own is asked for without it', async () => {
  const person = somebody('help');
  const one = await signIn(person);
  const { status, value } = await one.api<{ error: { code: string } }>('GET', '/api/devices');
  assert.deepEqual([status, value.error.code], [403, 'SECOND_FACTOR_REQUIRED']);
  const two = await signIn({ ...person, amr: ['pwd', 'mfa'] });
  assert.equal((await two.api('GET', '/api/devices')).status, 200);
  assert.equal((await one.api('GET', '/api/devices')).status, 403, 'the other session had one');

  const { secret } = (await two.api<{ secret: string }>('POST', '/api/me/totp')).value;
  const totp = new TOTP({ secret: Secret.fromBase32(secret) });
  const confirmed = await two.api<{ recoveryCodes: string[] }>('POST', '/api/me/totp/confirm', {
    code: totp.generate(),
  });
  const [recovery] = confirmed.value.recoveryCodes;
  const three = createBrowser(muster.url);
  provider.person = person;
  const { url } = await three.go('/api/oidc/start');
  assert.equal(url.pathname, '/sign-in');
  assert.equal(hasSession(three), false);
  const second = JSON.parse(Buffer.from(url.hash.replace('#second=', ''), 'base64url').toString());
  assert.deepEqual(second.ways, ['totp', 'recoveryCode']);
  const proof = { kind: 'recoveryCode', code: recovery };
  const done = await three.api('POST', '/api/sessions/finish', { pending: second.pending, proof });
  assert.equal(done.status, 201);
});

test('showing oneself to the provider again is a proof, and ends the session before', async () => {
  const person = somebody('lead');
  const browser = await signIn(person);
  const { userId } = (await meOf(browser)).user;
  const sessionsOf = async (): Promise<SessionInfo[]> =>
    (await browser.api<{ sessions: SessionInfo[] }>('GET', '/api/me/sessions')).value.sessions;
  const [before] = await sessionsOf();
  await muster.sql('UPDATE sessions SET proved_at = 0 WHERE user_id = $1', [userId]);
  const guarded = async (): Promise<number> => (await browser.api('POST', '/api/me/totp')).status;
  assert.equal(await guarded(), 403);
  assert.deepEqual((await browser.api<{ ways: string[] }>('GET', '/api/me/proof')).value.ways, []);

  // a provider that only remembers them
  provider.person = { ...person, auth_time: now() - 3_600 };
  const remembered = await browser.go('/api/oidc/start?fresh=true');
  assert.equal(remembered.status, 401);
  assert.match((await lastTry()).reason ?? '', /auth/);
  assert.equal(provider.asked().get('prompt'), 'login');
  assert.equal(provider.asked().get('max_age'), '0');
  assert.equal(await guarded(), 403);

  provider.person = { ...person, auth_time: now() };
  await browser.go('/api/oidc/start?fresh=true');
  assert.notEqual(await guarded(), 403);
  const after = await sessionsOf();
  assert.equal(after.length, 1);
  assert.notEqual(after[0]?.sessionId, before?.sessionId);
});

test('whoever tries without end must wait, and fills no audit', async () => {
  const tries = async (): Promise<number> => {
    const [row] = await muster.sql<{ count: string }>('SELECT count(*) FROM audit_entries');
    return Number(row?.count);
  };
  let status = 0;
  for (let nth = 0; nth < 700 && status !== 429; nth++) {
    status = (await fetch(`${muster.url}/api/oidc/callback?state=${nth}`)).status;
  }
  assert.equal(status, 429);
  const before = await tries();
  assert.equal((await fetch(`${muster.url}/api/oidc/callback?state=x`)).status, 429);
  assert.equal((await fetch(`${muster.url}/api/oidc/start`, { redirect: 'manual' })).status, 429);
  assert.equal(await tries(), before);
});

test('pages and programs can ask whether there is a provider', async () => {
  assert.deepEqual(await muster.call('GET', '/api/oidc'), { name: 'Stub Works' });
});

test('settings that would be unsafe or are half done are refused at the start', () => {
  const refused = [
    ['issuer', 'http://login.example.com'],
    ['issuer', 'http://localhost.example.com'],
    ['issuer', 'http://localhost@example.com/'],
    ['issuer', 'ftp://login.example.com'],
    ['roles', 'admins'],
    ['roles', 'admins=owner'],
    ['roles', `admins=administrator@${SHOP}`],
    ['roles', 'admins=root'],
  ];
  for (const [name, value] of refused) {
    assert.throws(() => readConfig([`--accounts.oidc.${name}=${value}`], {}), { code: 'CONFIG_INVALID' }, value);
  }
  const config = readConfig(['--accounts.oidc.issuer=https://login.example.com'], {}).accounts.oidc;
  type Deps = Parameters<typeof createOidc>[0];
  assert.throws(() => createOidc({ config } as Deps), { code: 'CONFIG_INVALID' });
  assert.equal(createOidc({ config: readConfig([], {}).accounts.oidc } as Deps), null);
  assert.equal(readConfig(['--accounts.oidc.issuer=http://127.0.0.1:9/realms/x'], {}).accounts.oidc.roles.length, 0);
});
