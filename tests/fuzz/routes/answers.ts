import { ErrorReply } from '@muster/contract';
import { type TSchema, Type } from 'typebox';
import { Compile } from 'typebox/compile';
import type { Operation, Schema } from '../../permissions/operations.ts';

export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly text: string;
}

const failure = Compile(ErrorReply);

/** Why an answer is not what its route promises; null: it is. A route that promises a 503 may say it. */
export function createJudge(): (operation: Operation, answer: Answer) => string | null {
  const compiled = new Map<Schema, ReturnType<typeof Compile>>();
  const checkOf = (schema: Schema): ReturnType<typeof Compile> => {
    const made = compiled.get(schema) ?? Compile(Type.Unsafe<unknown>(schema as TSchema) as TSchema);
    compiled.set(schema, made);
    return made;
  };
  return ({ answers, kinds }, { status, contentType, text }) => {
    const promised = answers[String(status)];
    if (status >= 500 && promised === undefined) return 'failed';
    // ThingsBoard's words, and a device's: not of this contract
    if (Object.keys(answers).length === 0) return null;
    // what is promised to be nothing is told as nothing or as null
    if (promised === undefined && status < 400 && (text === '' || text === 'null')) return null;
    if (status === 204 || status === 304) return 'has a body that it must not have';
    if (!contentType.startsWith('application/json')) {
      const kind = contentType.split(';')[0] ?? '';
      const isKnown = promised === undefined || kinds[String(status)]?.includes(kind) === true;
      return isKnown && status < 400 ? null : `is ${contentType || 'of no kind'}, not JSON`;
    }
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      return 'is not JSON';
    }
    if (status >= 400 && promised === undefined) {
      return failure.Check(value) ? null : 'is no error as the contract describes them';
    }
    if (promised === undefined) return status < 300 ? 'has no schema for this status' : null;
    const check = checkOf(promised);
    return check.Check(value)
      ? null
      : `is not what its schema says: ${JSON.stringify(check.Errors(value)).slice(0, 500)}`;
  };
}
