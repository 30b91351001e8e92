import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { User } from '@muster/contract';
import { createVirtualClock } from '@muster/testkit';
import { createInProcessBus } from '../../platform/bus/index.ts';
import { createTestDatabase, type TestDatabase } from '../../platform/db/test-database.fixture.ts';
import { createLogger } from '../../platform/log.ts';
import { createUsers } from '../users/users.ts';
import { createSessions, type Sessions } from './sessions.ts';
import { clientOf } from './user-agent.ts';

let database: TestDatabase;
let sessions: Sessions;
let ada: User;
const clock = createVirtualClock(1_800_000_000_000);
const log = createLogger('silent');
const bus = createInProcessBus(log);
const DAY_MS = 86_400_000;
const nobody = { administrator: false, support: false, owner: false, operator: false, viewer: false, guardian: false };
const config = {
  sessionDays: 30,
  sessionIdleHours: 168,
  selfRegistration: false,
  requestsPerSecond: 1_000,
  secondFactor: nobody,
};
const here = {
  address: '192.0.2.1',
  userAgent: 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
};

before(async () => {
  database = await createTestDatabase();
  sessions = createSessions({ database, clock, bus, log, config });
  const users = createUsers({ db: database.for(), clock, bus, sessions, kindOf: async () => 'home' });
  const person = { email: 'ada@example.com', name: 'Ada', password: 'correct horse battery' };
  ada = await users.setUp({ ...person, token: (await users.setupToken()) ?? '' });
});
after(() => database.stop());

const begin = async (): Promise<string> => (await sessions.begin(ada, here)).token;

test('many requests at once are each answered for their own session', async () => {
  const [one, two] = [await begin(), await begin()];
  const asked = [one, 'nonsense', two, '', one];
  const found = await Promise.all(asked.map((token) => sessions.of(token)));
  assert.deepEqual(
    found.map((session) => session?.user.name ?? null),
    ['Ada', null, 'Ada', null, 'Ada'],
  );
});

test('who has signed out is refused at the next request, however many are being answered', async () => {
  const [stays, goes] = [await begin(), await begin()];
  let asking = true;
  // requests of others keep a query on its way all the time
  const others = (async () => {
    while (asking) await Promise.all([sessions.of(stays), sessions.of(goes)]);
  })();
  for (let nth = 0; nth < 20; nth++) assert.ok((await sessions.of(goes)) !== null);
  await sessions.endByToken(goes);
  const next = await Promise.all(Array.from({ length: 20 }, () => sessions.of(goes)));
  assert.ok(next.every((session) => session === null));
  assert.ok((await sessions.of(stays)) !== null);
  asking = false;
  await others;
});

test('a session ends with its time, and when it is left idle', async () => {
  const [used, idle] = [await begin(), await begin()];
  for (let day = 6; day <= 24; day += 6) {
    await clock.advance(6 * DAY_MS);
    assert.ok((await sessions.of(used)) !== null, `day ${day}`);
    // its last use is written without anybody waiting for it
    await database.pool.query('SELECT pg_sleep(0.05)');
  }
  assert.equal(await sessions.of(idle), null);
  await clock.advance(6 * DAY_MS);
  assert.equal(await sessions.of(used), null, 'used every week, and thirty days old');
});

test('sessions are listed with where they are from, and ended one by one or all but one', async () => {
  const told: string[] = [];
  const end = bus.subscribe('session.ended', ({ userId }) => told.push(userId));
  const current = await sessions.of(await begin());
  const other = await sessions.of(await begin());
  const third = await begin();
  const list = await sessions.list(ada.userId, current?.sessionId ?? null);
  assert.deepEqual(
    list.map(({ current: isCurrent, client, address }) => [isCurrent, client, address]),
    [
      [false, 'Firefox on Linux', '192.0.2.1'],
      [false, 'Firefox on Linux', '192.0.2.1'],
      [true, 'Firefox on Linux', '192.0.2.1'],
    ],
  );
  await sessions.end(ada.userId, other?.sessionId ?? '');
  await assert.rejects(sessions.end(ada.userId, other?.sessionId ?? ''), { code: 'NOT_FOUND' });
  assert.ok((await sessions.endAll(ada.userId, current?.sessionId)) >= 1);
  assert.equal(await sessions.of(third), null);
  assert.equal((await sessions.list(ada.userId, null)).length, 1);
  assert.deepEqual(told, [ada.userId, ada.userId]);
  end();
});

test('a client is named as people know it', () => {
  const chrome =
    'Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36';
  assert.equal(clientOf(chrome), 'Chrome on Android');
  assert.equal(clientOf('node'), 'a program');
  assert.equal(clientOf(null), 'a program');
});
