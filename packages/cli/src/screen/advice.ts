import type { ErrorCode } from '@muster/contract';

/** What a person at the command line can do about an error, where more than its own sentence helps. */
const ADVICE: Partial<Readonly<Record<ErrorCode, string>>> = {
  SIGN_IN_REQUIRED: 'Run `muster login`.',
  SIGN_IN_FAILED: 'Check both and try again.',
  SETUP_DONE: 'Run `muster login`.',
  SETUP_TOKEN_INVALID: 'Use the link that the server printed last.',
  SERVER_UNREACHABLE: 'Is the server running (`npm start`), and is --server right?',
  ACTIVATION_CODE_WRONG: 'Codes live 10 minutes; read the digits from the device again.',
  ACTIVATION_KEY_UNKNOWN: 'Register its key with `muster devices register-key SERIAL`.',
  ANSWER_TIMEOUT: '`muster turns DEVICE` shows how far the turn came.',
  FORBIDDEN: 'Ask an owner of the site or an administrator.',
  USAGE: '`muster --help` lists the commands.',
  UNAVAILABLE: 'Open /ready on the server to see which part is down.',
  INTERNAL: 'The log of the server says more.',
};

export function adviceFor(code: ErrorCode): string | null {
  return ADVICE[code] ?? null;
}
