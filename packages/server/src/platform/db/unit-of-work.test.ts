import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { createGather } from '../gather.ts';
import { createTestDatabase } from './test-database.fixture.ts';
import { inTransaction } from './transaction.ts';
import { afterCommit, inOneUnit, inUnit, openUnit } from './unit-of-work.ts';

interface Tables {
  notes: { n: number };
}
let database: Awaited<ReturnType<typeof createTestDatabase>>;

before(async () => {
  database = await createTestDatabase();
  await database.pool.query('CREATE TABLE notes (n int PRIMARY KEY)');
});
beforeEach(() => database.pool.query('TRUNCATE notes'));
after(() => database.stop());

const db = () => database.for<Tables>();
const write = (n: number) => db().insertInto('notes').values({ n }).execute();
const read = async (): Promise<number[]> => {
  const rows = await db().selectFrom('notes').select('n').orderBy('n').execute();
  return rows.map(({ n }) => n);
};

test('what is done in a unit, by whatever means, is stored together', async () => {
  const told: string[] = [];
  await inOneUnit(async () => {
    await write(1);
    await database.pool.query('INSERT INTO notes VALUES (2)');
    await inTransaction(database.pool, (client) => client.query('INSERT INTO notes VALUES (3)'));
    await db()
      .transaction()
      .execute((tx) => tx.insertInto('notes').values({ n: 4 }).execute());
    await Promise.all([write(5), write(6), write(7)]);
    afterCommit(() => told.push('committed'));
    assert.deepEqual(await read(), [1, 2, 3, 4, 5, 6, 7]);
    assert.deepEqual(told, []);
  });
  assert.deepEqual(await read(), [1, 2, 3, 4, 5, 6, 7]);
  assert.deepEqual(told, ['committed']);
});

test('nobody else sees it before, and nothing is left when it fails', async () => {
  const told: string[] = [];
  const { promise: looked, resolve: look } = Promise.withResolvers<void>();
  const { promise: written, resolve: wrote } = Promise.withResolvers<void>();
  const unit = inOneUnit(async () => {
    await write(1);
    afterCommit(() => told.push('committed'));
    wrote();
    await looked;
    throw new TypeError('changed my mind');
  });
  await written;
  assert.equal(inUnit(), false);
  assert.deepEqual(await read(), []);
  look();
  await assert.rejects(unit, TypeError);
  assert.deepEqual(await read(), []);
  assert.deepEqual(told, []);
});

test('a transaction inside that fails takes back only its own part', async () => {
  await inOneUnit(async () => {
    await write(1);
    const inner = inTransaction(database.pool, async (client) => {
      await client.query('INSERT INTO notes VALUES (2)');
      await client.query('INSERT INTO notes VALUES (1)');
    });
    await assert.rejects(inner, /duplicate key/);
    await write(3);
  });
  assert.deepEqual(await read(), [1, 3]);
});

test('a commit that PostgreSQL made a roll-back of is an error', async () => {
  const unit = inOneUnit(async () => {
    await write(1);
    await write(1).catch(() => undefined);
  });
  await assert.rejects(unit);
  assert.deepEqual(await read(), []);
});

test('work that outlives the unit uses a connection of its own', async () => {
  let late: Promise<unknown> | undefined;
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  await inOneUnit(async () => {
    await write(1);
    late = ended.then(() => write(2));
  });
  end();
  await late;
  assert.deepEqual(await read(), [1, 2]);
});

test('gathered look-ups of a unit see what it stored; those of others do not', async () => {
  const find = createGather<number, boolean>(async (keys) => {
    const rows = await db().selectFrom('notes').select('n').where('n', 'in', keys).execute();
    return new Map(rows.map(({ n }) => [n, true]));
  });
  const { promise: looked, resolve: look } = Promise.withResolvers<void>();
  const { promise: written, resolve: wrote } = Promise.withResolvers<void>();
  const unit = inOneUnit(async () => {
    await write(1);
    assert.equal(await find(1), true);
    wrote();
    await looked;
  });
  await written;
  assert.equal(await find(1), undefined);
  look();
  await unit;
  assert.equal(await find(1), true);
});

test('more units than connections wait for each other and all end', async () => {
  await Promise.all(
    Array.from({ length: 20 }, (_, n) =>
      inOneUnit(async () => {
        await write(n);
        await inTransaction(database.pool, (client) => client.query('INSERT INTO notes VALUES ($1)', [100 + n]));
      }),
    ),
  );
  assert.equal((await read()).length, 40);
});

test('a unit that did nothing takes no connection, and ends once', async () => {
  const { promise, resolve } = Promise.withResolvers<number>();
  openUnit(async (unit) => {
    await unit.commit();
    await unit.rollback();
    resolve(database.pool.totalCount - database.pool.idleCount);
  });
  assert.equal(await promise, 0);
});
