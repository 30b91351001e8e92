import { Ajv, type Options } from 'ajv';
import addFormats from 'ajv-formats';
import type { FastifySchemaCompiler } from 'fastify';
import type { TSchema } from 'typebox';

/**
 * Everything that comes in an address is text, so `?limit=5` may become a number there. A body has types of its own:
 * turning `null` into an empty string there would change what the caller said.
 */
export function createValidatorCompiler(): FastifySchemaCompiler<TSchema> {
  const options: Options = { allErrors: true, useDefaults: true, removeAdditional: false, strict: false };
  const strict = new Ajv(options);
  const text = new Ajv({ ...options, coerceTypes: 'array' });
  for (const ajv of [strict, text]) addFormats.default(ajv);
  return ({ schema, httpPart }) => (httpPart === 'body' ? strict : text).compile(schema);
}
