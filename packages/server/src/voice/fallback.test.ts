import assert from 'node:assert/strict';
import { test } from 'node:test';
import { codeOf } from '@muster/contract';
import { createVirtualClock } from '@muster/testkit';
import type { Attempt } from './attempt.ts';
import { firstStream } from './fallback.ts';
import { createToolCalls } from './turn/tool-calls.ts';

const LIMIT = { ms: 8_000, code: 'THINKING_TIMEOUT' } as const;
const TOOL_MS = 30_000;
const never = new Promise<never>(() => undefined);

interface Scripted {
  readonly id: string;
  think(call: (name: string) => Promise<string>, signal: AbortSignal): AsyncGenerator<string>;
}

/** Lets scripted models think, with real tool calls. `certain` resolves when `commit` is called. */
function setUp(
  providers: readonly Scripted[],
  callTool = async (_: string, _args: object, _signal: AbortSignal) => 'done',
) {
  const clock = createVirtualClock();
  const certain = Promise.withResolvers<void>();
  const turn = new AbortController();
  const failures: string[] = [];
  const called: string[] = [];
  const spoke: string[] = [];
  const toolCalls = createToolCalls({
    clock,
    limitMs: TOOL_MS,
    certain: certain.promise,
    callTool: (name, args, signal) => {
      called.push(name);
      return callTool(name, args, signal);
    },
  });
  async function run(): Promise<string> {
    const open = (provider: Scripted, attempt: Attempt) =>
      provider.think((name) => toolCalls.call(name, {}, attempt), attempt.signal);
    const deps = {
      clock,
      onFailure: (provider: string, error: unknown) => void failures.push(`${provider} ${codeOf(error)}`),
    };
    let said = '';
    for await (const text of firstStream(deps, providers, LIMIT, turn.signal, open, ({ id }) => void spoke.push(id))) {
      said += text;
    }
    return said;
  }
  return { clock, commit: certain.resolve, turn, failures, called, spoke, run, made: toolCalls.made };
}

const works: Scripted = {
  id: 'works',
  async *think() {
    yield 'Hello.';
  },
};
const empty: Scripted = {
  id: 'empty',
  async *think() {
    // nothing
  },
};

test('a provider that did nothing and said nothing is followed by the next, an empty one too', async () => {
  const hangs: Scripted = {
    id: 'hangs',
    async *think() {
      yield await never;
    },
  };
  const { clock, run, failures, spoke } = setUp([hangs, empty, works]);
  const said = run();
  await clock.advance(LIMIT.ms);
  assert.equal(await said, 'Hello.');
  assert.deepEqual(failures, ['hangs THINKING_TIMEOUT', 'empty PROVIDER_BROKEN']);
  assert.deepEqual(spoke, ['works']);
  assert.equal(clock.waiting, 0);
});

test('when the last one is empty, the stage fails', async () => {
  const { run } = setUp([empty]);
  await assert.rejects(run(), (error) => codeOf(error) === 'PROVIDER_BROKEN');
});

test('a provider that throws before it streams is followed by the next', async () => {
  const throws: Scripted = {
    id: 'throws',
    think() {
      throw new TypeError('no stream');
    },
  };
  const { run, failures } = setUp([throws, works]);
  assert.equal(await run(), 'Hello.');
  assert.deepEqual(failures, ['throws INTERNAL']);
});

test('nothing acts twice: after a tool call a failure is not followed by the next provider', async () => {
  const acts: Scripted = {
    id: 'acts',
    async *think(call) {
      await call('set_timer');
      yield await Promise.reject(new TypeError('the stream broke'));
    },
  };
  const { run, commit, called, failures } = setUp([acts, { ...acts, id: 'again' }]);
  commit();
  await assert.rejects(run(), /the stream broke/);
  assert.deepEqual(called, ['set_timer']);
  assert.deepEqual(failures, ['acts INTERNAL']);
});

test('a call that waits to be certain does not run when its provider was given up meanwhile', async () => {
  let rejectedWith: string | null = null;
  const gone: Scripted = {
    id: 'gone',
    async *think(call) {
      call('set_timer').catch((error: unknown) => {
        rejectedWith = codeOf(error);
      });
      yield await Promise.reject(new TypeError('broke'));
    },
  };
  const { run, commit, called } = setUp([gone, works]);
  assert.equal(await run(), 'Hello.');
  await new Promise(setImmediate);
  assert.equal(rejectedWith, 'THINKING_TIMEOUT', 'rejected before the turn is certain');
  commit();
  await new Promise(setImmediate);
  assert.deepEqual(called, []);
});

test('the tool at work learns that its provider was given up', async () => {
  let told = false;
  const leaves: Scripted = {
    id: 'leaves',
    async *think(call) {
      call('slow').catch(() => undefined);
      yield 'Bye.';
    },
  };
  const { run, commit } = setUp([leaves], (_name, _args, signal) => {
    signal.addEventListener('abort', () => {
      told = true;
    });
    return never;
  });
  commit();
  await run();
  assert.equal(told, true);
});

test('a tool may take its whole limit, longer than the model may think; then the model has its time anew', async () => {
  const slow: Scripted = {
    id: 'slow',
    async *think(call) {
      const result = await call('door').catch(codeOf);
      yield `${result} `;
      yield `${await call('door')}`;
    },
  };
  let calls = 0;
  const answer = Promise.withResolvers<string>();
  const { clock, run, commit, made } = setUp([slow, works], () => {
    calls += 1;
    return calls === 1 ? never : answer.promise;
  });
  commit();
  const said = run();
  await clock.advance(TOOL_MS - 1);
  assert.equal(calls, 1);
  await clock.advance(1);
  assert.equal(calls, 2, 'the first ended by its own limit');
  await clock.advance(TOOL_MS - 1_000);
  answer.resolve('open');
  assert.equal(await said, 'TOOL_TIMEOUT open');
  assert.deepEqual(
    made.map(({ ok, ms }) => [ok, ms]),
    [
      [false, TOOL_MS],
      [true, TOOL_MS - 1_000],
    ],
  );
  assert.equal(clock.waiting, 0);
});

test('while one of two calls is open the clock of the model stands still', async () => {
  const both: Scripted = {
    id: 'both',
    async *think(call) {
      yield (await Promise.all([call('quick'), call('slow')])).join(' ');
    },
  };
  const slow = Promise.withResolvers<string>();
  const { clock, run, commit } = setUp([both], async (name) => (name === 'slow' ? slow.promise : 'done'));
  commit();
  const said = run();
  await clock.advance(2 * LIMIT.ms);
  slow.resolve('open');
  assert.equal(await said, 'done open');
});

test('a model that hangs after its tool call has the limit of the stage, and no successor', async () => {
  const hangs: Scripted = {
    id: 'hangs',
    async *think(call) {
      await call('door');
      yield await never;
    },
  };
  const { clock, run, commit } = setUp([hangs, works]);
  commit();
  const rejected = assert.rejects(run(), (error) => codeOf(error) === 'THINKING_TIMEOUT');
  await clock.advance(LIMIT.ms);
  await rejected;
});

test('the end of the turn ends it with the reason of the turn', async () => {
  const hangs: Scripted = {
    id: 'hangs',
    async *think() {
      yield await never;
    },
  };
  const { clock, run, turn, failures } = setUp([hangs, works]);
  const rejected = assert.rejects(run(), /barge-in/);
  await clock.advance(10);
  turn.abort(new Error('barge-in'));
  await rejected;
  assert.deepEqual(failures, []);
  assert.equal(clock.waiting, 0);
});
