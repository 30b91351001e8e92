import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { type CommandRun, codeOf, LIMITS, MOST_RUN_DEVICES } from '@muster/contract';
import { createTestDatabase } from '../../platform/db/test-database.fixture.ts';
import { newId } from '../../platform/ids.ts';
import { type CommandsRig, createCommandsRig, type RigDevice, until } from '../commands.fixture.ts';
import type { RunRequest } from './runs.ts';

let database: Awaited<ReturnType<typeof createTestDatabase>>;
let rig: CommandsRig;

before(async () => {
  database = await createTestDatabase();
});
after(() => database.stop());
beforeEach(async () => {
  rig = await createCommandsRig(database);
});
afterEach(() => rig.stop());

const aWhile = (): Promise<void> => rig.clock.advance(100);
const code = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'done',
    (error: unknown) => codeOf(error),
  );

async function fleet(size: number): Promise<RigDevice[]> {
  const devices: RigDevice[] = [];
  for (let nth = 0; nth < size; nth++) devices.push(await rig.device());
  return devices;
}

async function begin(devices: readonly RigDevice[], request: Partial<RunRequest> = {}): Promise<CommandRun> {
  const { run } = await rig.commands.runs.create({
    siteId: rig.siteId,
    groupId: newId(rig.clock.now()),
    name: 'blink',
    args: { times: 2 },
    atOnce: 10,
    sentBy: 'user:a',
    members: async function* () {
      yield devices.map(({ deviceId }) => deviceId);
    },
    ...request,
  });
  return run;
}

/** Everything a run says of its devices adds up. */
async function look(runId: string): Promise<CommandRun> {
  const run = await rig.commands.runs.get(runId);
  const commands = Object.values(run.counts).reduce((sum, count) => sum + count, 0);
  assert.equal(run.waiting + run.refused + commands, run.devices);
  return run;
}

async function open(runId: string): Promise<number> {
  const { counts } = await look(runId);
  return (counts.queued ?? 0) + (counts.sent ?? 0) + (counts.acked ?? 0);
}

test('a run never has more unfinished commands than it may, and ends when every device has answered', async () => {
  const devices = await fleet(25);
  for (const device of devices) device.connect();
  const { runId, state } = await begin(devices, { atOnce: 4 });
  assert.equal(state, 'running');
  const answered = new Set<string>();
  while (answered.size < devices.length) {
    await until('some have it', () => devices.some((one) => one.got.length > 0 && !answered.has(one.deviceId)));
    assert.ok((await open(runId)) <= 4);
    const [device] = devices.filter((one) => one.got.length > 0 && !answered.has(one.deviceId));
    if (device === undefined) continue;
    answered.add(device.deviceId);
    assert.deepEqual([device.got.length, device.got[0]?.name, device.got[0]?.args], [1, 'blink', { times: 2 }]);
    await device.reply({ commandId: device.got[0]?.commandId ?? '', state: 'confirmed' });
  }
  const run = await rig.commands.runs.wait(runId, 5_000);
  assert.deepEqual([run.state, run.devices, run.counts, run.failed], ['done', 25, { confirmed: 25 }, 0]);
  assert.notEqual(run.endedAt, null);
  const [mine] = await rig.commands.list(devices[0]?.deviceId ?? '', 10, null);
  assert.equal(mine?.runId, runId);
});

test('a restart in the middle forgets nothing and sends nothing twice', async () => {
  const devices = await fleet(8);
  for (const device of devices) device.connect();
  const { runId } = await begin(devices, { atOnce: 3 });
  await until('three have it', () => devices.filter(({ got }) => got.length > 0).length === 3);
  await rig.restart();
  for (const device of devices) device.connect();
  for (let nth = 0; nth < devices.length; nth++) {
    await until('the next has it', () => devices.filter(({ got }) => got.length > 0).length > nth, aWhile);
    const next = devices.filter(({ got }) => got.length > 0)[nth];
    await next?.reply({ commandId: next.got[0]?.commandId ?? '', state: 'confirmed' });
  }
  await until('it is done', async () => (await look(runId)).state === 'done', aWhile);
  assert.deepEqual(
    devices.map(({ got }) => got.length),
    devices.map(() => 1),
  );
});

test('two servers keep one run going: no device gets it twice, no more are open than may be', async () => {
  const other = await createCommandsRig(database, { clock: rig.clock, siteId: rig.siteId });
  try {
    const devices = await fleet(30);
    const { runId } = await begin(devices, { atOnce: 5, deadlineMs: 60_000 });
    let most = 0;
    // nobody is connected: commands end by being cancelled, at either server
    await until('all had their turn', async () => {
      most = Math.max(most, await open(runId));
      const { rows } = await database.pool.query<{ command_id: string }>(
        "SELECT command_id FROM commands WHERE run_id = $1 AND state = 'queued'",
        [runId],
      );
      await Promise.all(rows.map(({ command_id }, nth) => (nth % 2 === 0 ? rig : other).commands.cancel(command_id)));
      await rig.clock.advance(200);
      return (await look(runId)).state === 'done';
    });
    assert.ok(most > 0 && most <= 5, `${most} at once`);
    const { rows } = await database.pool.query<{ device_id: string; count: number }>(
      'SELECT device_id, count(*) AS count FROM commands WHERE run_id = $1 GROUP BY device_id',
      [runId],
    );
    assert.equal(rows.length, 30);
    assert.ok(rows.every(({ count }) => count === 1));
  } finally {
    await other.stop();
  }
});

test('cancelled: what was not sent is cancelled, what was sent goes on to its end, nothing more is sent', async () => {
  const devices = await fleet(6);
  const [here, ...away] = devices;
  here?.connect();
  const { runId } = await begin(devices, { atOnce: 3 });
  await until('one has it', () => here?.got.length === 1);
  await until('three had their turn', async () => (await open(runId)) === 3);
  const cancelled = await rig.commands.runs.cancel(runId);
  assert.deepEqual([cancelled.state, cancelled.waiting, cancelled.counts], ['cancelled', 3, { cancelled: 2, sent: 1 }]);
  await here?.reply({ commandId: here.got[0]?.commandId ?? '', state: 'confirmed' });
  for (const device of away) device.connect();
  await rig.clock.advance(20_000);
  assert.deepEqual((await look(runId)).counts, { cancelled: 2, confirmed: 1 });
  assert.ok(away.every(({ got }) => got.length === 0));
  assert.equal(await code(rig.commands.runs.cancel(runId)), 'COMMAND_ENDED');
  assert.equal(await code(rig.commands.runs.cancel(newId(0))), 'NOT_FOUND');
});

test('past so many failures a run stops by itself', async () => {
  const devices = await fleet(10);
  for (const device of devices) device.connect();
  const { runId } = await begin(devices, { atOnce: 1, stopAfterFailures: 2 });
  for (let nth = 0; nth < 3; nth++) {
    await until('the next has it', () => devices.filter(({ got }) => got.length > 0).length === nth + 1);
    const next = devices.filter(({ got }) => got.length > 0)[nth];
    const state = nth === 0 ? 'confirmed' : nth === 1 ? 'failed' : 'rejected';
    await next?.reply({ commandId: next.got[0]?.commandId ?? '', state });
  }
  const run = await rig.commands.runs.wait(runId, 5_000);
  assert.deepEqual([run.state, run.failed, run.waiting], ['stopped', 2, 7]);
  const failed = await rig.commands.runs.devices(runId, { failed: true, limit: 10 });
  assert.deepEqual(failed.map(({ state, error }) => [state, error?.code]).sort(), [
    ['failed', 'DEVICE_ERROR'],
    ['rejected', 'DEVICE_ERROR'],
  ]);
});

test('devices that cannot have the command are listed with the reason, and hold up nobody', async () => {
  const unable = new Set<string>();
  await rig.stop();
  rig = await createCommandsRig(database, {
    rulesOf: async (deviceId) => (unable.has(deviceId) ? null : undefined),
  });
  const devices = await fleet(5);
  for (const device of devices.slice(0, 3)) unable.add(device.deviceId);
  const { runId } = await begin(devices, { atOnce: 1, deadlineMs: 1_000 });
  await until('it is done', async () => (await look(runId)).state === 'done', aWhile);
  const run = await look(runId);
  assert.deepEqual([run.refused, run.counts, run.failed], [3, { expired: 2 }, 5]);
  const all = await rig.commands.runs.devices(runId, { failed: false, limit: 10 });
  assert.deepEqual(
    all.map(({ deviceId }) => deviceId),
    devices.map(({ deviceId }) => deviceId).sort(),
  );
  const refused = all.filter(({ commandId }) => commandId === null);
  assert.deepEqual(
    refused.map(({ error }) => error?.code),
    ['COMMAND_UNKNOWN', 'COMMAND_UNKNOWN', 'COMMAND_UNKNOWN'],
  );
  const page = await rig.commands.runs.devices(runId, { failed: true, limit: 2, after: all[1]?.deviceId });
  assert.deepEqual(
    page.map(({ deviceId }) => deviceId),
    all.slice(2, 4).map(({ deviceId }) => deviceId),
  );
});

test('a device whose queue is full is refused, the others go on', async () => {
  const [full, free] = await fleet(2);
  assert.ok(full !== undefined && free !== undefined);
  for (let nth = 0; nth < LIMITS.commandsPerDevice; nth++) await rig.send(full, { deadlineMs: 60_000 });
  const { runId } = await begin([full, free], { deadlineMs: 1_000 });
  await until('it is done', async () => (await look(runId)).state === 'done', aWhile);
  assert.deepEqual((await look(runId)).counts, { expired: 1 });
  const failed = await rig.commands.runs.devices(runId, { failed: true, limit: 10 });
  assert.deepEqual(failed.find(({ deviceId }) => deviceId === full.deviceId)?.error?.code, 'COMMAND_QUEUE_FULL');
});

test('a key stands for a run as it does for a command, and for only one of the two', async () => {
  const devices = await fleet(2);
  const groupId = newId(rig.clock.now());
  const first = await begin(devices, { groupId, idempotencyKey: 'r1' });
  const again = await begin(await fleet(3), { groupId, idempotencyKey: 'r1' });
  assert.deepEqual([again.runId, again.devices], [first.runId, 2]);
  assert.equal(await code(begin(devices, { groupId, idempotencyKey: 'r1', atOnce: 11 })), 'IDEMPOTENCY_MISMATCH');
  const [device] = devices;
  assert.ok(device !== undefined);
  assert.equal(await code(rig.send(device, { idempotencyKey: 'r1' })), 'IDEMPOTENCY_MISMATCH');
  const both = await Promise.all([
    code(begin(devices, { groupId, idempotencyKey: 'r2' })),
    code(begin(devices, { groupId, idempotencyKey: 'r2' })),
  ]);
  assert.deepEqual(both, ['done', 'IDEMPOTENCY_BUSY']);
});

test('a run of nobody is done at once, one of too many is refused, and devices of another site are left out', async () => {
  const { runId } = await begin([]);
  await until('it is done', async () => (await look(runId)).state === 'done');
  const members = async function* () {
    for (let page = 0; page <= MOST_RUN_DEVICES / 1_000; page++) {
      yield Array.from({ length: 1_000 }, () => newId(0));
    }
  };
  assert.equal(await code(begin([], { members })), 'REQUEST_INVALID');
  const elsewhere = await createCommandsRig(database);
  try {
    const [mine, theirs] = [await rig.device(), await elsewhere.device()];
    const run = await begin([mine, theirs]);
    assert.equal(run.devices, 1);
  } finally {
    await elsewhere.stop();
  }
});

test('who looks on is told: runs of a site, newest first, and an event whenever one goes on', async () => {
  const devices = await fleet(3);
  const older = await begin(devices, { deadlineMs: 1_000 });
  const newer = await begin(devices, { deadlineMs: 1_000 });
  const list = (more: object) => rig.commands.runs.list({ sites: null, siteId: rig.siteId, limit: 10, ...more });
  assert.deepEqual(
    (await list({})).map(({ runId }) => runId),
    [newer.runId, older.runId],
  );
  assert.deepEqual(
    (await list({ after: newer.runId })).map(({ runId }) => runId),
    [older.runId],
  );
  assert.deepEqual(
    (await list({ groupId: older.groupId })).map(({ runId }) => runId),
    [older.runId],
  );
  assert.deepEqual(await list({ sites: [] }), []);
  const waiting = rig.commands.runs.wait(older.runId, 60_000);
  await until('both are done', async () => (await look(newer.runId)).state === 'done', aWhile);
  assert.equal((await waiting).state, 'done');
  assert.deepEqual(rig.runEvents(older.runId).at(-1), 'done');
  await rig.commands.runs.prune(rig.clock.now() + 1);
  assert.deepEqual(await list({}), []);
});
