import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, test } from 'node:test';
import { createInProcessBus } from '../platform/bus/index.ts';
import { systemClock } from '../platform/clock.ts';
import { createTestDatabase } from '../platform/db/test-database.fixture.ts';
import { createLogger } from '../platform/log.ts';
import { createDevices } from './index.ts';

const database = await createTestDatabase();
after(() => database.stop());
const log = createLogger('silent');
const bus = createInProcessBus(log);
const revoked: string[] = [];
bus.subscribe('device.revoked', ({ deviceId }) => void revoked.push(deviceId));
const open = (allowSimulated: boolean) =>
  createDevices({
    db: database.for(),
    vault: database.vault,
    clock: systemClock,
    bus,
    log,
    config: { allowSimulated, knocksPerMinute: 1_000, rotationGraceDays: 7 },
  });
const devices = open(true);
const [here, elsewhere] = await Promise.all([makeSite(), makeSite()]);

async function makeSite(): Promise<string> {
  const siteId = randomUUID();
  await database.pool.query(
    `INSERT INTO sites (site_id, name, kind, language, time_zone, created_at) VALUES ($1, 'A', 'home', 'en', 'UTC', 0)`,
    [siteId],
  );
  return siteId;
}

const count = async (siteId: string): Promise<number> =>
  (await devices.list({ sites: [siteId], state: 'active', limit: 10_000 })).length;

test('a thousand devices are made at once, each with a token of its own, in the order asked for', async () => {
  const asked = Array.from({ length: 1_000 }, (_, nth) => ({ name: `d ${nth}`, hardwareId: `hw-${nth}` }));
  const made = await devices.createAll(here, asked);
  assert.deepEqual(
    made.map(({ device }) => device.hardwareId),
    asked.map(({ hardwareId }) => hardwareId),
  );
  assert.equal(new Set(made.map(({ token }) => token)).size, 1_000);
  const found = await Promise.all(made.map(({ token }) => devices.authenticate(token, null)));
  assert.deepEqual(
    found.map((device) => device?.deviceId),
    made.map(({ device }) => device.deviceId),
    'asked for together, each finds its own',
  );
  assert.equal(await devices.authenticate('nobody', null), null);
});

test('one hardware id that is in use, or twice among them: none is made', async () => {
  const before = await count(here);
  const taken = [
    { name: 'new', hardwareId: 'hw-new' },
    { name: 'old', hardwareId: 'hw-7' },
  ];
  await assert.rejects(devices.createAll(here, taken), { code: 'CONFLICT' });
  const twice = [
    { name: 'a', hardwareId: 'hw-twin' },
    { name: 'b', hardwareId: 'hw-twin' },
  ];
  await assert.rejects(devices.createAll(here, twice), { code: 'CONFLICT' });
  await assert.rejects(devices.createAll(here, [{ name: 'a' }, { name: 'b', profile: 'toaster' }]), {
    code: 'REQUEST_INVALID',
  });
  assert.equal(await count(here), before);
});

test('revoked at once: those of the site that were active, and nobody else', async () => {
  const mine = await devices.createAll(here, [{ name: 'a' }, { name: 'b' }, { name: 'c' }]);
  const [other] = await devices.createAll(elsewhere, [{ name: 'theirs' }]);
  assert.ok(other);
  const [a, b] = mine.map(({ device }) => device.deviceId);
  assert.ok(a !== undefined && b !== undefined);
  await devices.revoke(a);
  revoked.length = 0;
  const ids = [a, b, other.device.deviceId, randomUUID()];
  assert.deepEqual(await devices.revokeAll(ids, here), [b]);
  assert.deepEqual(revoked, [b]);
  assert.equal(await devices.authenticate(mine[1]?.token ?? '', null), null);
  assert.equal((await devices.authenticate(other.token, null))?.deviceId, other.device.deviceId);
  assert.ok((await devices.authenticate(mine[2]?.token ?? '', null)) !== null);
});

test('a server for proper devices makes no simulator, and does not let one in that it once made', async () => {
  const [simulated] = await devices.createAll(here, [{ name: 's', simulated: true }]);
  assert.ok(simulated);
  assert.equal(simulated.device.simulated, true);
  const strict = open(false);
  await assert.rejects(strict.createAll(here, [{ name: 'a' }, { name: 's', simulated: true }]), { code: 'FORBIDDEN' });
  assert.equal(await strict.authenticate(simulated.token, null), null);
  assert.equal((await devices.authenticate(simulated.token, null))?.deviceId, simulated.device.deviceId);
});
