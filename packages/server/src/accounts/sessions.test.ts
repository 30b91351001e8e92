import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createVirtualClock } from '@muster/testkit';
import { createTestDatabase } from '../platform/db/test-database.fixture.ts';
import { type Accounts, createAccounts } from './accounts.ts';

let database: Awaited<ReturnType<typeof createTestDatabase>>;
let accounts: Accounts;
const clock = createVirtualClock(1_000_000);
const PERSON = { email: 'ada@example.com', name: 'Ada', password: 'correct horse battery' };

before(async () => {
  database = await createTestDatabase();
  accounts = createAccounts({ db: database.for(), clock });
  await accounts.setUp({ ...PERSON, token: (await accounts.setupToken()) ?? '' });
});
after(() => database.stop());

const signIn = async (): Promise<string> => (await accounts.signIn(PERSON, 'here')).token;

test('many requests at once are each answered for their own session', async () => {
  const [one, two] = [await signIn(), await signIn()];
  const asked = [one, 'nonsense', two, '', one];
  const found = await Promise.all(asked.map((token) => accounts.session(token)));
  assert.deepEqual(
    found.map((session) => session?.user.name ?? null),
    ['Ada', null, 'Ada', null, 'Ada'],
  );
});

test('who has signed out is refused at the next request, however many are being answered', async () => {
  const [stays, goes] = [await signIn(), await signIn()];
  let asking = true;
  // requests of others keep a query on its way all the time
  const others = (async () => {
    while (asking) await Promise.all([accounts.session(stays), accounts.session(goes)]);
  })();
  for (let nth = 0; nth < 20; nth++) assert.ok((await accounts.session(goes)) !== null);
  await accounts.signOut(goes);
  const next = await Promise.all(Array.from({ length: 20 }, () => accounts.session(goes)));
  assert.ok(next.every((session) => session === null));
  assert.ok((await accounts.session(stays)) !== null);
  asking = false;
  await others;
});

test('a session ends with its time', async () => {
  const token = await signIn();
  await clock.advance(30 * 24 * 3_600_000 - 1);
  assert.ok((await accounts.session(token)) !== null);
  await clock.advance(1);
  assert.equal(await accounts.session(token), null);
});
