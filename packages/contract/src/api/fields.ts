import { type Static, Type } from 'typebox';
import { ERROR_CODES } from '../error-codes.ts';

export const Id = Type.String({ format: 'uuid', description: 'UUID version 7' });
/** The last instant that a date can name (ECMA-262, 21.4.1.1), epoch ms: later ones have no text. */
export const LAST_AT = 8_640_000_000_000_000;
/** Epoch milliseconds. */
export const At = Type.Integer({ minimum: 0, maximum: LAST_AT, description: 'Epoch milliseconds' });
/** No control characters (a terminal would obey them) and none that turn the direction of what follows; not blank. */
export const Name = Type.String({
  minLength: 1,
  maxLength: 200,
  pattern: '^(?=[^]*\\S)[^\\u0000-\\u001f\\u007f-\\u009f\\u202a-\\u202e\\u2066-\\u2069]+$',
  description: 'Text without control characters',
});
/** An enum of string literals with its members kept in the type. */
export function literals<const T extends readonly string[]>(values: T, description?: string) {
  return Type.Unsafe<T[number]>(
    Type.String({ enum: [...values], ...(description === undefined ? {} : { description }) }),
  );
}
export function nullable<T extends Parameters<typeof Type.Union>[0][number]>(schema: T) {
  return Type.Union([schema, Type.Null()]);
}

/** Every error answer of the HTTP API. */
export const ErrorReply = Type.Object({
  error: Type.Object({
    code: literals(Object.keys(ERROR_CODES) as (keyof typeof ERROR_CODES)[]),
    message: Type.String({ description: 'A sentence for people, in English' }),
    requestId: Type.String({ description: 'Find it in the log of the server' }),
    retryAfterMs: Type.Optional(Type.Integer({ minimum: 0 })),
    details: Type.Optional(Type.Array(Type.String(), { description: 'What is wrong with the request, line by line' })),
  }),
});
export type ErrorReply = Static<typeof ErrorReply>;

export const Empty = Type.Object({});
