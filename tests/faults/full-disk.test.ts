import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Site, Turn } from '@muster/contract';
import { assemble } from '@muster/server';
import { startTestServer, type TestServer } from '@muster/server/testing';
import { createStubVoice, createXiaozhiDevice } from '@muster/testkit';
import { fault as diskFull } from './disk-full.fault.ts';
import { holds } from './rig/holds.ts';
import { mountSmallDisk } from './rig/small-disk.ts';

/** A disk of its own for the database, small enough to fill. Needs the right to mount one. */
const disk = mountSmallDisk(180);
const skip = disk === null && 'may not mount a file system here';
const { vad, stt, llm, tts } = createStubVoice({ soundMs: 300 });
let muster: TestServer;

before(async () => {
  if (disk !== null) {
    const parts = { vad, providers: assemble({ stt: [stt], llm: [llm], tts: [tts] }) };
    muster = await startTestServer({ dataDir: join(disk.path, 'data'), parts });
  }
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
  for (let tries = 0; tries < 400 && refused === null; tries++) {
    const body = { name: `Site ${'x'.repeat(190)}` };
    await muster.call<Site>('POST', '/api/sites', body).catch((error: unknown) => {
      refused = error;
    });
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
