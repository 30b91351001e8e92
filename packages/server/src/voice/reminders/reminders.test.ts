import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { createVirtualClock, type VirtualClock } from '@muster/testkit';
import { createTestDatabase } from '../../platform/db/test-database.fixture.ts';
import { newId } from '../../platform/ids.ts';
import { createLogger } from '../../platform/log.ts';
import { createReminders, FURTHEST_MS, MOST_WAITING, type Reminders, type Ringing } from './index.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

describe('reminders', () => {
  let database: Awaited<ReturnType<typeof createTestDatabase>>;
  let clock: VirtualClock;
  let deviceId: string;
  let rung: Ringing[];
  /** What the next rings answer; true when empty. */
  let heard: (boolean | Promise<boolean>)[];
  /** How long the servers slept or waited, ms. */
  let naps: number[];
  const servers: Reminders[] = [];

  before(async () => {
    database = await createTestDatabase();
  });
  after(async () => {
    await Promise.all(servers.map((server) => server.stop()));
    await database.stop();
  });
  beforeEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.stop()));
    clock = createVirtualClock();
    rung = [];
    heard = [];
    naps = [];
    deviceId = await addDevice();
  });

  async function addDevice(): Promise<string> {
    const siteId = newId(clock.now());
    const id = newId(clock.now());
    await database.pool.query(
      `INSERT INTO sites (site_id, name, kind, language, time_zone, created_at) VALUES ($1, 's', 'home', 'en', 'UTC', 0)`,
      [siteId],
    );
    await database.pool.query(
      `INSERT INTO devices (device_id, site_id, name, hardware_id, client_id, proof, state, created_at)
       VALUES ($1, $2, 'd', $3, 'c', 'none', 'active', 0)`,
      [id, siteId, id],
    );
    return id;
  }

  function startServer(): Reminders {
    const server = createReminders({
      db: database.for(),
      clock: {
        ...clock,
        after(ms, task) {
          naps.push(ms);
          return clock.after(ms, task);
        },
      },
      log: createLogger('silent'),
      async ring(ringing) {
        rung.push(ringing);
        return heard.shift() ?? true;
      },
    });
    server.start();
    servers.push(server);
    return server;
  }

  /** Moves time on in small steps: queries take real time, which virtual time does not wait for. */
  async function pass(ms: number): Promise<void> {
    for (let step = 0; step < 4; step += 1) {
      await clock.advance(ms / 4);
      await wait(15);
    }
  }
  async function until(condition: () => boolean | Promise<boolean>, why: string): Promise<void> {
    for (let tries = 0; !(await condition()); tries += 1) {
      assert.ok(tries < 300, why);
      await wait(10);
    }
  }
  /** Lets time go on until the ring: a query that is slow while time jumps cannot miss its moment. */
  async function untilRung(count: number, why: string): Promise<void> {
    await until(async () => {
      await clock.advance(100);
      return rung.length >= count;
    }, why);
  }
  const stateOf = async (id: string): Promise<string> =>
    (await database.pool.query('SELECT state FROM reminders WHERE reminder_id = $1', [id])).rows[0]?.state;
  const claimOf = async (id: string): Promise<number> =>
    Number(
      (await database.pool.query('SELECT claimed_until FROM reminders WHERE reminder_id = $1', [id])).rows[0]
        ?.claimed_until,
    );
  const inMs = (ms: number, label: string | null = null) =>
    ({ deviceId, kind: 'timer', dueAt: clock.now() + ms, label }) as const;

  it('rings once, on time, and not before', async () => {
    const server = startServer();
    server.deviceConnected(deviceId);
    const { reminderId } = await server.add(inMs(10 * MINUTE, 'tea'));
    await pass(10 * MINUTE - 1_000);
    assert.equal(rung.length, 0);
    await pass(1_000);
    await until(() => rung.length === 1, 'did not ring');
    assert.deepEqual([rung[0]?.label, rung[0]?.kind, rung[0]?.deviceId], ['tea', 'timer', deviceId]);
    assert.ok((rung[0]?.lateMs ?? -1) < 1_000);
    await until(async () => (await stateOf(reminderId)) === 'rung', 'not confirmed');
    await pass(2 * HOUR);
    assert.equal(rung.length, 1);
    assert.deepEqual(await server.list(deviceId), []);
  });

  it('an earlier one added during the sleep rings first', async () => {
    const server = startServer();
    server.deviceConnected(deviceId);
    await server.add(inMs(20_000, 'second'));
    await pass(100);
    await server.add(inMs(5_000, 'first'));
    await pass(5_000);
    await until(() => rung.length === 1, 'did not wake');
    await pass(20_000);
    await until(() => rung.length === 2, 'did not ring the other');
    assert.deepEqual(
      rung.map(({ label }) => label),
      ['first', 'second'],
    );
  });

  it('waits for a device that is away and tells how late it is', async () => {
    const server = startServer();
    await server.add(inMs(MINUTE));
    await pass(HOUR);
    assert.equal(rung.length, 0);
    server.deviceConnected(deviceId);
    await until(() => rung.length === 1, 'did not ring when the device came');
    assert.ok((rung[0]?.lateMs ?? 0) >= 59 * MINUTE - 1_000);
  });

  it('does not ring on a device that left, however often its connection was replaced', async () => {
    const server = startServer();
    server.deviceConnected(deviceId);
    server.deviceConnected(deviceId);
    server.deviceConnected(deviceId);
    await server.add(inMs(MINUTE, 'here'));
    await pass(2 * MINUTE);
    await until(() => rung.length === 1, 'did not ring');
    server.deviceGone(deviceId);
    await server.add(inMs(MINUTE, 'gone'));
    await pass(2 * MINUTE);
    assert.equal(rung.length, 1);
  });

  it('rings again while it is not heard, and never two at once on a device', async () => {
    const server = startServer();
    server.deviceConnected(deviceId);
    const speaking = Promise.withResolvers<boolean>();
    heard = [false, speaking.promise];
    await server.add(inMs(1_000, 'one'));
    await server.add(inMs(1_500, 'two'));
    await pass(2_000);
    await until(() => rung.length === 1, 'did not ring');
    await pass(12_000);
    await until(() => rung.length === 2, 'did not ring again');
    await pass(30_000);
    assert.deepEqual(
      rung.map(({ label }) => label),
      ['one', 'one'],
    );
    speaking.resolve(true);
    await until(() => rung.length === 3, 'the other did not follow');
    assert.equal(rung[2]?.label, 'two');
  });

  it('sleeps while the first of two that are due has to wait', async () => {
    const server = startServer();
    server.deviceConnected(deviceId);
    heard = [false];
    const one = await server.add(inMs(1_000, 'one'));
    await server.add(inMs(1_001, 'two'));
    await untilRung(1, 'did not ring');
    await clock.advance(100);
    await until(async () => (await claimOf(one.reminderId)) > clock.now() + 5_000, 'not put off');
    naps = [];
    await server.add(inMs(HOUR, 'later'));
    await until(() => naps.length > 0, 'did not look');
    await wait(30);
    assert.ok(
      naps.every((ms) => ms > 5_000),
      `slept ${naps.join(', ')} ms`,
    );
    await untilRung(3, 'did not go on');
    assert.deepEqual(
      rung.map(({ label }) => label),
      ['one', 'one', 'two'],
    );
  });

  it('looks four times a second, not without end, when another server is at what is due', async () => {
    const server = startServer();
    const { reminderId } = await server.add(inMs(1_000));
    await pass(2_000);
    const other = await database.pool.connect();
    try {
      await other.query('BEGIN');
      await other.query('SELECT FROM reminders WHERE reminder_id = $1 FOR UPDATE', [reminderId]);
      naps = [];
      server.deviceConnected(deviceId);
      await until(() => naps.length > 0, 'did not look');
      assert.deepEqual([...new Set(naps)], [250]);
    } finally {
      await other.query('ROLLBACK');
      other.release();
    }
    await untilRung(1, 'did not ring afterwards');
  });

  it('tries again when a ring has no answer for a minute', async () => {
    const server = startServer();
    server.deviceConnected(deviceId);
    heard = [new Promise<boolean>(() => undefined)];
    await server.add(inMs(1_000));
    await pass(1_500);
    await until(() => rung.length === 1, 'did not ring');
    await pass(55_000);
    assert.equal(rung.length, 1);
    await pass(6_000);
    await untilRung(2, 'given up');
  });

  it('survives a restart in the middle of a ring and rings then', async () => {
    const first = startServer();
    first.deviceConnected(deviceId);
    heard = [new Promise<boolean>(() => undefined)];
    const { reminderId } = await first.add(inMs(1_000, 'tea'));
    await pass(1_500);
    await until(() => rung.length === 1, 'did not ring');
    await first.stop();
    assert.equal(await stateOf(reminderId), 'waiting');
    const second = startServer();
    second.deviceConnected(deviceId);
    await until(() => rung.length === 2, 'forgotten by the restart');
    await until(async () => (await stateOf(reminderId)) === 'rung', 'not confirmed');
  });

  it('rings once when two servers look at the same time', async () => {
    const [one, two] = [startServer(), startServer()];
    const others = await Promise.all(Array.from({ length: 20 }, addDevice));
    for (const id of others) await one.add({ ...inMs(1_000), deviceId: id });
    for (const id of others) for (const server of [one, two]) server.deviceConnected(id);
    await pass(2_000);
    await until(() => rung.length >= others.length, 'did not ring everywhere');
    await pass(2 * MINUTE);
    assert.deepEqual(rung.map((ringing) => ringing.deviceId).sort(), [...others].sort());
  });

  it('gives up after a day', async () => {
    const server = startServer();
    const { reminderId } = await server.add(inMs(MINUTE));
    await pass(25 * HOUR);
    await pass(MINUTE);
    await until(async () => (await stateOf(reminderId)) === 'missed', 'still waits');
    server.deviceConnected(deviceId);
    await pass(MINUTE);
    assert.equal(rung.length, 0);
  });

  it('cancels only those of the device that still wait', async () => {
    const server = startServer();
    const mine = await server.add(inMs(HOUR));
    const other = await server.add({ ...inMs(HOUR), deviceId: await addDevice() });
    assert.deepEqual(await server.cancel(deviceId, [mine.reminderId, other.reminderId]), [mine.reminderId]);
    assert.deepEqual(await server.cancel(deviceId, [mine.reminderId]), []);
    assert.equal(await stateOf(other.reminderId), 'waiting');
  });

  it('bounds the number, the time ahead and the label', async () => {
    const server = startServer();
    const code = (expected: string) => (error: unknown) => (error as { code?: string }).code === expected;
    await assert.rejects(server.add(inMs(-1)), code('REQUEST_INVALID'));
    await assert.rejects(server.add(inMs(FURTHEST_MS + 1)), code('REQUEST_INVALID'));
    await assert.rejects(server.add(inMs(Number.NaN)), code('REQUEST_INVALID'));
    assert.equal((await server.add(inMs(HOUR, 'x'.repeat(10_000)))).label?.length, 200);
    const results = await Promise.allSettled(Array.from({ length: MOST_WAITING + 5 }, () => server.add(inMs(HOUR))));
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, MOST_WAITING - 1);
    assert.equal((await server.list(deviceId)).length, MOST_WAITING);
  });
});
