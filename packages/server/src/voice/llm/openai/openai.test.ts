import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { MusterError } from '@muster/contract';
import { type FakeOpenAi, llmConformance, openAiSubject, startFakeOpenAi } from '@muster/testkit';
import type { ThinkRequest, ToolSpec } from '../../ports.ts';
import { requestOf } from '../../skills/parse/ask.fixture.ts';
import { tool as setTimer } from '../../tools/set-timer.ts';
import { createOpenAiLlm } from './index.ts';

const config = { baseUrl: '', model: 'test', timeoutMs: 500, idleMs: 500, maxTokens: 100 } as const;
const call = (name: string, args: string, id = 'c1') => ({ toolCalls: [{ id, name, arguments: args }] });

llmConformance('the OpenAI provider of language models', async () => {
  const fake = await startFakeOpenAi();
  fake.chat = [{ text: ['Paris', ' is the capital.'] }];
  const subject = openAiSubject(fake, createOpenAiLlm({ ...config, baseUrl: fake.baseUrl }));
  return {
    ...subject,
    exchange: { question: 'What is the capital of France?', answer: 'Paris' },
    // The far side follows a script: the question that has tools is answered with a call first.
    get toolQuestion() {
      fake.chat = [call('set_volume', '{"volume": 40}'), { text: ['Done.'] }];
      return 'Set the volume to 40.';
    },
    askForever() {
      fake.chat = [call('set_volume', '{"volume": 40}')];
    },
  };
});

describe('the OpenAI provider of language models', () => {
  let fake: FakeOpenAi;
  before(async () => {
    fake = await startFakeOpenAi();
  });
  after(() => fake.close());
  beforeEach(async () => {
    await fake.close();
    fake = await startFakeOpenAi();
  });

  const tool = (name: string): ToolSpec => ({ name, description: 'd', parameters: {} });

  async function think(request: ThinkRequest): Promise<string> {
    let said = '';
    for await (const event of createOpenAiLlm({ ...config, baseUrl: fake.baseUrl }).think(request)) {
      if (event.type === 'text') said += event.text;
    }
    return said;
  }
  const messages = (index: number) => fake.requests[index]?.json?.messages as { role: string; content: string }[];

  const toolsSent = <T>() => (fake.requests[0]?.json?.tools ?? []) as { function: T }[];

  it('tells the model who it is, when and where, and what was said before', async () => {
    const history = [
      { role: 'user', text: 'Hi.' },
      { role: 'assistant', text: 'Hello.' },
    ] as const;
    await think(requestOf('And now?', { history, persona: 'You are a pirate.', language: 'vi' }).request);
    const [system, ...rest] = messages(0);
    assert.match(
      system?.content ?? '',
      /You are a pirate\.\n.*Muster.*kitchen.*\n.*Vietnamese.*\n.*\n.*Saturday.? 21 November 2026.*15:00.*Asia\/Ho_Chi_Minh/,
    );
    assert.deepEqual(rest, [
      { role: 'user', content: 'Hi.' },
      { role: 'assistant', content: 'Hello.' },
      { role: 'user', content: 'And now?' },
    ]);
    assert.deepEqual([fake.requests[0]?.json?.model, fake.requests[0]?.json?.stream], ['test', true]);
    assert.equal(fake.requests[0]?.json?.tools, undefined);
    assert.equal(fake.requests[0]?.json?.temperature, undefined);
  });

  it('gives tools names that the API takes and calls them by their own', async () => {
    const tools = [tool('self.audio_speaker.set_volume'), tool('self_audio_speaker_set_volume'), tool('é'.repeat(100))];
    fake.chat = [call('self_audio_speaker_set_volume_2', '{}'), { text: ['Ok.'] }];
    const { request, calls } = requestOf('Louder', { tools });
    await think(request);
    const names = toolsSent<{ name: string }>().map((one) => one.function.name);
    assert.deepEqual(names.slice(0, 2), ['self_audio_speaker_set_volume', 'self_audio_speaker_set_volume_2']);
    for (const name of names) assert.match(name, /^[a-zA-Z0-9_-]{1,64}$/);
    assert.equal(new Set(names).size, 3);
    assert.deepEqual(calls, [{ name: 'self_audio_speaker_set_volume', args: {} }]);
  });

  it('sends the schema of a tool as plain JSON Schema', async () => {
    await think(requestOf('Hi', { tools: [setTimer.spec] }).request);
    const [sent] = toolsSent<{ parameters: Record<string, unknown> }>();
    assert.deepEqual(Object.keys(sent?.function.parameters ?? {}).sort(), [
      'additionalProperties',
      'properties',
      'required',
      'type',
    ]);
  });

  it('gives the results back in order, and tells the model what went wrong', async () => {
    fake.chat = [
      {
        toolCalls: [
          { id: 'a', name: 'works', arguments: '{"x": 1}' },
          { id: 'b', name: 'fails', arguments: '' },
          { id: 'c', name: 'works', arguments: '{"x": ' },
          { id: 'd', name: 'works', arguments: '[1]' },
          { id: 'e', name: 'invented', arguments: '{}' },
        ],
      },
      { text: ['Done.'] },
    ];
    const calls: unknown[] = [];
    const { request } = requestOf('Go', {
      tools: [tool('works'), tool('fails')],
      async callTool(name, args) {
        calls.push([name, args]);
        if (name === 'fails') throw new MusterError('TOOL_FAILED', {}, { say: 'The lamp is broken.' });
        return 'fine';
      },
    });
    assert.equal(await think(request), 'Done.');
    assert.deepEqual(calls, [
      ['works', { x: 1 }],
      ['fails', {}],
    ]);
    const told = messages(1).filter(({ role }) => role === 'tool');
    assert.deepEqual(
      told.map(({ content }) => content),
      [
        'fine',
        'Error: The lamp is broken.',
        'Error: the arguments are not a JSON object.',
        'Error: the arguments are not a JSON object.',
        'Error: there is no such tool.',
      ],
    );
  });

  it('asks for words after the last round of tools', async () => {
    fake.chat = [...Array.from({ length: 5 }, () => call('works', '{}')), { text: ['Enough.'] }];
    const { request, calls } = requestOf('Go', { tools: [tool('works')] });
    assert.equal(await think(request), 'Enough.');
    assert.equal(calls.length, 5);
    assert.deepEqual(
      fake.requests.map(({ json }) => json?.tool_choice),
      ['auto', 'auto', 'auto', 'auto', 'auto', 'none'],
    );
  });

  it('speaks neither thoughts nor markdown', async () => {
    fake.chat = [
      {
        text: [
          '<thi',
          'nk>Hmm, **what**',
          '?</th',
          'ink>\n# Answer\n- **Pa',
          'ris** is [the',
          ' capital](http://x). 🎉',
        ],
      },
    ];
    assert.equal((await think(requestOf('?').request)).trim(), 'Answer\nParis is the capital.');
  });

  for (const [what, body] of [
    ['a stream that ends without an end', { kind: 'endsEarly' }],
    ['a server that stalls', { kind: 'stall' }],
  ] as const) {
    it(`fails on ${what}`, async () => {
      fake.fault = body;
      await assert.rejects(
        think(requestOf('?').request),
        (error) => error instanceof MusterError && /^PROVIDER_(BROKEN|TIMEOUT)$/.test(error.code),
      );
    });
  }

  it('lets an abort during a tool call end the turn', async () => {
    fake.chat = [call('works', '{}'), { text: ['too late'] }];
    const controller = new AbortController();
    const reason = new MusterError('SERVER_STOPPING');
    const { request } = requestOf('Go', {
      tools: [tool('works')],
      signal: controller.signal,
      async callTool() {
        controller.abort(reason);
        throw reason;
      },
    });
    await assert.rejects(think(request), (error) => error === reason);
    assert.equal(fake.requests.length, 1);
  });
});
