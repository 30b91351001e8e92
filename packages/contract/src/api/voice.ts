import { type Static, Type } from 'typebox';
import { ERROR_CODES } from '../error-codes.ts';
import { LanguageSchema } from '../languages.ts';
import { At, Id, literals, Name, nullable } from './fields.ts';

const ProviderNames = nullable(
  Type.Array(Type.String({ minLength: 1, maxLength: 40 }), {
    minItems: 1,
    maxItems: 5,
    description:
      "Tried in this order; null is the server's own order: what is configured first, then what needs no key",
  }),
);

/** Who answers, and how: name, persona, voice, and for each stage the providers in the order they are tried. */
export const Assistant = Type.Object({
  assistantId: Id,
  siteId: Id,
  name: Name,
  persona: Type.String({ maxLength: 4_000, description: 'Told to the language model before each turn' }),
  language: LanguageSchema,
  voice: nullable(Type.String({ maxLength: 60, description: 'A voice of the speech provider; null is its default' })),
  allowedTools: nullable(
    Type.Array(Type.String(), { maxItems: 128, description: 'Names of device tools; null allows all' }),
  ),
  stt: ProviderNames,
  llm: ProviderNames,
  tts: ProviderNames,
  memoryTurns: Type.Integer({ minimum: 0, maximum: 50, description: 'Past turns told to the language model' }),
  createdAt: At,
});
export type Assistant = Static<typeof Assistant>;

const editable = Type.Object({
  name: Name,
  persona: Assistant.properties.persona,
  language: LanguageSchema,
  voice: Assistant.properties.voice,
  allowedTools: Assistant.properties.allowedTools,
  stt: ProviderNames,
  llm: ProviderNames,
  tts: ProviderNames,
  memoryTurns: Assistant.properties.memoryTurns,
});
export const AssistantChange = Type.Partial(editable, { additionalProperties: false });
export type AssistantChange = Static<typeof AssistantChange>;
export const AssistantCreate = Type.Object(
  { ...Type.Partial(editable).properties, name: Name },
  { additionalProperties: false },
);
export type AssistantCreate = Static<typeof AssistantCreate>;
export const AssistantList = Type.Object({ assistants: Type.Array(Assistant) });
export type AssistantList = Static<typeof AssistantList>;

/** How a turn ended. `interrupted` is a person's barge-in or abort, and no fault. */
export const TURN_OUTCOMES = ['answered', 'interrupted', 'nothingHeard', 'refused', 'failed', 'disconnected'] as const;
export type TurnOutcome = (typeof TURN_OUTCOMES)[number];

/** Spans of a turn in ms from the last voiced frame; null where the stage did not happen. */
export const TurnTimes = Type.Object({
  speechMs: nullable(Type.Number({ description: 'How long the person spoke' })),
  endpointMs: nullable(Type.Number({ description: 'Last voiced frame to end of speech decided' })),
  heardMs: nullable(Type.Number({ description: 'to the words being known' })),
  thoughtMs: nullable(Type.Number({ description: 'to the first sentence of the answer' })),
  spokenMs: nullable(Type.Number({ description: 'to the first audio of the answer made' })),
  firstAudioMs: nullable(Type.Number({ description: 'to the first audio frame handed to the socket' })),
  totalMs: nullable(Type.Number({ description: 'to the end of the turn' })),
});
export type TurnTimes = Static<typeof TurnTimes>;

/** One exchange of speech: the flight recorder's row. */
export const Turn = Type.Object({
  turnId: Id,
  deviceId: Id,
  siteId: Id,
  startedAt: At,
  cause: literals(['speech', 'text', 'reminder', 'server'], 'What began the turn'),
  outcome: literals(TURN_OUTCOMES),
  errorCode: nullable(literals(Object.keys(ERROR_CODES) as (keyof typeof ERROR_CODES)[])),
  stt: nullable(Type.String({ description: 'Provider that heard' })),
  llm: nullable(Type.String({ description: 'Provider that answered' })),
  tts: nullable(Type.String({ description: 'Provider that spoke' })),
  skill: nullable(Type.String({ description: 'Skill that answered, when the skills engine did' })),
  times: TurnTimes,
  tools: Type.Array(Type.Object({ name: Type.String(), ok: Type.Boolean(), ms: Type.Number() })),
  heard: nullable(Type.String({ description: 'null unless the site keeps words' })),
  said: nullable(Type.String({ description: 'null unless the site keeps words' })),
});
export type Turn = Static<typeof Turn>;
export const TurnList = Type.Object({ turns: Type.Array(Turn), next: nullable(Type.String()) });
export type TurnList = Static<typeof TurnList>;

export const ProviderList = Type.Object({
  stt: Type.Array(Type.String()),
  llm: Type.Array(Type.String()),
  tts: Type.Array(Type.String()),
});
export type ProviderList = Static<typeof ProviderList>;

export const SayRequest = Type.Object(
  { text: Type.String({ minLength: 1, maxLength: 1_000, pattern: '\\S' }) },
  { additionalProperties: false },
);
export type SayRequest = Static<typeof SayRequest>;
/**
 * `played`: to the end, in the conversation that is open. `fetched`: an idle device took the sound to its end.
 * `shown`: an idle device with older firmware was sent the words for its screen, and nobody knows more.
 */
export const SayReply = Type.Object({ outcome: literals(['played', 'fetched', 'shown']) });
export type SayReply = Static<typeof SayReply>;
