import { type ErrorReply, MusterError } from '@muster/contract';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { translateDatabaseError } from '../db/database.ts';

/** The one place where an error becomes an HTTP answer. Faults of ours are logged, their words stay inside. */
export function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const known = hungUp(error) ? new MusterError('REQUEST_INVALID', {}, { cause: error }) : asMusterError(error);
  if (known.status >= 500) request.log.error({ err: error, code: known.code }, 'request failed');
  else request.log.debug({ code: known.code }, 'request refused');
  const retryAfterMs = retryAfterMsOf(known);
  const body: ErrorReply = {
    error: {
      code: known.code,
      message: known.code === 'INTERNAL' ? new MusterError('INTERNAL').message : known.message,
      requestId: request.id,
      ...(retryAfterMs === null ? {} : { retryAfterMs }),
      ...(isValidation(error) ? { details: error.validation.map(describeFault) } : {}),
    },
  };
  if (retryAfterMs !== null) reply.header('retry-after', Math.ceil(retryAfterMs / 1000));
  void reply.status(known.status).send(body);
}

/**
 * How long a client shall wait before it asks again, ms; null when that would not help. Where nobody said, each is told
 * another time: those that were refused together shall not come back together.
 */
export function retryAfterMsOf({ context, status, retryable }: MusterError): number | null {
  if (typeof context.retryAfterMs === 'number') return Math.ceil(context.retryAfterMs);
  return retryable && (status === 503 || status === 429) ? Math.ceil(1_000 + Math.random() * 4_000) : null;
}

/** The client went in the middle of its body: nobody hears the answer, and it is no fault of the database. */
function hungUp(error: unknown): boolean {
  return (
    error instanceof Error && error.message === 'aborted' && (error as NodeJS.ErrnoException).code === 'ECONNRESET'
  );
}

/** What a request failed with, in words of the table. */
export function asMusterError(error: unknown): MusterError {
  if (error instanceof MusterError) return error;
  const fromDatabase = translateDatabaseError(error);
  if (fromDatabase !== null) return fromDatabase;
  if (isValidation(error)) return new MusterError('REQUEST_INVALID', {}, { cause: error });
  const status = (error as Partial<FastifyError>).statusCode;
  if (status === 413) return new MusterError('REQUEST_TOO_LARGE', {}, { cause: error });
  if (status === 404) return new MusterError('NOT_FOUND', {}, { cause: error });
  // body parsers and the like: malformed JSON, wrong content type
  if (status !== undefined && status >= 400 && status < 500) {
    const say = error instanceof Error ? error.message : undefined;
    return new MusterError('REQUEST_INVALID', {}, { cause: error, ...(say === undefined ? {} : { say }) });
  }
  return new MusterError('INTERNAL', {}, { cause: error });
}

type Validation = Error & { validation: { instancePath: string; message?: string }[]; validationContext?: string };

function isValidation(error: unknown): error is Validation {
  return error instanceof Error && Array.isArray((error as Partial<Validation>).validation);
}

function describeFault(fault: { instancePath: string; message?: string }): string {
  return `${fault.instancePath.slice(1).replaceAll('/', '.') || 'body'} ${fault.message ?? 'is wrong'}`;
}
