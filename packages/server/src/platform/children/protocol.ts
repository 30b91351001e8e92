import { isErrorCode, MusterError } from '@muster/contract';

/** What the parent says to a child. Answers come back by `id`. */
export type ToChild =
  | { readonly type: 'start'; readonly init: unknown }
  | { readonly type: 'call'; readonly id: number; readonly request: unknown }
  | { readonly type: 'abort'; readonly id: number };

/** What a child says. `startFailed` and `failure` carry an error in a form that survives the way. */
export type FromChild =
  | { readonly type: 'ready' }
  | { readonly type: 'startFailed'; readonly error: CarriedError }
  | { readonly type: 'result'; readonly id: number; readonly value: unknown }
  | { readonly type: 'failure'; readonly id: number; readonly error: CarriedError };

/** Structured cloning keeps an Error's message but drops its class and our code. */
export interface CarriedError {
  readonly code: string;
  readonly message: string;
  readonly context: MusterError['context'];
}

export function carry(error: unknown): CarriedError {
  if (error instanceof MusterError) return { code: error.code, message: error.message, context: error.context };
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { code: '', message, context: {} };
}

/** The error as it was in the child; INTERNAL with the child's stack as its cause when it was not one of ours. */
export function uncarry(error: CarriedError): MusterError {
  if (isErrorCode(error.code)) return new MusterError(error.code, error.context, { say: error.message });
  return new MusterError('INTERNAL', {}, { cause: error.message });
}
