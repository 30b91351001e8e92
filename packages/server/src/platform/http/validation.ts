import { Ajv, type Options } from 'ajv';
import addFormats from 'ajv-formats';
import type { FastifySchemaCompiler } from 'fastify';
import type { TSchema } from 'typebox';

/**
 * Everything that comes in an address is text, so `?limit=5` may become a number there. A body has types of its own:
 * turning `null` into an empty string there would change what the caller said. Of a body the first fault is named: a
 * list of a million wrong things would take seconds to describe.
 */
export function createValidatorCompiler(): FastifySchemaCompiler<TSchema> {
  const options: Options = { useDefaults: true, removeAdditional: false, strict: false, strictNumbers: true };
  const strict = new Ajv(options);
  const text = new Ajv({ ...options, allErrors: true, coerceTypes: 'array' });
  for (const ajv of [strict, text]) addFormats.default(ajv);
  return ({ schema, httpPart }) => (httpPart === 'body' ? strict : text).compile(schema);
}
