import assert from 'node:assert/strict';
import { type Case, FAULTS, type Fault, type ProviderSubject, registerCases, sharedCases } from './case.ts';

/** What the suite gives a language model; the server's request has this shape. */
export interface LlmRequest {
  readonly text: string;
  readonly history: readonly { readonly role: 'user' | 'assistant'; readonly text: string }[];
  readonly persona: string;
  readonly assistantName: string;
  readonly language: 'en';
  readonly timeZone: string;
  readonly now: number;
  readonly deviceName: string;
  readonly tools: readonly {
    readonly name: string;
    readonly description: string;
    readonly parameters: Readonly<Record<string, unknown>>;
  }[];
  readonly callTool: (name: string, args: Readonly<Record<string, unknown>>) => Promise<string>;
  readonly signal: AbortSignal;
}

/** What the suite needs of a language model; the server's port has this shape. */
export interface LlmPort {
  think(request: LlmRequest): AsyncIterable<{ readonly type: string; readonly text?: string; readonly name?: string }>;
}

export interface LlmSubject extends ProviderSubject<LlmPort> {
  /** A question, and what the answer to it must contain. */
  readonly exchange: { readonly question: string; readonly answer: string };
  /** A question that is answered with one call of `set_volume` with `{"volume": 40}`; null when there are no tools. */
  readonly toolQuestion: string | null;
  /** The subject from here on asks for the tool again and again. */
  askForever(): void;
}

const SET_VOLUME = {
  name: 'set_volume',
  description: 'Sets the volume of the speaker',
  parameters: { type: 'object', properties: { volume: { type: 'integer' } }, required: ['volume'] },
};

/** Rounds of tool calls that a provider may take. */
const MOST_ROUNDS = 5;

export function llmCases(): Case<LlmSubject>[] {
  return [
    {
      name: 'answers in pieces of text',
      async run({ port, exchange }) {
        const answer = await read(port, { ...request(), text: exchange.question });
        assert.ok(answer.includes(exchange.answer), `"${answer}" does not have "${exchange.answer}"`);
      },
    },
    {
      name: 'calls a tool with its arguments and answers after it',
      async run({ port, toolQuestion }) {
        if (toolQuestion === null) return;
        const calls: unknown[] = [];
        const callTool = async (name: string, args: unknown): Promise<string> => {
          calls.push([name, args]);
          return 'done';
        };
        const answer = await read(port, { ...request(), text: toolQuestion, tools: [SET_VOLUME], callTool });
        assert.deepEqual(calls, [['set_volume', { volume: 40 }]]);
        assert.notEqual(answer, '');
      },
    },
    {
      name: 'stops a model that calls tools for ever',
      async run({ port, toolQuestion, askForever }) {
        if (toolQuestion === null) return;
        askForever();
        let calls = 0;
        const callTool = async (): Promise<string> => {
          calls += 1;
          if (calls > 3 * MOST_ROUNDS) assert.fail('calls tools without end');
          return 'done';
        };
        // How it ends is the provider's choice: with words or with an error.
        await read(port, { ...request(), text: toolQuestion, tools: [SET_VOLUME], callTool }).catch(() => undefined);
        assert.ok(calls <= MOST_ROUNDS, `${calls} rounds`);
      },
    },
    ...sharedCases<LlmPort>((port, signal) => read(port, { ...request(), signal })),
  ];
}

/**
 * Runs the suite of language models as tests. `faults` are those that can be caused here; a provider without a far side
 * has none.
 */
export function llmConformance(
  name: string,
  make: () => LlmSubject | Promise<LlmSubject>,
  faults: readonly Fault[] = FAULTS,
): void {
  registerCases(name, llmCases(), make, faults);
}

function request(): LlmRequest {
  return {
    text: 'Hello, who are you?',
    history: [],
    persona: 'You are friendly.',
    assistantName: 'Muster',
    language: 'en',
    timeZone: 'UTC',
    now: Date.UTC(2026, 0, 1, 12),
    deviceName: 'kitchen',
    tools: [],
    callTool: () => Promise.reject(new TypeError('no tool was offered')),
    signal: new AbortController().signal,
  };
}

async function read(port: LlmPort, asked: LlmRequest): Promise<string> {
  let answer = '';
  for await (const event of port.think(asked)) if (event.type === 'text') answer += event.text ?? '';
  return answer;
}
