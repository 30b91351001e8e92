import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonRpc } from '@muster/contract';
import fc from 'fast-check';
import { Type } from 'typebox';
import { createFileAudio } from '../audio/file.ts';
import { createLog } from '../log.ts';
import { defineTool } from './define-tool.ts';
import { createMcpServer } from './server.ts';
import type { Tool } from './tool.ts';
import { tools } from './tools/index.gen.ts';

const silent = createLog('error', () => undefined);

function stage(list: readonly Tool[] = tools, reboot: (() => Promise<void>) | null = null) {
  const audio = createFileAudio({ frameMs: 60, out: undefined });
  const server = createMcpServer(list, { audio, network: () => ({ connected: true }), reboot }, 'board', silent);
  const ask = (method: string, params: object = {}, id = 1): Promise<JsonRpc> =>
    new Promise((resolve) => server.request({ jsonrpc: '2.0', id, method, params }, resolve));
  const call = (name: string, args?: object) => ask('tools/call', { name, ...(args && { arguments: args }) });
  return { audio, server, ask, call };
}
const textOf = (answer: JsonRpc): string =>
  (answer.result as { content: { text: string }[] } | undefined)?.content[0]?.text ?? '';

test('sets the volume and tells it', async () => {
  const { call } = stage();
  assert.equal(textOf(await call('self.audio_speaker.set_volume', { volume: 30 })), 'true');
  assert.deepEqual(JSON.parse(textOf(await call('self.get_device_status'))), {
    audio_speaker: { volume: 30 },
    network: { connected: true },
  });
});

test('refuses arguments that do not fit, unknown tools and unknown methods, with the id', async () => {
  const { call, ask } = stage();
  for (const args of [{}, { volume: 101 }, { volume: '30' }, { volume: 1.5 }]) {
    assert.match((await call('self.audio_speaker.set_volume', args)).error?.message ?? '', /Invalid arguments/);
  }
  assert.match((await call('self.nothing')).error?.message ?? '', /Unknown tool: self.nothing/);
  assert.equal((await ask('resources/list', {}, 7)).id, 7);
});

test('restarts the machine only where that is allowed, and lists it for users only', async () => {
  const forbidden = await stage().call('self.reboot');
  assert.match(forbidden.error?.message ?? '', /allowReboot is false/);
  let reboots = 0;
  const allowed = stage(tools, async () => {
    reboots++;
  });
  assert.equal(textOf(await allowed.call('self.reboot')), 'true');
  assert.equal(reboots, 1);
  const names = async (params: object): Promise<string> =>
    JSON.stringify((await allowed.ask('tools/list', params)).result);
  assert.ok(!(await names({})).includes('self.reboot'));
  assert.ok((await names({ withUserTools: true })).includes('self.reboot'));
});

test('lists in pages of 8,000 bytes with the next name as cursor', async () => {
  const many = Array.from({ length: 40 }, (_, i) =>
    defineTool({
      name: `self.tool_${i}`,
      description: 'ü'.repeat(400),
      input: Type.Object({}),
      run: () => Promise.resolve(''),
    }),
  );
  const { ask } = stage(many);
  const seen: string[] = [];
  let cursor: string | undefined = '';
  while (cursor !== undefined) {
    const { result } = await ask('tools/list', { cursor });
    const page = result as { tools: { name: string }[]; nextCursor?: string };
    assert.ok(Buffer.byteLength(JSON.stringify(page.tools)) <= 8_000);
    seen.push(...page.tools.map(({ name }) => name));
    cursor = page.nextCursor;
  }
  assert.deepEqual(
    seen,
    many.map(({ name }) => name),
  );
  assert.ok((await ask('tools/list', { cursor: 'self.gone' })).error);
});

test('is silent on what is no request, whatever it is', () => {
  const { server } = stage();
  const never = (): void => assert.fail('it answered');
  const method = 'tools/list';
  for (const payload of [
    { jsonrpc: '1.0', id: 1, method },
    { jsonrpc: '2.0', id: 'text', method },
    { jsonrpc: '2.0', method },
    { jsonrpc: '2.0', id: 1, method: 'notifications/initialized' },
    { jsonrpc: '2.0', id: 1, method, params: [] },
    { jsonrpc: '2.0', id: 1e300, method },
  ]) {
    server.request(payload, never);
  }
  fc.assert(fc.property(fc.anything(), (payload) => server.request(payload, never)));
});

test('a flood of calls is refused past 16, and the rest answered in order', async () => {
  const { promise, resolve } = Promise.withResolvers<string>();
  const slow = defineTool({ name: 'slow', description: '', input: Type.Object({}), run: () => promise });
  const { ask } = stage([slow]);
  const answers = Array.from({ length: 20 }, (_, id) => ask('tools/call', { name: 'slow' }, id));
  assert.match((await answers[19])?.error?.message ?? '', /Too many/);
  resolve('done');
  const reached = await Promise.all(answers);
  assert.equal(reached.filter(({ error }) => error === undefined).length, 16);
});
