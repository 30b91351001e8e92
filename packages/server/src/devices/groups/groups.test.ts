import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Condition, codeOf, type Group, type GroupQuery } from '@muster/contract';
import { sql } from 'kysely';
import { createInProcessBus } from '../../platform/bus/index.ts';
import { systemClock } from '../../platform/clock.ts';
import { createTestDatabase } from '../../platform/db/test-database.fixture.ts';
import { newId } from '../../platform/ids.ts';
import { createLogger } from '../../platform/log.ts';
import { createDevices, type Devices } from '../devices.ts';
import { createTwins, type Twins } from '../twin/index.ts';
import { createGroups, type Groups } from './groups.ts';
import { queryCondition } from './query.ts';

let database: Awaited<ReturnType<typeof createTestDatabase>>;
let devices: Devices;
let twins: Twins;
let groups: Groups;
const [siteId, otherSite] = [newId(1), newId(1)];

before(async () => {
  database = await createTestDatabase();
  for (const id of [siteId, otherSite]) {
    await database.pool.query(
      `INSERT INTO sites (site_id, name, kind, language, time_zone, created_at) VALUES ($1, 'A', 'lab', 'en', 'UTC', 0)`,
      [id],
    );
  }
  const log = createLogger('silent');
  const bus = createInProcessBus(log);
  const clock = systemClock;
  devices = createDevices({
    db: database.for(),
    vault: database.vault,
    clock,
    bus,
    log,
    config: { allowSimulated: true, knocksPerMinute: 1_000, rotationGraceDays: 7 },
  });
  twins = createTwins({ db: database.for(), clock, bus, log, links: devices.links });
  groups = createGroups({ db: database.for(), clock, devices });
});
after(async () => {
  await devices.stop();
  await database.stop();
});

const code = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'done',
    (error: unknown) => codeOf(error),
  );

async function device(
  name: string,
  options: { site?: string; tags?: string[]; reported?: object } = {},
): Promise<string> {
  const { device: made } = await devices.create({
    siteId: options.site ?? siteId,
    name,
    ...(options.tags === undefined ? {} : { tags: options.tags }),
  });
  if (options.reported !== undefined) await twins.report(made, options.reported as never);
  return made.deviceId;
}

let made = 0;
const group = (query: GroupQuery): Promise<Group> => groups.create({ siteId, name: `group ${++made}`, query });
async function found(query: GroupQuery): Promise<string[]> {
  const { groupId } = await group(query);
  return (await groups.members(groupId, { limit: 100 })).map(({ name }) => name).sort();
}

test('a list has the devices that were put into it, all or none, of its own site', async () => {
  const [one, two, foreign] = [await device('l1'), await device('l2'), await device('l3', { site: otherSite })];
  const list = await groups.create({ siteId, name: 'list', deviceIds: [one] });
  assert.equal(await code(groups.change(list.groupId, { add: [two, foreign] })), 'NOT_FOUND');
  const names = async (): Promise<string[]> =>
    (await groups.members(list.groupId, { limit: 10 })).map(({ name }) => name);
  assert.deepEqual(await names(), ['l1']);
  await groups.change(list.groupId, { add: [two, one] });
  assert.deepEqual(await names(), ['l2', 'l1']);
  await groups.change(list.groupId, { remove: [one, foreign], name: 'renamed' });
  assert.deepEqual(await names(), ['l2']);
  await devices.revoke(two);
  assert.deepEqual(await names(), [], 'a revoked device is in no group');
  assert.equal(await code(groups.change(list.groupId, { query: { all: [{ tag: 'x' }] } })), 'REQUEST_INVALID');
  assert.equal(await code(groups.create({ siteId, name: 'renamed', deviceIds: [] })), 'CONFLICT');
  assert.equal(await code(groups.create({ siteId: otherSite, name: 'renamed', deviceIds: [foreign] })), 'done');
  const both = { siteId, name: 'both', deviceIds: [one], query: { all: [{ tag: 'x' }] } };
  assert.equal(await code(groups.create(both)), 'REQUEST_INVALID');
  await groups.delete(list.groupId);
  assert.equal(await code(groups.get(list.groupId)), 'NOT_FOUND');
});

test('a query is asked anew each time: who gets a tag or reports a value joins, who loses it leaves', async () => {
  const id = await device('q1', { tags: ['north'] });
  const { groupId } = await group({ all: [{ tag: 'north' }, { reported: 'wifi.rssi', below: -70 }] });
  const count = async (): Promise<number> => (await groups.members(groupId, { limit: 10 })).length;
  assert.equal(await count(), 0);
  await twins.report({ deviceId: id, siteId }, { wifi: { rssi: -80 } });
  assert.equal(await count(), 1);
  await devices.change(id, { tags: [] });
  assert.equal(await count(), 0);
  await devices.change(id, { tags: ['north', 'south'] });
  await twins.report({ deviceId: id, siteId }, { wifi: null });
  assert.equal(await count(), 0);
});

test('every comparison says what it says: of the kind that was reported, and never of what is not there', async () => {
  await device('c1', { tags: ['cmp'], reported: { n: 5, s: '5', b: true, deep: { er: 'x' } } });
  await device('c2', { tags: ['cmp'], reported: { n: 6.5, s: 'five', b: false, list: [5] } });
  await device('c3', { tags: ['cmp'] });
  await device('c4', { tags: ['cmp'], site: otherSite, reported: { n: 5 } });
  const cases: readonly [Condition, string[]][] = [
    [{ reported: 'n', is: 5 }, ['c1']],
    [{ reported: 's', is: '5' }, ['c1']],
    [{ reported: 's', is: 5 }, []],
    [{ reported: 'n', is: '5' }, []],
    [{ reported: 'b', is: false }, ['c2']],
    [{ reported: 'deep.er', is: 'x' }, ['c1']],
    [{ reported: 'list', is: 5 }, []],
    [{ reported: 'n', not: 5 }, ['c2']],
    [{ reported: 'n', above: 5 }, ['c2']],
    [{ reported: 'n', below: 6 }, ['c1']],
    [{ reported: 's', above: 0 }, []],
    [{ reported: 'deep', above: 0 }, []],
    [{ reported: 'b', exists: true }, ['c1', 'c2']],
    [{ reported: 'b', exists: false }, ['c3']],
    [{ name: 'C2' }, ['c2']],
    [{ simulated: false }, ['c1', 'c2', 'c3']],
    [{ simulated: true }, []],
    [{ connected: true }, []],
    [{ connected: false }, ['c1', 'c2', 'c3']],
    [{ profile: 'sensor' }, []],
  ];
  for (const [condition, names] of cases) {
    assert.deepEqual(await found({ all: [{ tag: 'cmp' }, condition] }), names, JSON.stringify(condition));
  }
  assert.deepEqual(await found({ all: [{ tag: 'cmp' }], any: [{ name: 'c1' }, { reported: 'n', is: 6.5 }] }), [
    'c1',
    'c2',
  ]);
  assert.deepEqual(
    await found({
      any: [
        { reported: 'n', is: 5 },
        { reported: 'b', is: false },
      ],
    }),
    ['c1', 'c2'],
  );
});

test('a query that says nothing, or two things at once, is refused', async () => {
  const bad: Condition[] = [
    {},
    { tag: 'a', name: 'b' },
    { reported: 'a' },
    { reported: 'a', is: 1, not: 2 },
    { tag: 'a', is: 1 },
    { above: 3 },
  ];
  for (const condition of bad) {
    assert.equal(await code(group({ all: [condition] })), 'REQUEST_INVALID', JSON.stringify(condition));
  }
});

test('whatever stands in a query is a value and never SQL', async () => {
  await device('h1', { tags: ['hostile'], reported: { x: "'; DROP TABLE devices; --", '}': 1, $1: 2, __proto__x: 1 } });
  const words = [
    "'",
    '"',
    "'; DROP TABLE devices; --",
    '\\',
    '%',
    '_',
    '$1',
    '{}',
    '}',
    '{"a":1}',
    '::text',
    '--',
    '\u2028',
    '😀',
    ' '.repeat(200),
  ];
  for (const word of words) {
    for (const condition of [
      { tag: word },
      { name: word },
      { profile: word },
      { reported: 'x', is: word },
      { reported: 'x', not: word },
      { reported: word, exists: true },
      { reported: `${word}.${word}`, is: 1 },
    ] as Condition[]) {
      const names = await found({ all: [condition] });
      assert.ok(names.length <= 20, JSON.stringify(condition));
    }
  }
  assert.deepEqual(await found({ all: [{ reported: 'x', is: "'; DROP TABLE devices; --" }] }), ['h1']);
  assert.deepEqual(await found({ all: [{ name: '%' }] }), [], 'no wildcards');
  const wide: GroupQuery = {
    any: Array.from({ length: 16 }, (_, nth) => ({ reported: `a${nth}.b.c.d.e.f.g.h`, above: nth })),
  };
  assert.deepEqual(await found(wide), []);
});

test('pages of members neither repeat nor leave out', async () => {
  for (let nth = 0; nth < 7; nth++) await device(`p${nth}`, { tags: ['paged'] });
  const { groupId } = await group({ all: [{ tag: 'paged' }] });
  const seen: string[] = [];
  let after: string | undefined;
  for (;;) {
    const page = await groups.members(groupId, { limit: 3, ...(after === undefined ? {} : { after }) });
    if (page.length === 0) break;
    seen.push(...page.map(({ name }) => name));
    after = page.at(-1)?.deviceId;
  }
  assert.deepEqual(seen, ['p6', 'p5', 'p4', 'p3', 'p2', 'p1', 'p0']);
});

test('tags and values of reported fields are found by an index', async () => {
  await database.pool.query(
    `INSERT INTO devices (device_id, site_id, name, hardware_id, client_id, proof, state, created_at, tags)
     SELECT gen_random_uuid(), $1, 'many', 'many ' || n, '', 'none', 'active', 0, ARRAY['tag' || n % 2000]
     FROM generate_series(1, 20000) AS n`,
    [otherSite],
  );
  await database.pool.query(
    `INSERT INTO twins (device_id, reported) SELECT device_id, jsonb_build_object('fw', hardware_id)
     FROM devices WHERE name = 'many'`,
  );
  await database.pool.query('ANALYZE devices, twins');
  const plan = async (query: GroupQuery): Promise<string> => {
    const statement = sql<{ 'QUERY PLAN': string }>`EXPLAIN SELECT device_id FROM devices
      WHERE site_id = ${otherSite} AND ${queryCondition(query)}`;
    return (await statement.execute(database.for<object>())).rows.map((row) => row['QUERY PLAN']).join('\n');
  };
  assert.match(await plan({ all: [{ tag: 'tag5' }] }), /devices_tags/);
  assert.match(await plan({ all: [{ reported: 'fw', is: 'many 7' }] }), /twins_reported/);
  assert.doesNotMatch(await plan({ all: [{ reported: 'fw', is: 'many 7' }] }), /Seq Scan/);
});
