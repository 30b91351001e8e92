import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createVirtualClock } from '@muster/testkit';
import { createTestDatabase } from '../../platform/db/test-database.fixture.ts';
import { createUsers } from '../users/users.ts';
import { createSessions, type Sessions } from './sessions.ts';

let database: Awaited<ReturnType<typeof createTestDatabase>>;
let sessions: Sessions;
const clock = createVirtualClock(1_000_000);
const PERSON = { email: 'ada@example.com', name: 'Ada', password: 'correct horse battery' };

before(async () => {
  database = await createTestDatabase();
  const users = createUsers({ db: database.for(), clock });
  sessions = createSessions({ db: database.for(), clock, users });
  await users.setUp({ ...PERSON, token: (await users.setupToken()) ?? '' });
});
after(() => database.stop());

const signIn = async (): Promise<string> => (await sessions.signIn(PERSON, { address: 'here', userAgent: null })).token;

test('many requests at once are each answered for their own session', async () => {
  const [one, two] = [await signIn(), await signIn()];
  const asked = [one, 'nonsense', two, '', one];
  const found = await Promise.all(asked.map((token) => sessions.of(token)));
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
    while (asking) await Promise.all([sessions.of(stays), sessions.of(goes)]);
  })();
  for (let nth = 0; nth < 20; nth++) assert.ok((await sessions.of(goes)) !== null);
  await sessions.end(goes);
  const next = await Promise.all(Array.from({ length: 20 }, () => sessions.of(goes)));
  assert.ok(next.every((session) => session === null));
  assert.ok((await sessions.of(stays)) !== null);
  asking = false;
  await others;
});

test('a session ends with its time', async () => {
  const token = await signIn();
  await clock.advance(30 * 24 * 3_600_000 - 1);
  assert.ok((await sessions.of(token)) !== null);
  await clock.advance(1);
  assert.equal(await sessions.of(token), null);
});
