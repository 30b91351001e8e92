import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CommandMessage, type CommandReply, codeOf, MusterError } from '@muster/contract';
import { createLogger } from './platform/log.ts';
import { createToolLink } from './xiaozhi-tools.ts';

const DEVICE = { deviceId: 'd', siteId: 's' };
const MESSAGE: CommandMessage = {
  commandId: 'c',
  name: 'self.lamp.on',
  args: { on: true },
  deadlineAt: 0,
  deadlineMs: 1_000,
  attempt: 1,
};

function rig(callTool: () => Promise<string>, reply: (one: CommandReply) => Promise<void> = async () => undefined) {
  const replies: CommandReply[] = [];
  const link = createToolLink({
    device: DEVICE,
    link: { tools: () => [{ name: 'self.lamp.on', description: '', inputSchema: {} }], callTool },
    close: () => undefined,
    async reply(_device, one) {
      await reply(one);
      replies.push(one);
    },
    log: createLogger('silent'),
  });
  /** Everything that was to happen has happened. */
  const settled = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  return { link, replies, settled };
}

test('it takes the tools that the device lists, and no others', () => {
  const { link } = rig(async () => '');
  assert.deepEqual([link.takes('self.lamp.on'), link.takes('self.lamp'), link.takes('')], [true, false, false]);
});

test('the text of a tool is the result, its error the failure', async () => {
  const good = rig(async () => 'true');
  await good.link.command(MESSAGE);
  await good.settled();
  assert.deepEqual(good.replies, [{ commandId: 'c', state: 'confirmed', result: 'true' }]);
  const bad = rig(() => Promise.reject(new MusterError('TOOL_FAILED', {}, { say: 'No such lamp.' })));
  await bad.link.command(MESSAGE);
  await bad.settled();
  const error = { code: 'TOOL_FAILED', message: 'No such lamp.' };
  assert.deepEqual(bad.replies, [{ commandId: 'c', state: 'failed', error }]);
});

test('a command is written when the call has left, not when the tool has answered', async () => {
  const tool = Promise.withResolvers<string>();
  const { link, replies, settled } = rig(() => tool.promise);
  await link.command(MESSAGE);
  assert.equal(replies.length, 0);
  tool.resolve('done');
  await settled();
  assert.equal(replies[0]?.state, 'confirmed');
});

for (const [what, error] of [
  ['too many calls wait', new MusterError('QUEUE_FULL')],
  ['the connection had ended', new MusterError('DEVICE_NOT_CONNECTED')],
  ['the tool is gone', new MusterError('TOOL_UNKNOWN')],
] as const) {
  test(`${what}: not one byte left, and the command may go another way`, async () => {
    const { link, replies, settled } = rig(() => Promise.reject(error));
    const refused = await link.command(MESSAGE).catch((one: unknown) => one);
    assert.equal(codeOf(refused), 'DEVICE_NOT_CONNECTED');
    await settled();
    assert.deepEqual(replies, []);
  });
}

for (const [what, error] of [
  ['the tool did not answer in time', new MusterError('TOOL_TIMEOUT')],
  ['the connection broke in the middle', new MusterError('DEVICE_NOT_CONNECTED', { sent: true })],
] as const) {
  test(`${what}: nothing is said of its end, which the deadline decides`, async () => {
    const { link, replies, settled } = rig(() => Promise.reject(error));
    await link.command(MESSAGE);
    await settled();
    assert.deepEqual(replies, []);
  });
}

test('an answer that is too large to keep is a failure with its reason', async () => {
  const { link, replies, settled } = rig(
    async () => 'much',
    async ({ state }) => {
      if (state === 'confirmed') throw new MusterError('MESSAGE_INVALID', {}, { say: 'The result is larger.' });
    },
  );
  await link.command(MESSAGE);
  await settled();
  assert.deepEqual(replies, [
    { commandId: 'c', state: 'failed', error: { code: 'MESSAGE_INVALID', message: 'The result is larger.' } },
  ]);
});
