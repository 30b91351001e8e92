import { isUtf8 } from 'node:buffer';
import { faultsOf, type JsonValue, LIMITS, MusterError } from '@muster/contract';
import type { Static, TObject } from 'typebox';
import { Compile } from 'typebox/compile';
import { isDeeper } from '../../platform/json-depth.ts';

/** Escapes of characters that the database does not take: NUL, and half of a surrogate pair. */
const NOT_STORABLE =
  /(?<!\\)(?:\\\\)*\\u(?:0000|d[89ab][0-9a-f]{2}(?!\\ud[c-f][0-9a-f]{2})|(?<!\\ud[89ab][0-9a-f]{2}\\u)d[c-f][0-9a-f]{2})/i;

/**
 * JSON of a device: FRAME_TOO_LARGE, MESSAGE_TOO_DEEP, MESSAGE_INVALID (not UTF-8, no JSON). An empty payload is an
 * empty object: requests such as `time/get` say nothing.
 */
export function parsePayload(payload: Uint8Array): unknown {
  if (payload.byteLength > LIMITS.deviceMessageBytes) {
    throw new MusterError('FRAME_TOO_LARGE', { bytes: payload.byteLength, limit: LIMITS.deviceMessageBytes });
  }
  if (payload.byteLength === 0) return {};
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  if (!isUtf8(bytes)) throw invalid('The message is not UTF-8.');
  if (isDeeper(bytes, LIMITS.jsonDepth)) throw new MusterError('MESSAGE_TOO_DEEP', { limit: LIMITS.jsonDepth });
  const text = bytes.toString('utf8');
  // written out they are no UTF-8; only an escape can bring them
  if (NOT_STORABLE.test(text)) throw invalid('The message has a character that cannot be stored.');
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new MusterError('MESSAGE_INVALID', {}, { cause, say: `The message is no JSON: ${(cause as Error).message}` });
  }
}

/** A check of a schema, compiled once. MESSAGE_INVALID says where the message differs. */
export function reader<S extends TObject>(schema: S): (value: unknown) => Static<S> {
  const compiled = Compile(schema);
  return (value) => {
    if (compiled.Check(value)) return value as Static<S>;
    const [first = 'The message does not have the documented shape'] = faultsOf(
      schema,
      compiled.Errors(value),
      'The message',
    );
    throw invalid(`${first}.`);
  };
}

export function invalid(say: string): MusterError {
  return new MusterError('MESSAGE_INVALID', {}, { say });
}

/** An object of JSON, or MESSAGE_INVALID. */
export function asObject(value: unknown): { readonly [key: string]: JsonValue } {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as { [key: string]: JsonValue };
  throw invalid('The message is no JSON object.');
}
