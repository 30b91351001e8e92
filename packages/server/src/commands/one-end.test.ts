import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type CommandClass, type CommandReply, codeOf, FINAL_COMMAND_STATES, MusterError } from '@muster/contract';
import fc from 'fast-check';
import { createTestDatabase } from '../platform/db/test-database.fixture.ts';
import { type CommandsRig, createCommandsRig, type RigDevice, until } from './commands.fixture.ts';
import { CLASSES } from './config.ts';

let database: Awaited<ReturnType<typeof createTestDatabase>>;
before(async () => {
  database = await createTestDatabase();
});
after(() => database.stop());

const FINAL: ReadonlySet<unknown> = FINAL_COMMAND_STATES;
const CLASS_NAMES = Object.keys(CLASSES) as CommandClass[];
const REPLIES = ['acked', 'progress', 'confirmed', 'rejected', 'failed'] as const;

type Happening =
  | { readonly kind: 'send'; readonly commandClass: CommandClass }
  | { readonly kind: 'reply'; readonly nth: number; readonly state: CommandReply['state']; readonly foreign: boolean }
  | { readonly kind: 'cancel'; readonly nth: number }
  | { readonly kind: 'connect'; readonly socket: 'works' | 'writes nothing' | 'breaks' }
  | { readonly kind: 'disconnect' }
  | { readonly kind: 'time'; readonly ms: number }
  | { readonly kind: 'restart' };

const nth = fc.nat({ max: 5 });
const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('send'), commandClass: fc.constantFrom(...CLASS_NAMES) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('reply'),
      nth,
      state: fc.constantFrom(...REPLIES),
      foreign: fc.constantFrom(false, false, false, false, true),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('cancel'), nth }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('connect'),
      socket: fc.constantFrom('works', 'works', 'writes nothing', 'breaks'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('disconnect') }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('time'), ms: fc.constantFrom(50, 1_000, 3_000, 10_000) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart') }) },
) as fc.Arbitrary<Happening>;

/** What a caller may be told; anything else is a fault of ours. */
const REFUSALS = new Set(['NOT_FOUND', 'CONFLICT', 'COMMAND_ENDED', 'COMMAND_QUEUE_FULL']);

test('whatever is sent, answered, cancelled, broken off and restarted at once: each command has one end, for ever', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(happening, { minLength: 1, maxLength: 4 }), { minLength: 3, maxLength: 10 }),
      async (rounds) => {
        const rig = await createCommandsRig(database);
        try {
          await live(rig, rounds);
        } finally {
          await rig.stop();
        }
      },
    ),
    { numRuns: 40, endOnFailure: true },
  );
});

async function live(rig: CommandsRig, rounds: readonly (readonly Happening[])[]): Promise<void> {
  const device = await rig.device();
  const stranger = await rig.device();
  const classes = new Map<string, CommandClass>();
  let hangUp = (): void => undefined;

  async function happen(what: Happening): Promise<void> {
    const commandId = 'nth' in what ? [...classes.keys()][what.nth] : undefined;
    switch (what.kind) {
      case 'send': {
        const { commandClass } = what;
        const sent = await rig.send(device, { commandClass });
        classes.set(sent.commandId, commandClass);
        return;
      }
      case 'reply':
        if (commandId === undefined) return;
        return (what.foreign ? stranger : device).reply({ commandId, state: what.state, progress: 0.5 });
      case 'cancel':
        if (commandId !== undefined) await rig.commands.cancel(commandId);
        return;
      case 'connect':
        hangUp();
        hangUp = connect(device, what.socket);
        return;
      case 'disconnect':
        return hangUp();
      case 'time':
        return rig.clock.advance(what.ms);
      case 'restart':
        return rig.restart();
    }
  }

  // what stands together happens at once
  for (const round of rounds) {
    const restarts = round.some(({ kind }) => kind === 'restart');
    const outcomes = await Promise.allSettled(round.map(happen));
    for (const outcome of outcomes) {
      // a server that is stopping may refuse anything
      if (outcome.status === 'rejected' && !restarts) {
        assert.ok(REFUSALS.has(codeOf(outcome.reason)), String(outcome.reason));
      }
    }
  }

  const ids = [...classes.keys()];
  await until(
    'all ended',
    async () => (await Promise.all(ids.map((id) => rig.state(id)))).every((state) => FINAL.has(state)),
    () => rig.clock.advance(5_000),
  );
  const ends = await Promise.all(ids.map((id) => rig.state(id)));
  for (const state of REPLIES) await Promise.all(ids.map((commandId) => device.reply({ commandId, state })));
  await Promise.allSettled(ids.map((id) => rig.commands.cancel(id)));
  await rig.restart();
  await rig.clock.advance(60_000);
  assert.deepEqual(await Promise.all(ids.map((id) => rig.state(id))), ends, 'an end never changes');
  for (const [nth, id] of ids.entries()) {
    assert.deepEqual(rig.ends.get(id), [ends[nth]], 'an end is told once');
    const written = device.got.filter(({ commandId }) => commandId === id).length;
    const most = CLASSES[classes.get(id) ?? 'act'].sends;
    assert.ok(written <= most, `sent ${written} times, ${most} allowed`);
  }
}

function connect(device: RigDevice, socket: 'works' | 'writes nothing' | 'breaks'): () => void {
  return device.connect(async () => {
    if (socket === 'writes nothing') throw new MusterError('DEVICE_NOT_CONNECTED');
    if (socket === 'breaks') throw new MusterError('SERVER_UNREACHABLE');
  });
}
