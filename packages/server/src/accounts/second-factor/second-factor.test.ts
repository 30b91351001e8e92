import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import type { PasskeyAnswer, PasskeyRegistration } from '@muster/contract';
import { type AnswerAs, type Authenticator, createAuthenticator, createVirtualClock } from '@muster/testkit';
import { Secret, TOTP } from 'otpauth';
import { createTestDatabase } from '../../platform/db/test-database.fixture.ts';
import { newId } from '../../platform/ids.ts';
import { createSecondFactor, placeOf, type SecondFactor } from './index.ts';

let database: Awaited<ReturnType<typeof createTestDatabase>>;
let factors: SecondFactor;
const clock = createVirtualClock(1_800_000_000_000);
const place = { origin: 'https://muster.example.com', host: 'muster.example.com' };

interface User {
  readonly userId: string;
  readonly email: string;
  readonly name: string;
}
let ann: User;
let bob: User;

async function user(name: string): Promise<User> {
  const userId = newId(clock.now());
  const email = `${name}-${userId}@example.com`;
  await database.pool.query(
    "INSERT INTO users (user_id, email, email_key, name, password_hash, created_at) VALUES ($1, $2, $2, $3, '', 0)",
    [userId, email, name],
  );
  return { userId, email, name };
}

before(async () => {
  database = await createTestDatabase();
  factors = createSecondFactor({ db: database.for(), clock, vault: database.vault });
});
after(() => database.stop());
beforeEach(async () => {
  ann = await user('ann');
  bob = await user('bob');
});

const codeOf = (secret: string, at = clock.now()): string =>
  new TOTP({ secret: Secret.fromBase32(secret) }).generate({ timestamp: at });

async function withApp(of: User): Promise<{ secret: string; recovery: readonly string[] }> {
  const { secret } = await factors.beginTotp(of);
  const { recoveryCodes } = await factors.confirmTotp(of.userId, codeOf(secret));
  await clock.advance(30_000);
  return { secret, recovery: recoveryCodes ?? [] };
}

test('an app counts once a code of it was typed, and each code is taken once', async () => {
  const { secret, uri, qr } = await factors.beginTotp(ann);
  assert.match(uri, /^otpauth:\/\/totp\/Muster/);
  assert.match(qr, /^<svg/);
  assert.equal(await factors.takeTotp(ann.userId, codeOf(secret)), false);
  assert.equal(await factors.has(ann.userId), false);
  const { recoveryCodes } = await factors.confirmTotp(ann.userId, codeOf(secret));
  assert.equal(recoveryCodes?.length, 10);
  assert.equal(await factors.has(ann.userId), true);

  assert.equal(await factors.takeTotp(ann.userId, codeOf(secret)), false, 'the code that confirmed');
  await clock.advance(30_000);
  const code = codeOf(secret);
  assert.deepEqual(
    (await Promise.all(Array.from({ length: 10 }, () => factors.takeTotp(ann.userId, code)))).filter(Boolean).length,
    1,
    'ten at the same moment',
  );
});

test('a code of a clock that is 30 s off is right, of 60 s not; of another user never', async () => {
  const { secret } = await withApp(ann);
  await withApp(bob);
  const code = (offsetMs: number) => codeOf(secret, clock.now() + offsetMs);
  assert.equal(await factors.takeTotp(bob.userId, code(0)), false);
  assert.equal(await factors.takeTotp(ann.userId, code(-60_000)), false);
  assert.equal(await factors.takeTotp(ann.userId, code(60_000)), false);
  assert.equal(await factors.takeTotp(ann.userId, code(30_000)), true);
  assert.equal(await factors.takeTotp(ann.userId, code(0)), false, 'older than one that was taken');
});

test('a second app does not take the place of the first', async () => {
  await withApp(ann);
  await assert.rejects(factors.beginTotp(ann), { code: 'CONFLICT' });
  await factors.removeTotp(ann.userId);
  assert.equal(await factors.has(ann.userId), false);
  await assert.rejects(factors.removeTotp(ann.userId), { code: 'NOT_FOUND' });
});

test('a recovery code works once, however it is typed, and only for its owner', async () => {
  const { recovery } = await withApp(ann);
  await withApp(bob);
  const [first = '', second = ''] = recovery;
  assert.equal(await factors.takeRecoveryCode(bob.userId, first), false);
  assert.equal(await factors.takeRecoveryCode(ann.userId, ` ${first.toLowerCase().replaceAll('-', ' ')} `), true);
  assert.equal(await factors.takeRecoveryCode(ann.userId, first), false);
  assert.deepEqual(await factors.factorsOf(ann.userId).then(({ recoveryCodesLeft }) => recoveryCodesLeft), 9);
  await factors.newRecoveryCodes(ann.userId);
  assert.equal(await factors.takeRecoveryCode(ann.userId, second), false);
  await factors.removeTotp(ann.userId);
  assert.equal((await factors.factorsOf(ann.userId)).recoveryCodesLeft, 0, 'codes for no factor');
  await assert.rejects(factors.newRecoveryCodes(ann.userId), { code: 'CONFLICT' });
});

async function register(of: User, as: Partial<AnswerAs> = {}): Promise<Authenticator> {
  const device = createAuthenticator();
  const options = await factors.passkeys.registrationOptions(of, place);
  const answer = device.create(options, { origin: place.origin, ...as }) as unknown as PasskeyRegistration;
  await factors.addPasskey(of, 'Key', answer, place);
  return device;
}

const answerOf = (device: Authenticator, options: Record<string, unknown>, as: Partial<AnswerAs> = {}): PasskeyAnswer =>
  device.get(options, { origin: place.origin, ...as }) as unknown as PasskeyAnswer;

test('a passkey says who it is, and proves it for its owner only', async () => {
  const device = await register(ann);
  await register(bob);
  const options = await factors.passkeys.requestOptions(null, place);
  assert.equal(await factors.passkeys.identify(answerOf(device, options), place), ann.userId);

  const forAnn = await factors.passkeys.requestOptions(ann.userId, place);
  assert.equal(await factors.passkeys.prove(ann.userId, answerOf(device, forAnn), place), true);
  const forBob = await factors.passkeys.requestOptions(bob.userId, place);
  assert.equal(await factors.passkeys.prove(bob.userId, answerOf(device, forBob), place), false);
});

test('without finger, face or PIN a passkey is a second factor, and does not sign in alone', async () => {
  const device = await register(ann);
  const options = await factors.passkeys.requestOptions(null, place);
  assert.equal(await factors.passkeys.identify(answerOf(device, options, { verified: false }), place), null);
  const known = await factors.passkeys.requestOptions(ann.userId, place);
  assert.equal(await factors.passkeys.prove(ann.userId, answerOf(device, known, { verified: false }), place), true);
});

test('what was recorded, made up, or made for another place is not right', async () => {
  const device = await register(ann);
  const asked = () => factors.passkeys.requestOptions(ann.userId, place);
  const prove = (answer: PasskeyAnswer) => factors.passkeys.prove(ann.userId, answer, place);

  const options = await asked();
  const answer = answerOf(device, options);
  assert.equal(await prove(answer), true);
  assert.equal(await prove(answer), false, 'played again');
  assert.equal(await prove(answerOf(device, await asked(), { challenge: 'AAAA' })), false, 'a challenge of its own');
  assert.equal(
    await prove(answerOf(device, await asked(), { origin: 'https://muster.example.org' })),
    false,
    'phishing',
  );
  assert.equal(await prove(answerOf(device, await asked(), { rpId: 'example.org' })), false, 'another host');
  assert.equal(await prove(answerOf(device, await asked(), { counter: 1 })), false, 'a copy with an old counter');
  assert.equal(await prove(answerOf(createAuthenticator(), await asked())), false, 'unknown');
  const signIn = await factors.passkeys.requestOptions(null, place);
  assert.equal(await prove(answerOf(device, signIn)), false, 'a challenge for signing in');
  const late = await asked();
  await clock.advance(5 * 60_000 + 1);
  assert.equal(await prove(answerOf(device, late)), false, 'too late');
  const torn = answerOf(device, await asked());
  assert.equal(await prove({ ...torn, response: { ...torn.response, signature: 'AAAA' } }), false, 'a torn signature');
  assert.equal(
    await prove({ ...torn, response: { ...torn.response, clientDataJSON: 'e30' } }),
    false,
    'no client data',
  );
});

test('a passkey is registered once, by an answer to what was asked', async () => {
  await assert.rejects(register(ann, { origin: 'https://evil.example' }), { code: 'FACTOR_WRONG' });
  await assert.rejects(register(ann, { challenge: 'AAAA' }), { code: 'FACTOR_WRONG' });
  const device = createAuthenticator();
  const add = async (of: User) => {
    const options = await factors.passkeys.registrationOptions(of, place);
    const answer = device.create(options, { origin: place.origin }) as unknown as PasskeyRegistration;
    return factors.addPasskey(of, 'Key', answer, place);
  };
  const { factors: made, recoveryCodes } = await add(ann);
  assert.equal(recoveryCodes?.length, 10);
  await assert.rejects(add(bob), { code: 'CONFLICT' });
  const [passkey] = made.passkeys;
  assert.ok(passkey !== undefined);
  assert.equal((await factors.passkeys.rename(ann.userId, passkey.passkeyId, ' Blue ')).name, 'Blue');
  await assert.rejects(factors.passkeys.rename(bob.userId, passkey.passkeyId, 'Mine'), { code: 'NOT_FOUND' });
  await assert.rejects(factors.removePasskey(bob.userId, passkey.passkeyId), { code: 'NOT_FOUND' });
  assert.deepEqual((await factors.removePasskey(ann.userId, passkey.passkeyId)).passkeys, []);
});

test('passkeys hang on the configured name, or on localhost, never on what a request says', () => {
  const asked = (host: string, protocol: 'http' | 'https' = 'http') => ({ host, protocol });
  assert.deepEqual(placeOf(asked('evil.example'), 'https://muster.example.com/'), place);
  assert.deepEqual(placeOf(asked('localhost:8080'), null), { origin: 'http://localhost:8080', host: 'localhost' });
  for (const host of ['evil.example', '127.0.0.1:8080', 'localhost.evil.example', '']) {
    assert.throws(() => placeOf(asked(host, 'https'), null), { code: 'PASSKEY_UNAVAILABLE' }, host);
  }
});
