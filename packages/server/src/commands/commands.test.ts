import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { codeOf, LIMITS, MusterError } from '@muster/contract';
import { createTestDatabase } from '../platform/db/test-database.fixture.ts';
import { newId } from '../platform/ids.ts';
import { type CommandsRig, createCommandsRig, until } from './commands.fixture.ts';

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

const code = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'done',
    (error: unknown) => codeOf(error),
  );

/** The database answers in its own time: the clock goes on meanwhile. */
const aWhile = (): Promise<void> => rig.clock.advance(100);

test('a command is in the database as sent, with its id, before a byte of it leaves', async () => {
  const device = await rig.device();
  const seen: string[] = [];
  device.connect(async ({ commandId }) => void seen.push(await rig.state(commandId)));
  const command = await rig.send(device);
  assert.equal(command.state, 'queued');
  await until('it was written', () => device.got.length === 1);
  assert.deepEqual(seen, ['sent']);
  assert.equal(device.got[0]?.commandId, command.commandId);
  assert.equal(device.got[0]?.attempt, 1);
});

test('the same key and body again is the same command, another body is refused, another sender has keys of its own', async () => {
  const device = await rig.device();
  const request = {
    deviceId: device.deviceId,
    siteId: rig.siteId,
    name: 'open',
    args: { wide: true },
    sentBy: 'user:a',
    idempotencyKey: 'k1',
  };
  const first = await rig.commands.dispatch(request);
  const again = await rig.commands.dispatch(request);
  assert.deepEqual([first.isNew, again.isNew], [true, false]);
  assert.equal(again.command.commandId, first.command.commandId);
  assert.equal(await code(rig.commands.dispatch({ ...request, args: { wide: false } })), 'IDEMPOTENCY_MISMATCH');
  const other = await rig.commands.dispatch({ ...request, sentBy: 'user:b' });
  assert.notEqual(other.command.commandId, first.command.commandId);

  await rig.restart();
  const later = await rig.commands.dispatch(request);
  assert.equal(later.command.commandId, first.command.commandId, 'a restart forgets no key');
});

test('of two requests at once with one key, one makes the command and the other hears that it is under way', async () => {
  const device = await rig.device();
  const request = {
    deviceId: device.deviceId,
    siteId: rig.siteId,
    name: 'open',
    args: {},
    sentBy: 'user:a',
    idempotencyKey: 'k2',
  };
  const codes = await Promise.all([code(rig.commands.dispatch(request)), code(rig.commands.dispatch(request))]);
  assert.deepEqual(codes, ['done', 'IDEMPOTENCY_BUSY']);
  assert.equal((await rig.commands.list(device.deviceId, 10, null)).length, 1);
});

test('two servers that get one key at once make one command', async () => {
  const other = await createCommandsRig(database, { clock: rig.clock, siteId: rig.siteId });
  try {
    const device = await rig.device();
    for (let nth = 0; nth < 10; nth++) {
      const request = {
        deviceId: device.deviceId,
        siteId: rig.siteId,
        name: 'open',
        args: {},
        sentBy: 'user:a',
        idempotencyKey: `both ${nth}`,
      };
      const made = await Promise.all([rig.commands.dispatch(request), other.commands.dispatch(request)]);
      assert.equal(made[0].command.commandId, made[1].command.commandId);
      assert.deepEqual(made.map(({ isNew }) => isNew).sort(), [false, true]);
    }
  } finally {
    await other.stop();
  }
});

test('a key whose command was refused can be used again', async () => {
  const device = await rig.device();
  for (let nth = 0; nth < LIMITS.commandsPerDevice; nth++) await rig.send(device);
  assert.equal(await code(rig.send(device, { idempotencyKey: 'full' })), 'COMMAND_QUEUE_FULL');
  await rig.clock.advance(11_000);
  await until(
    'they expired',
    async () => (await code(rig.send(device, { idempotencyKey: 'full' }))) === 'done',
    aWhile,
  );
});

test('each class has its deadline, the profile has its own, the sender has the last word', async () => {
  const device = await rig.device();
  const spanOf = async (request: object): Promise<number> => {
    const { deadlineAt, createdAt } = await rig.send(device, request);
    return deadlineAt - createdAt;
  };
  assert.equal(await spanOf({ commandClass: 'read' }), 10_000);
  assert.equal(await spanOf({ commandClass: 'set' }), 10_000);
  assert.equal(await spanOf({ commandClass: 'act' }), 10_000);
  assert.equal(await spanOf({ commandClass: 'slow' }), 45_000);
  assert.equal(await spanOf({ commandClass: 'slow', deadlineMs: 500 }), 500);
  await rig.stop();
  rig = await createCommandsRig(database, {
    rulesOf: async (_deviceId, name) =>
      name === 'dance'
        ? { commandClass: 'slow', deadlineMs: 7_000, check: () => [] }
        : name === 'sing'
          ? { commandClass: 'act', deadlineMs: null, check: () => ['song must be string'] }
          : null,
  });
  const dancer = await rig.device();
  const { commandClass, deadlineAt, createdAt } = await rig.send(dancer, { name: 'dance' });
  assert.deepEqual([commandClass, deadlineAt - createdAt], ['slow', 7_000]);
  assert.equal(await code(rig.send(dancer, { name: 'sing' })), 'COMMAND_INVALID');
  assert.equal(await code(rig.send(dancer, { name: 'fly' })), 'COMMAND_UNKNOWN');
  assert.equal(await code(rig.send(dancer, { args: { x: 'a'.repeat(LIMITS.commandBytes) } })), 'COMMAND_INVALID');
});

test('what was never sent expires, what was sent and not answered is unknown', async () => {
  const away = await rig.device();
  const mute = await rig.device();
  mute.connect();
  const [never, sent, acked] = [await rig.send(away), await rig.send(mute), await rig.send(mute)];
  await until('both were written', () => mute.got.length === 2);
  await mute.reply({ commandId: acked.commandId, state: 'acked' });
  await rig.clock.advance(10_100);
  await until('they ended', async () => (await rig.state(acked.commandId)) === 'unknown', aWhile);
  assert.deepEqual([await rig.state(never.commandId), await rig.state(sent.commandId)], ['expired', 'unknown']);
  assert.equal((await rig.commands.get(never.commandId)).error?.code, 'COMMAND_EXPIRED');
  assert.equal((await rig.commands.get(sent.commandId)).error?.code, 'COMMAND_UNCONFIRMED');
});

test('answers: progress, then one end; what comes late or again changes nothing; a stranger is refused', async () => {
  const device = await rig.device();
  const stranger = await rig.device();
  device.connect();
  const { commandId } = await rig.send(device);
  await until('it was written', () => device.got.length === 1);
  assert.equal(await code(stranger.reply({ commandId, state: 'confirmed' })), 'NOT_FOUND');
  assert.equal(await code(device.reply({ commandId: newId(0), state: 'confirmed' })), 'NOT_FOUND');
  await device.reply({ commandId, state: 'progress', progress: 0.5 });
  assert.deepEqual(await rig.commands.get(commandId).then(({ state, progress }) => [state, progress]), ['acked', 0.5]);
  await device.reply({ commandId, state: 'rejected', error: { code: 'LID_OPEN', message: 'Close the lid.' } });
  const ended = await rig.commands.get(commandId);
  assert.deepEqual([ended.state, ended.error], ['rejected', { code: 'LID_OPEN', message: 'Close the lid.' }]);
  for (const state of ['acked', 'progress', 'confirmed', 'failed', 'rejected'] as const) {
    await device.reply({ commandId, state, progress: 1, result: 1 });
  }
  await rig.clock.advance(60_000);
  assert.deepEqual(await rig.commands.get(commandId), ended);
  assert.deepEqual(rig.ends.get(commandId), ['rejected']);
  const big = { commandId, state: 'confirmed' as const, result: 'a'.repeat(LIMITS.commandBytes) };
  assert.equal(await code(device.reply(big)), 'MESSAGE_INVALID');
});

for (const [commandClass, sends] of [
  ['read', 3],
  ['set', 2],
  ['act', 1],
  ['slow', 1],
] as const) {
  test(`${commandClass}: not acknowledged, it is sent ${sends} time(s) in all, then its end is unknown`, async () => {
    const device = await rig.device();
    device.connect();
    const { commandId } = await rig.send(device, { commandClass, deadlineMs: 20_000 });
    await until('it was written', () => device.got.length === 1);
    for (let nth = 2; nth <= sends; nth++) {
      await until(`attempt ${nth}`, () => device.got.length === nth, aWhile);
    }
    await rig.clock.advance(21_000);
    await until('it ended', async () => (await rig.state(commandId)) === 'unknown', aWhile);
    assert.deepEqual(
      device.got.map(({ commandId: id, attempt }) => [id, attempt]),
      Array.from({ length: sends }, (_, nth) => [commandId, nth + 1]),
    );
  });
}

test('an acknowledged command is not sent again, whatever its class', async () => {
  const device = await rig.device();
  device.connect();
  const { commandId } = await rig.send(device, { commandClass: 'read', deadlineMs: 20_000 });
  await until('it was written', () => device.got.length === 1);
  await device.reply({ commandId, state: 'acked' });
  for (let nth = 0; nth < 8; nth++) await rig.clock.advance(1_000);
  const next = await rig.send(device);
  await until('the next was written', () => device.got.length === 2);
  assert.equal(device.got[1]?.commandId, next.commandId);
});

test('bytes left and the connection broke: a reading is sent again at the next one, an act never', async () => {
  const device = await rig.device();
  const broke = new Error('reset by peer');
  const end = device.connect(() => Promise.reject(broke));
  const [read, act] = [await rig.send(device, { commandClass: 'read' }), await rig.send(device)];
  await until('both left', async () => (await rig.state(act.commandId)) === 'sent');
  end();
  device.connect();
  await until('the reading came again', () => device.got.length === 1);
  assert.deepEqual([device.got[0]?.commandId, device.got[0]?.attempt], [read.commandId, 2]);
  await device.reply({ commandId: read.commandId, state: 'confirmed', result: 20 });
  await rig.clock.advance(10_100);
  await until('the act is unknown', async () => (await rig.state(act.commandId)) === 'unknown', aWhile);
  assert.equal(device.got.length, 1);
});

test('not one byte left: it waits as if it had not been tried, and goes out at the next connection', async () => {
  const device = await rig.device();
  let tried = 0;
  const end = device.connect(async () => {
    tried += 1;
    throw new MusterError('DEVICE_NOT_CONNECTED');
  });
  const { commandId } = await rig.send(device);
  await until('it waits again', async () => tried === 1 && (await rig.state(commandId)) === 'queued');
  assert.equal((await rig.commands.get(commandId)).attempts, 0);
  end();
  device.connect();
  await until('it was written', () => device.got.length === 1);
  assert.equal(device.got[0]?.attempt, 1);
});

test('a connection that cannot take a command at the moment gets it when it can', async () => {
  const device = await rig.device();
  let full = 3;
  device.connect(async () => {
    if (full-- > 0) throw new MusterError('DEVICE_NOT_CONNECTED');
  });
  const [one, two] = [await rig.send(device), await rig.send(device)];
  await until('both were written', () => device.got.length === 2, aWhile);
  assert.deepEqual(
    device.got.map(({ commandId, attempt }) => [commandId, attempt]),
    [
      [one.commandId, 1],
      [two.commandId, 1],
    ],
  );
});

test('what a device had in hand before a restart counts as in its hand after it', async () => {
  const device = await rig.device();
  device.connect();
  const sent: string[] = [];
  for (let nth = 0; nth < 12; nth++) sent.push((await rig.send(device, { deadlineMs: 60_000 })).commandId);
  await until('its hands are full', () => device.got.length === 8);
  await device.reply({ commandId: sent[1] ?? '', state: 'acked' });
  await rig.restart();
  device.connect();
  await rig.send(device, { deadlineMs: 60_000 });
  await device.reply({ commandId: sent[0] ?? '', state: 'confirmed' });
  await until('one has room', () => device.got.length === 9);
  await device.reply({ commandId: sent[1] ?? '', state: 'confirmed' });
  await until('the next has room', () => device.got.length === 10);
  assert.deepEqual(
    device.got.map(({ commandId }) => commandId),
    sent.slice(0, 10),
  );
});

test('a device that was away gets what waits, in order, as many at a time as it may have in hand', async () => {
  const device = await rig.device();
  const sent: string[] = [];
  for (let nth = 0; nth < 12; nth++) sent.push((await rig.send(device)).commandId);
  device.connect();
  await until('its hands are full', () => device.got.length === 8);
  await device.reply({ commandId: sent[0] ?? '', state: 'confirmed' });
  await until('the next came', () => device.got.length === 9);
  for (const commandId of sent.slice(1))
    await until('its turn', () => device.got.some((one) => one.commandId === commandId)).then(() =>
      device.reply({ commandId, state: 'confirmed' }),
    );
  assert.deepEqual(
    device.got.map(({ commandId }) => commandId),
    sent,
  );
});

test('a device has a limited queue; what ends makes room', async () => {
  const device = await rig.device();
  const sent: string[] = [];
  for (let nth = 0; nth < LIMITS.commandsPerDevice; nth++) sent.push((await rig.send(device)).commandId);
  assert.equal(await code(rig.send(device)), 'COMMAND_QUEUE_FULL');
  await rig.commands.cancel(sent[0] ?? '');
  assert.equal(await code(rig.send(device)), 'done');
});

test('only what was not sent can be cancelled', async () => {
  const device = await rig.device();
  const { commandId } = await rig.send(device);
  assert.equal((await rig.commands.cancel(commandId)).state, 'cancelled');
  assert.equal(await code(rig.commands.cancel(commandId)), 'COMMAND_ENDED');
  device.connect();
  const other = await rig.send(device);
  await until('it was written', () => device.got.length === 1);
  assert.equal(device.got[0]?.commandId, other.commandId, 'what was cancelled does not come');
  assert.equal(await code(rig.commands.cancel(other.commandId)), 'CONFLICT');
  assert.equal(await code(rig.commands.cancel(newId(0))), 'NOT_FOUND');
});

test('who waits hears of the end: before it asked, meanwhile, or at the end of its patience of no end', async () => {
  const device = await rig.device();
  device.connect();
  const { commandId } = await rig.send(device);
  await until('it was written', () => device.got.length === 1);
  const patient = rig.commands.wait(commandId, 5_000);
  const impatient = rig.commands.wait(commandId, 100);
  await until('they wait', async () => (await rig.state(commandId)) === 'sent');
  await rig.clock.advance(100);
  assert.equal((await impatient).state, 'sent');
  await device.reply({ commandId, state: 'confirmed', result: { done: true } });
  assert.deepEqual((await patient).result, { done: true });
  assert.equal((await rig.commands.wait(commandId, 5_000)).state, 'confirmed');
  assert.equal(await code(rig.commands.wait(newId(0), 5_000)), 'NOT_FOUND');
});

test('a command that two servers may send is sent by one of them', async () => {
  const other = await createCommandsRig(database, { clock: rig.clock, siteId: rig.siteId });
  try {
    const device = await rig.device();
    for (let nth = 0; nth < 20; nth++) await rig.send(device);
    device.connect();
    // the same device at the other server, as after a move of its connection
    const twice: string[] = [];
    const link = {
      deviceId: device.deviceId,
      siteId: rig.siteId,
      transport: 'mqtt' as const,
      staysOpen: true,
      takes: () => true,
      command: async ({ commandId }: { commandId: string }) => void twice.push(commandId),
      twinDelta: () => undefined,
      close: () => undefined,
    };
    other.open(link);
    const came = (): string[] => [...device.got.map(({ commandId }) => commandId), ...twice];
    const answered = new Set<string>();
    while (answered.size < 20) {
      await until('the next was written', () => came().some((commandId) => !answered.has(commandId)), aWhile);
      for (const commandId of came()) {
        if (answered.has(commandId)) continue;
        answered.add(commandId);
        await device.reply({ commandId, state: 'confirmed' });
      }
    }
    const all = came();
    assert.equal(new Set(all).size, all.length);
  } finally {
    await other.stop();
  }
});
