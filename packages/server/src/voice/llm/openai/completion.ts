import { MusterError } from '@muster/contract';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';

/** One piece of a streamed completion, as far as it is used. Servers add much of their own. */
const Piece = Type.Object({
  choices: Type.Optional(
    Type.Array(
      Type.Object({
        delta: Type.Optional(
          Type.Object({
            content: Type.Optional(Type.Union([Type.String(), Type.Null()])),
            tool_calls: Type.Optional(
              Type.Union([
                Type.Null(),
                Type.Array(
                  Type.Object({
                    index: Type.Optional(Type.Integer({ minimum: 0 })),
                    id: Type.Optional(Type.Union([Type.String({ maxLength: 256 }), Type.Null()])),
                    function: Type.Optional(
                      Type.Object({
                        name: Type.Optional(Type.Union([Type.String({ maxLength: 256 }), Type.Null()])),
                        arguments: Type.Optional(Type.Union([Type.String(), Type.Null()])),
                      }),
                    ),
                  }),
                ),
              ]),
            ),
          }),
        ),
        finish_reason: Type.Optional(Type.Union([Type.String(), Type.Null()])),
      }),
    ),
  ),
  error: Type.Optional(Type.Unknown()),
});
type Delta = NonNullable<NonNullable<Static<typeof Piece>['choices']>[number]['delta']>;
type CallDelta = NonNullable<Delta['tool_calls']>[number];

/** A call that the model asks for. */
export interface ToolCall {
  readonly id: string;
  /** As the API knows it. */
  readonly name: string;
  /** JSON, if the model got it right. */
  readonly arguments: string;
}

export interface Completion {
  /** The text, piece by piece. Must be iterated to its end before the calls are read. */
  readonly text: AsyncIterable<string>;
  toolCalls(): readonly ToolCall[];
}

/** Longest line of the stream, characters. */
const LINE_CHARS = 262_144;
const MOST_CALLS = 16;
const ARGUMENT_CHARS = 32_768;

/**
 * Reads a streamed chat completion. Throws PROVIDER_BROKEN when the stream makes no sense, asks for too much or ends
 * without saying so, PROVIDER_FAILED when it carries an error.
 */
export function readCompletion(body: AsyncIterable<Uint8Array>): Completion {
  const calls: { id: string; name: string; arguments: string }[] = [];
  /** The newest call of each index; indices need neither begin at 0 nor be in a row. At most as many as `calls`. */
  const byIndex = new Map<number, (typeof calls)[number]>();

  async function* text(): AsyncGenerator<string, void, undefined> {
    let finished = false;
    for await (const data of eventData(body)) {
      if (data === '[DONE]') return;
      const piece = parse(data);
      if (piece.error !== undefined && piece.error !== null) throw new MusterError('PROVIDER_FAILED', { stream: true });
      const choice = piece.choices?.[0];
      for (const delta of choice?.delta?.tool_calls ?? []) add(delta);
      const content = choice?.delta?.content;
      if (typeof content === 'string' && content !== '') yield content;
      if (typeof choice?.finish_reason === 'string') finished = true;
    }
    if (!finished) throw new MusterError('PROVIDER_BROKEN', { why: 'the stream ended early' });
  }

  /** A call comes in parts with one index; servers that send whole calls may leave the index out or repeat it. */
  function add({ index, id, function: part }: CallDelta): void {
    const unnamed = part?.name ? undefined : calls.at(-1);
    let call = index === undefined ? unnamed : byIndex.get(index);
    if (call === undefined || (id && call.id !== '' && id !== call.id)) {
      if (calls.length >= MOST_CALLS) throw new MusterError('PROVIDER_BROKEN', { mostCalls: MOST_CALLS });
      call = { id: '', name: '', arguments: '' };
      calls.push(call);
      if (index !== undefined) byIndex.set(index, call);
    }
    call.id ||= id ?? '';
    call.name ||= part?.name ?? '';
    call.arguments += part?.arguments ?? '';
    if (call.arguments.length > ARGUMENT_CHARS) throw new MusterError('PROVIDER_BROKEN', { limit: ARGUMENT_CHARS });
  }

  return {
    text: text(),
    toolCalls: () => calls.map((call, index) => ({ ...call, id: call.id === '' ? `call_${index}` : call.id })),
  };
}

function parse(data: string): Static<typeof Piece> {
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch (cause) {
    throw new MusterError('PROVIDER_BROKEN', { why: 'a piece is not JSON' }, { cause });
  }
  if (!Value.Check(Piece, value)) throw new MusterError('PROVIDER_BROKEN', { why: 'a piece has another shape' });
  return value;
}

/** The data of server-sent events; an event of several lines is not used by this API. */
async function* eventData(body: AsyncIterable<Uint8Array>): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const bytes of body) {
    rest += decoder.decode(bytes, { stream: true });
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > LINE_CHARS) throw new MusterError('PROVIDER_BROKEN', { limit: LINE_CHARS });
    for (const line of lines) if (line.startsWith('data:')) yield line.slice(5).trim();
  }
  if (rest.startsWith('data:')) yield rest.slice(5).trim();
}
