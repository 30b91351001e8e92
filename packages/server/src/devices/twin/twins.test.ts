import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { codeOf, type JsonObject, type JsonValue, LIMITS, type TwinDelta } from '@muster/contract';
import { createVirtualClock, type VirtualClock } from '@muster/testkit';
import fc from 'fast-check';
import { createInProcessBus } from '../../platform/bus/index.ts';
import { createTestDatabase } from '../../platform/db/test-database.fixture.ts';
import { newId } from '../../platform/ids.ts';
import { createLogger } from '../../platform/log.ts';
import { createDeviceLinks, type DeviceLinks } from '../links.ts';
import { deltaOf } from './delta.ts';
import { isObject, mergeHalf } from './merge.ts';
import { createTwins, type Twins } from './twins.ts';

let database: Awaited<ReturnType<typeof createTestDatabase>>;
let clock: VirtualClock;
let links: DeviceLinks;
let twins: Twins;
let changes: string[];
const siteId = newId(1);
const log = createLogger('silent');

before(async () => {
  database = await createTestDatabase();
  await database.pool.query(
    `INSERT INTO sites (site_id, name, kind, language, time_zone, created_at) VALUES ($1, 'A', 'lab', 'en', 'UTC', 0)`,
    [siteId],
  );
});
after(() => database.stop());
beforeEach(() => {
  clock = createVirtualClock(1_000_000);
  const bus = createInProcessBus(log);
  changes = [];
  bus.subscribe('twin.changed', ({ half, desiredVersion, reportedVersion }) => {
    changes.push(`${half} ${desiredVersion} ${reportedVersion}`);
  });
  links = createDeviceLinks(bus, () => undefined);
  twins = createTwins({ db: database.for(), clock, bus, log, links });
});

async function device(): Promise<{ deviceId: string; siteId: string }> {
  const deviceId = newId(Date.now());
  await database.pool.query(
    `INSERT INTO devices (device_id, site_id, name, hardware_id, client_id, proof, state, created_at)
     VALUES ($1::uuid, $2, 'D', $1::text, '', 'none', 'active', 0)`,
    [deviceId, siteId],
  );
  return { deviceId, siteId };
}

const code = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'done',
    (error: unknown) => codeOf(error),
  );

/** As it leaves on a wire: what is made without a prototype looks like the rest. */
const plain = <T>(value: T): T => JSON.parse(JSON.stringify(value));

test('a device that nobody spoke of has an empty twin of version 0', async () => {
  const { deviceId } = await device();
  assert.deepEqual(plain(await twins.read(deviceId)), {
    desired: {},
    desiredVersion: 0,
    reported: {},
    reportedVersion: 0,
    delta: {},
    desiredTimes: {},
    reportedTimes: {},
  });
  assert.equal(await twins.delta(deviceId), null);
});

test('each half has its version, which grows by one with each change and by none without', async () => {
  const owner = await device();
  await twins.desire(owner, { led: { on: true, colour: 'red' } });
  await twins.desire(owner, { led: { colour: 'red' } });
  await twins.report(owner, { led: { on: true } });
  const { desiredVersion, reportedVersion, delta } = await twins.desire(owner, { led: { colour: 'blue' } });
  assert.deepEqual(plain([desiredVersion, reportedVersion, delta]), [2, 1, { led: { colour: 'blue' } }]);
  assert.deepEqual(changes, ['desired 1 0', 'reported 1 1', 'desired 2 1']);
});

test('a change of a version that is not the present one is refused with the present one', async () => {
  const owner = await device();
  const { desiredVersion } = await twins.desire(owner, { a: 1 }, 0);
  assert.equal(desiredVersion, 1);
  const stale = await twins.desire(owner, { a: 2 }, 0).catch((error: unknown) => error);
  assert.equal(codeOf(stale), 'TWIN_CONFLICT');
  assert.equal((stale as { context: { version: number } }).context.version, 1);
  assert.deepEqual((await twins.read(owner.deviceId)).desired, { a: 1 });
});

test('of writers with the same version one wins; writers without lose nothing', async () => {
  const owner = await device();
  const won = await Promise.all(Array.from({ length: 8 }, (_, nth) => code(twins.desire(owner, { by: nth }, 0))));
  assert.equal(won.filter((one) => one === 'done').length, 1);
  assert.equal(won.filter((one) => one === 'TWIN_CONFLICT').length, 7);
  await Promise.all(Array.from({ length: 20 }, (_, nth) => twins.desire(owner, { fields: { [`f${nth}`]: nth } })));
  await Promise.all(Array.from({ length: 20 }, (_, nth) => twins.report(owner, { [`r${nth}`]: nth })));
  const twin = await twins.read(owner.deviceId);
  assert.equal(Object.keys(twin.desired.fields as object).length, 20);
  assert.equal(Object.keys(twin.reported).length, 20);
  assert.deepEqual([twin.desiredVersion, twin.reportedVersion], [21, 20]);
});

test('each field has the time of its last change, a removed one too', async () => {
  const owner = await device();
  await twins.report(owner, { wifi: { rssi: -50, ssid: 'home' }, mode: 'eco' });
  await clock.advance(1_000);
  await twins.report(owner, { wifi: { rssi: -60, ssid: 'home' } });
  await clock.advance(1_000);
  const { reported } = await twins.report(owner, { mode: null });
  assert.deepEqual(reported, { wifi: { rssi: -60, ssid: 'home' } });
  assert.deepEqual((await twins.read(owner.deviceId)).reportedTimes, {
    'wifi.rssi': 1_001_000,
    'wifi.ssid': 1_000_000,
    mode: 1_002_000,
  });
});

test('null removes; what is reported and not wanted is no difference', async () => {
  const owner = await device();
  await twins.desire(owner, { led: { on: true }, volume: 3, list: [1, 2] });
  await twins.report(owner, { led: { on: false, lamp: 'new' }, firmware: '2' });
  assert.deepEqual(plain((await twins.delta(owner.deviceId))?.delta), { led: { on: true }, volume: 3, list: [1, 2] });
  await twins.desire(owner, { led: null, list: [2, 1] });
  assert.deepEqual(plain(await twins.delta(owner.deviceId)), { version: 2, delta: { volume: 3, list: [2, 1] } });
  await twins.report(owner, { volume: 3, list: [2, 1] });
  assert.equal(await twins.delta(owner.deviceId), null);
});

test('too large and too deep are refused whole, in bytes and not in characters', async () => {
  const owner = await device();
  await twins.desire(owner, { kept: true });
  const deep = (levels: number): JsonObject => (levels === 1 ? { end: 1 } : { in: deep(levels - 1) });
  assert.equal(await code(twins.report(owner, deep(LIMITS.twinDepth))), 'done');
  assert.equal(await code(twins.report(owner, deep(LIMITS.twinDepth + 1))), 'MESSAGE_TOO_DEEP');
  const list = (levels: number): JsonValue => (levels === 0 ? 1 : [list(levels - 1)]);
  assert.equal(await code(twins.report(owner, { list: list(LIMITS.twinDepth + 1) })), 'MESSAGE_TOO_DEEP');
  assert.equal(await code(twins.desire(owner, { text: 'a'.repeat(LIMITS.twinBytes) })), 'TWIN_TOO_LARGE');
  assert.equal(await code(twins.desire(owner, { text: 'ộ'.repeat(LIMITS.twinBytes / 2) })), 'TWIN_TOO_LARGE');
  // grown in steps it stops at the limit, and what is there stays
  for (let nth = 0; nth < 3; nth++) await twins.desire(owner, { [`part${nth}`]: 'a'.repeat(10_000) });
  assert.equal(await code(twins.desire(owner, { part3: 'a'.repeat(10_000) })), 'TWIN_TOO_LARGE');
  const { desired } = await twins.read(owner.deviceId);
  assert.deepEqual(Object.keys(desired), ['kept', 'part0', 'part1', 'part2']);
});

test('names that mean something to JavaScript are names', async () => {
  const owner = await device();
  const patch = JSON.parse('{"__proto__":{"polluted":true},"constructor":1,"toString":{"x":2}}');
  await twins.report(owner, patch);
  const { reported } = await twins.read(owner.deviceId);
  assert.deepEqual(JSON.parse(JSON.stringify(reported)), patch);
  assert.equal(({} as { polluted?: boolean }).polluted, undefined);
});

test('a connected device is told each difference, and the newest last', async () => {
  const owner = await device();
  const told: TwinDelta[] = [];
  const end = links.open({
    ...owner,
    transport: 'mqtt',
    staysOpen: true,
    takes: () => true,
    command: async () => undefined,
    twinDelta: (delta) => void told.push(delta),
    close: () => undefined,
  });
  await Promise.all(Array.from({ length: 30 }, (_, nth) => twins.desire(owner, { n: nth, [`f${nth}`]: nth })));
  while (told.at(-1)?.version !== 30) await new Promise((resolve) => setTimeout(resolve, 2));
  const versions = told.map(({ version }) => version);
  assert.deepEqual(
    [...versions].sort((a, b) => a - b),
    versions,
  );
  assert.equal(Object.keys(told.at(-1)?.delta ?? {}).length, 31);
  end();
});

const json = fc.object({
  maxDepth: 3,
  maxKeys: 4,
  key: fc.constantFrom('a', 'b', 'c', '__proto__'),
  values: [fc.integer(), fc.boolean(), fc.string(), fc.constant([1, { a: 2 }])],
}) as fc.Arbitrary<JsonObject>;

test('a device that does what the delta says has nothing left to do', () => {
  fc.assert(
    fc.property(json, json, (desired, reported) => {
      const delta = deltaOf(desired, reported);
      const { value } = mergeHalf({ value: reported, times: {} }, delta, 1) ?? { value: reported };
      // an empty object where the device has a value says nothing that a merge patch could carry further
      assert.deepEqual(leaves(deltaOf(desired, value)), []);
    }),
  );
});

function leaves(value: JsonObject): string[] {
  return Object.entries(value).flatMap(([name, one]) => (isObject(one) ? leaves(one) : [name]));
}
