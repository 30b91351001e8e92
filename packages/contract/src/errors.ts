import { ERROR_CODES, type ErrorCode } from './error-codes.ts';

/** Facts that help whoever reads the error: ids, limits, names. Never a secret and never a person's words. */
export type ErrorContext = Readonly<Record<string, string | number | boolean | null | undefined>>;

/**
 * The only error that Muster throws on purpose. `code` decides the HTTP status and whether a retry makes sense;
 * `message` is a sentence for people: the meaning from the table, or a sharper one given as `say`.
 */
export class MusterError extends Error {
  readonly code: ErrorCode;
  readonly context: ErrorContext;

  constructor(code: ErrorCode, context: ErrorContext = {}, options: { cause?: unknown; say?: string } = {}) {
    super(options.say ?? ERROR_CODES[code].meaning, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'MusterError';
    this.code = code;
    this.context = context;
  }

  get status(): number {
    return ERROR_CODES[this.code].status;
  }

  get retryable(): boolean {
    return ERROR_CODES[this.code].retryable;
  }
}

/** The code of any thrown value; `INTERNAL` for what is not ours. */
export function codeOf(error: unknown): ErrorCode {
  return error instanceof MusterError ? error.code : 'INTERNAL';
}

/** A broken promise of our own code: never the fault of a caller. */
export function bug(message: string, cause?: unknown): MusterError {
  return new MusterError('INTERNAL', {}, { say: `Bug: ${message}`, cause });
}
