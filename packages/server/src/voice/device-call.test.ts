import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Command, codeOf, MusterError } from '@muster/contract';
import { callDeviceTool, type ToolCommands } from './device-call.ts';

const LINK = { deviceId: 'd', siteId: 's' };
const COMMAND: Command = {
  commandId: 'c',
  deviceId: 'd',
  siteId: 's',
  name: 'self.lamp.on',
  args: {},
  commandClass: 'act',
  state: 'queued',
  progress: null,
  result: null,
  error: null,
  attempts: 0,
  sentBy: 'assistant',
  runId: null,
  createdAt: 0,
  deadlineAt: 0,
  sentAt: null,
  ackedAt: null,
  endedAt: null,
};

/** Commands that end as the test says. */
function commands(end: Partial<Command>, more: Partial<ToolCommands> = {}) {
  const calls: string[] = [];
  const made: ToolCommands = {
    async dispatch({ name, sentBy, deadlineMs }) {
      calls.push(`dispatch ${name} by ${sentBy} in ${deadlineMs}`);
      return { command: COMMAND, isNew: true };
    },
    wait: async () => ({ ...COMMAND, ...end }),
    async cancel(commandId) {
      calls.push(`cancel ${commandId}`);
      return COMMAND;
    },
    ...more,
  };
  return { made, calls };
}

const call = (made: ToolCommands, signal = new AbortController().signal): Promise<string> =>
  callDeviceTool(made, LINK, 'self.lamp.on', { on: true }, signal);
const failure = async (work: Promise<unknown>): Promise<string> => {
  const error = await work.then(
    () => 'done',
    (one: unknown) => one,
  );
  return `${codeOf(error)}: ${(error as Error).message}`;
};

test('a tool call is a command of the assistant, and its result the text of the tool', async () => {
  const { made, calls } = commands({ state: 'confirmed', result: 'true' });
  assert.equal(await call(made), 'true');
  assert.deepEqual(calls, ['dispatch self.lamp.on by assistant in 30000']);
  assert.equal(await call(commands({ state: 'confirmed', result: { on: true } }).made), '{"on":true}');
});

test('what the device says went wrong is what the assistant hears', async () => {
  const error = { code: 'TOOL_FAILED', message: 'No such lamp.' };
  assert.equal(await failure(call(commands({ state: 'failed', error }).made)), 'TOOL_FAILED: No such lamp.');
  assert.equal(await failure(call(commands({ state: 'rejected', error }).made)), 'TOOL_FAILED: No such lamp.');
});

test('a command whose end is not known is a call that took too long', async () => {
  for (const state of ['unknown', 'expired', 'cancelled', 'sent'] as const) {
    assert.match(await failure(call(commands({ state }).made)), /^TOOL_TIMEOUT: /);
  }
});

test('a command that cannot be made is a call that failed, with the reason', async () => {
  const refused = (): Promise<never> =>
    Promise.reject(new MusterError('COMMAND_INVALID', {}, { say: 'volume is low' }));
  assert.equal(await failure(call(commands({}, { dispatch: refused }).made)), 'TOOL_FAILED: volume is low');
});

test('a person interrupts: what has not left is called back, what has goes on', async () => {
  const stop = new AbortController();
  stop.abort(new MusterError('TURN_LIMIT'));
  const queued = commands({ state: 'queued' });
  assert.match(await failure(call(queued.made, stop.signal)), /^TURN_LIMIT/);
  assert.equal(queued.calls.at(-1), 'cancel c');
  const sent = commands({ state: 'sent' }, { cancel: () => Promise.reject(new MusterError('CONFLICT')) });
  assert.match(await failure(call(sent.made, stop.signal)), /^TURN_LIMIT/);
  const broken = commands({ state: 'sent' }, { cancel: () => Promise.reject(new MusterError('DATABASE_UNAVAILABLE')) });
  assert.match(await failure(call(broken.made, stop.signal)), /^DATABASE_UNAVAILABLE/);
});
