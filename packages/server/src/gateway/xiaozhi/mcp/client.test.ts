import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { JsonRpc } from '@muster/contract';
import { createLogger } from '../../../platform/log.ts';
import { createHandClock } from '../rig/hand-clock.ts';
import { createMcpClient } from './client.ts';

const NEVER = new AbortController().signal;

/** A client whose device answers `tools/list` with `page(cursor)` at once, and nothing else by itself. */
function setUp(page: (cursor: string) => unknown = () => ({ tools: [{ name: 'lamp', inputSchema: {} }] })) {
  const clock = createHandClock();
  const sent: JsonRpc[] = [];
  const lists: string[] = [];
  const client = createMcpClient({
    clock,
    log: createLogger('silent'),
    version: '1.2.3',
    send(payload) {
      sent.push(payload);
      const { id, method, params } = payload;
      if (method === 'initialize') queueMicrotask(() => client.receive({ jsonrpc: '2.0', id, result: {} }));
      if (method === 'tools/list') {
        const cursor = String(params?.cursor);
        lists.push(cursor);
        queueMicrotask(() => client.receive({ jsonrpc: '2.0', id, result: page(cursor) }));
      }
      return true;
    },
  });
  client.start();
  const answer = (result: object): void => client.receive({ jsonrpc: '2.0', id: sent.at(-1)?.id, ...result });
  return { client, clock, sent, lists, answer };
}

test('introduces itself as the reference server does', async () => {
  const { sent } = setUp();
  await turn();
  assert.deepEqual(sent[0], {
    jsonrpc: '2.0',
    id: 1,
    method: 'initialize',
    params: { protocolVersion: '2024-11-05', capabilities: {}, clientInfo: { name: 'Muster', version: '1.2.3' } },
  });
  assert.deepEqual(sent[1], {
    jsonrpc: '2.0',
    id: 2,
    method: 'tools/list',
    params: { cursor: '', withUserTools: false },
  });
});

test('joins the texts of a result and leaves out what is no text', async () => {
  const { client, sent, answer } = setUp();
  await turn();
  const call = client.call('lamp', { on: true }, NEVER);
  assert.deepEqual(sent.at(-1)?.params, { name: 'lamp', arguments: { on: true } });
  const content = [{ type: 'text', text: 'one' }, { type: 'image', image: '{}' }, 7, { type: 'text', text: 'two' }];
  answer({ result: { content } });
  assert.equal(await call, 'one\ntwo');
});

test('a result marked as an error rejects with its text', async () => {
  const { client, answer } = setUp();
  await turn();
  const call = client.call('lamp', {}, NEVER);
  answer({ result: { content: [{ type: 'text', text: 'no power' }], isError: true } });
  await assert.rejects(call, { code: 'TOOL_FAILED', message: 'no power' });
});

test('an unknown tool is not asked for', async () => {
  const { client, sent } = setUp();
  await turn();
  const before = sent.length;
  await assert.rejects(client.call('rocket', {}, NEVER), { code: 'TOOL_UNKNOWN' });
  assert.equal(sent.length, before);
});

test('an abort rejects with its reason, and the late answer is ignored', async () => {
  const { client, answer } = setUp();
  await turn();
  const controller = new AbortController();
  const call = client.call('lamp', {}, controller.signal);
  controller.abort(new TypeError('barge-in'));
  await assert.rejects(call, /barge-in/);
  answer({ result: { content: [] } });
  await assert.rejects(client.call('lamp', {}, controller.signal), /barge-in/);
});

test('the seventeenth call at once is refused; closing rejects the others', async () => {
  const { client, clock } = setUp();
  await turn();
  const calls = Array.from({ length: 16 }, () => client.call('lamp', {}, NEVER));
  const outcomes = Promise.allSettled(calls);
  await assert.rejects(client.call('lamp', {}, NEVER), { code: 'QUEUE_FULL' });
  client.close();
  for (const outcome of await outcomes) {
    assert.equal(outcome.status, 'rejected');
    assert.equal(outcome.reason.code, 'DEVICE_NOT_CONNECTED');
  }
  await assert.rejects(client.call('lamp', {}, NEVER), { code: 'DEVICE_NOT_CONNECTED' });
  assert.equal(clock.waiting(), 0);
});

test('answers to nothing, with string ids or of wrong shape are ignored', async () => {
  const { client, sent } = setUp();
  await turn();
  const call = client.call('lamp', {}, NEVER);
  const id = sent.at(-1)?.id;
  for (const stray of [null, 7, [], {}, { id: 999, result: {} }, { id: String(id), result: {} }, { method: 'x' }]) {
    client.receive(stray);
  }
  client.receive({ id, result: { content: [{ type: 'text', text: 'true' }] } });
  assert.equal(await call, 'true');
});

test('an answer with neither result nor error is a failure', async () => {
  const { client, answer } = setUp();
  await turn();
  const call = client.call('lamp', {}, NEVER);
  answer({});
  await assert.rejects(call, { code: 'TOOL_FAILED' });
});

test('endless pages end after 32, endless tools after 128, and names are kept once', async () => {
  let page = 0;
  const endless = setUp(() => ({ tools: [{ name: 'same', inputSchema: {} }], nextCursor: `page-${++page}` }));
  for (let step = 0; step < 100; step++) await turn();
  assert.equal(endless.lists.length, 32);
  assert.deepEqual(
    endless.client.tools().map(({ name }) => name),
    ['same'],
  );

  const many = setUp(() => ({ tools: Array.from({ length: 500 }, (_, at) => ({ name: `tool-${at}` })) }));
  await turn();
  assert.equal(many.client.tools().length, 128);
  assert.deepEqual(many.client.tools()[0], {
    name: 'tool-0',
    description: '',
    inputSchema: { type: 'object', properties: {} },
  });
});

test('a page that is nonsense leaves no tools and throws nothing', async () => {
  for (const page of [null, 7, { tools: 'x' }, { tools: [null, { name: 7 }, { name: 'x'.repeat(200) }] }]) {
    const { client } = setUp(() => page);
    await turn();
    assert.deepEqual(client.tools(), []);
  }
});

test('a device that never answers has no tools', async () => {
  const clock = createHandClock();
  const client = createMcpClient({ clock, log: createLogger('silent'), version: '1', send: () => true });
  client.start();
  clock.advance(30_000);
  await turn();
  assert.deepEqual(client.tools(), []);
  assert.equal(clock.waiting(), 0);
});
