import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { systemClock } from '../../platform/clock.ts';
import { createTestDatabase } from '../../platform/db/test-database.fixture.ts';
import { newId } from '../../platform/ids.ts';
import { createLogger } from '../../platform/log.ts';
import { createMetrics } from '../../platform/metrics.ts';
import type { AnswerReport } from '../turn/answer.ts';
import { createRecorder } from './index.ts';

let database: Awaited<ReturnType<typeof createTestDatabase>>;
const siteId = newId(Date.now());
const deviceId = newId(Date.now());
const metrics = createMetrics();
const report: AnswerReport = {
  cause: 'speech',
  outcome: 'answered',
  errorCode: null,
  stt: 'a',
  llm: 'b',
  tts: 'c',
  skill: null,
  times: { speechMs: 1, endpointMs: 2, heardMs: 3, thoughtMs: 4, spokenMs: 5, firstAudioMs: 6, totalMs: 7 },
  tools: [{ name: 't', ok: true, ms: 1 }],
  heard: 'secret words',
  said: 'more words',
};

before(async () => {
  database = await createTestDatabase();
  await database.pool.query("INSERT INTO sites VALUES ($1, 'A', 'home', 'en', 'UTC', false, 'none', 0)", [siteId]);
  await database.pool.query(
    `INSERT INTO devices (device_id, site_id, name, hardware_id, client_id, proof, state, created_at)
     VALUES ($1, $2, 'd', 'h', 'c', 'none', 'active', 0)`,
    [deviceId, siteId],
  );
});
after(() => database.stop());

const recorder = (at = () => Date.now()) =>
  createRecorder({
    db: database.for(),
    clock: { ...systemClock, now: at },
    log: createLogger('silent'),
    metrics: createMetrics(),
    keepDays: 30,
  });

test('a turn is kept whole, its words only where the site says so', async () => {
  const kept = recorder();
  kept.record(report, { deviceId, siteId, keepWords: false });
  await kept.stop();
  kept.record(report, { deviceId, siteId, keepWords: true });
  await kept.stop();
  const [second, first] = await kept.ofDevice(deviceId, 10, undefined);
  assert.deepEqual([first?.heard, first?.said], [null, null]);
  assert.deepEqual([second?.heard, second?.said], ['secret words', 'more words']);
  assert.deepEqual(second?.times, report.times);
  assert.deepEqual(second?.tools, report.tools);
});

test('pages go on where the last one ended', async () => {
  const kept = recorder();
  const [newest] = await kept.ofDevice(deviceId, 1, undefined);
  const [next] = await kept.ofDevice(deviceId, 1, newest?.turnId);
  assert.ok(next !== undefined && next.turnId !== newest?.turnId);
});

test('turns older than they are kept are deleted, the others stay', async () => {
  const old = recorder(() => Date.now() - 31 * 86_400_000);
  old.record(report, { deviceId, siteId, keepWords: false });
  await old.stop();
  const now = recorder();
  assert.equal((await now.ofDevice(deviceId, 10, undefined)).length, 3);
  now.start();
  for (let tries = 0; (await now.ofDevice(deviceId, 10, undefined)).length > 2; tries++) {
    assert.ok(tries < 100, 'the old turn stays');
    await delay(20);
  }
  await now.stop();
});

test('a turn that cannot be stored is counted and harms nobody', async () => {
  const lost = createRecorder({
    db: database.for(),
    clock: systemClock,
    log: createLogger('silent'),
    metrics,
    keepDays: 30,
  });
  lost.record(report, { deviceId: newId(Date.now()), siteId, keepWords: false });
  await lost.stop();
  assert.match(await metrics.registry.metrics(), /muster_turns_lost_total 1/);
});
