import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Site, Turn } from '@muster/contract';
import { startTestServer, type TestServer } from '@muster/server/testing';
import { createXiaozhiDevice } from '@muster/testkit';
import { fault as diskFull } from './disk-full.fault.ts';
import { holds } from './rig/holds.ts';
import { mountSmallDisk } from './rig/small-disk.ts';

/** A disk of its own for the database, small enough to fill. Needs the right to mount one. */
const disk = mountSmallDisk(180);
const skip = disk === null && 'may not mount a file system here';
let muster: TestServer;

before(async () => {
  if (disk !== null) muster = await startTestServer({ dataDir: join(disk.path, 'data') });
});
after(async () => {
  await muster?.stop();
  disk?.end();
});

test('a full disk: what cannot be stored is refused by name, talking goes on, and space given back heals it', {
  skip,
}, async () => {
  const device = createXiaozhiDevice({
    otaUrl: muster.otaUrl,
    hardwareId: '02:00:00:00:03:01',
    clientId: randomUUID(),
  });
  let deviceId = '';
  await device.activateWith(async (code) => {
    deviceId = await muster.activate(code);
  });
  await device.connect();
  await device.say('before');

  disk?.fillTo(0);
  let refused: unknown = null;
  const stored: string[] = [];
  for (let tries = 0; tries < 400 && refused === null; tries++) {
    const name = `Site ${tries} ${'x'.repeat(180)}`;
    await muster.call<Site>('POST', '/api/sites', { name }).then(
      ({ siteId }) => stored.push(siteId),
      (error: unknown) => {
        refused = error;
      },
    );
  }
  assert.match(JSON.stringify(refused), /STORAGE_FULL|DATABASE_UNAVAILABLE/);
  const answer = await device.say('while full');
  assert.equal(answer.sentences[0]?.text, 'This is the answer.');

  disk?.free();
  for (let tries = 0; ; tries++) {
    const done = await muster.call<Site>('POST', '/api/sites', { name: 'After' }).catch(() => null);
    if (done?.name === 'After') break;
    assert.ok(tries < 100, 'the server did not recover');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const { sites } = await muster.call<{ sites: Site[] }>('GET', '/api/sites');
  const made = sites.filter(({ name }) => /^Site \d/.test(name)).map(({ siteId }) => siteId);
  assert.deepEqual(made.sort(), stored.sort(), 'what was refused did not happen');
  const rows = await muster.sql<{ target: string }>(
    "SELECT target_id AS target FROM audit_entries WHERE action = 'site.create' AND outcome = 'succeeded'",
  );
  const audited = new Set(rows.map(({ target }) => target));
  assert.ok(
    stored.length > 0 && sites.length - 1 === audited.size,
    `${sites.length - 1} changes, ${audited.size} rows`,
  );
  for (const siteId of stored) assert.ok(audited.has(siteId), 'what happened has its row');
  await device.say('after');
  const { turns } = await muster.call<{ turns: Turn[] }>('GET', `/api/devices/${deviceId}/turns?limit=1`);
  assert.equal(turns[0]?.outcome, 'answered');
  device.close();
});

test(
  'a disk that fills slowly: measurements are refused and not acknowledged, an alert opens, all can be read',
  {
    skip,
  },
  () => holds(diskFull, 1),
);
