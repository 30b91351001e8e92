import { MusterError } from '@muster/contract';
import { type Static, Type } from 'typebox';
import { postOpenAi } from '../../openai-http.ts';
import { defineLlm, type LanguageModel, type ThinkRequest } from '../../ports.ts';
import { readCompletion, type ToolCall } from './completion.ts';
import { callsMessage, type Message, messagesOf } from './messages.ts';
import { createSpeakable } from './speakable.ts';
import { type NamedTools, nameTools } from './tool-names.ts';

const Config = Type.Object({
  baseUrl: Type.String({
    default: '',
    pattern: '^($|https?://)',
    description: 'Base URL of a server with /chat/completions, such as http://127.0.0.1:11434/v1; empty: not used',
  }),
  apiKey: Type.Optional(Type.String({ secret: true, description: 'Key of that server; local ones need none' })),
  model: Type.String({ default: 'gpt-4o-mini', description: 'Model that answers' }),
  timeoutMs: Type.Integer({
    minimum: 100,
    maximum: 120_000,
    default: 15_000,
    description: 'Longest wait for the answer to begin, ms',
  }),
  idleMs: Type.Integer({
    minimum: 100,
    maximum: 120_000,
    default: 10_000,
    description: 'Longest wait between two pieces of the answer, ms',
  }),
  temperature: Type.Optional(
    Type.Number({ minimum: 0, maximum: 2, description: 'How free the model is; without it, its own default' }),
  ),
  maxTokens: Type.Integer({
    minimum: 0,
    maximum: 100_000,
    default: 600,
    description: 'Longest answer, tokens, sent as max_tokens; 0 sends no limit, which some newer models need',
  }),
});

/** An answer of 4,000 characters takes about 1 MB of pieces; the rest is room for a model that thinks aloud. */
const ANSWER_BYTES = 16_000_000;
const MOST_ROUNDS = 5;
/** Longest result of a tool that the model gets, characters. */
const RESULT_CHARS = 8_192;

export const provider = defineLlm({
  id: 'openai',
  order: 10,
  config: Config,
  configured: ({ baseUrl }) => baseUrl !== '',
  create: createOpenAiLlm,
});

/** Any server with OpenAI's chat completions, streamed, with tools. */
export function createOpenAiLlm(config: Static<typeof Config>): LanguageModel {
  function ask(messages: readonly Message[], { functions }: NamedTools, mayCall: boolean, signal: AbortSignal) {
    return postOpenAi({
      baseUrl: config.baseUrl,
      apiKey: config.apiKey ?? '',
      path: '/chat/completions',
      body: {
        model: config.model,
        messages,
        stream: true,
        ...(config.maxTokens === 0 ? {} : { max_tokens: config.maxTokens }),
        ...(config.temperature === undefined ? {} : { temperature: config.temperature }),
        ...(functions.length === 0 ? {} : { tools: functions, tool_choice: mayCall ? 'auto' : 'none' }),
      },
      timeoutMs: config.timeoutMs,
      idleMs: config.idleMs,
      maxBytes: ANSWER_BYTES,
      signal,
    });
  }

  return {
    id: 'openai',
    async *think(request) {
      const tools = nameTools(request.tools);
      const messages = messagesOf(request);
      for (let round = 0; round <= MOST_ROUNDS; round += 1) {
        // After the last round the model has to answer with what it has.
        const { body } = await ask(messages, tools, round < MOST_ROUNDS, request.signal);
        const completion = readCompletion(body);
        const speakable = createSpeakable();
        let written = '';
        for await (const piece of completion.text) {
          written += piece;
          const text = speakable.push(piece);
          if (text !== '') yield { type: 'text', text };
        }
        const rest = speakable.flush();
        if (rest !== '') yield { type: 'text', text: rest };
        const calls = completion.toolCalls();
        if (calls.length === 0) return;
        if (round === MOST_ROUNDS) break;
        messages.push(callsMessage(written, calls));
        for (const call of calls) {
          messages.push({ role: 'tool', tool_call_id: call.id, content: await resultOf(call, tools, request) });
        }
      }
      throw new MusterError('PROVIDER_BROKEN', { rounds: MOST_ROUNDS, why: 'the model calls tools without end' });
    },
    warm: async () => undefined,
    close: async () => undefined,
  };
}

/** What the tool gave, or what went wrong, in words for the model: it can try again or tell the person. */
async function resultOf(call: ToolCall, tools: NamedTools, { callTool, signal }: ThinkRequest): Promise<string> {
  const name = tools.ownName(call.name);
  if (name === undefined) return 'Error: there is no such tool.';
  const args = argumentsOf(call.arguments);
  if (args === null) return 'Error: the arguments are not a JSON object.';
  try {
    return (await callTool(name, args)).slice(0, RESULT_CHARS);
  } catch (error) {
    if (signal.aborted || !(error instanceof MusterError)) throw error;
    return `Error: ${error.message}`;
  }
}

function argumentsOf(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text.trim() === '' ? '{}' : text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : null;
  } catch {
    return null; // the model is told
  }
}
