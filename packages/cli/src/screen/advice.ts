import type { ErrorCode } from '@muster/contract';

/** Where an error happened. */
export interface Place {
  /** The name of the command; null when the line names none. */
  readonly command: string | null;
  /** The server to name in commands that are proposed; null when they find it by themselves. */
  readonly server: string | null;
}

/**
 * What a person at the command line can do about an error, where more than its own sentence helps. A command after a
 * colon gets the server of the command that failed.
 */
const ADVICE: Partial<Readonly<Record<ErrorCode, string>>> = {
  SIGN_IN_REQUIRED: 'Run: muster login',
  STEP_UP_REQUIRED: 'Run: muster prove',
  SECOND_FACTOR_REQUIRED: 'Add one on the page /account of the server.',
  SIGN_IN_FAILED: 'Check both and try again.',
  SETUP_DONE: 'Run: muster login',
  SETUP_TOKEN_INVALID: 'Use the link that the server printed last.',
  SERVER_UNREACHABLE: 'Is the server running (`npm start`), and is --server right?',
  ACTIVATION_CODE_WRONG: 'Codes live 10 minutes; read the digits from the device again.',
  ACTIVATION_KEY_UNKNOWN: 'Register its key: muster devices register-key SERIAL',
  ANSWER_TIMEOUT: 'How far the turn came: muster turns DEVICE',
  FORBIDDEN: 'Ask an owner of the site or an administrator.',
  UNAVAILABLE: 'Open /ready on the server to see which part is down.',
  INTERNAL: 'The log of the server says more.',
};

export function adviceFor(code: ErrorCode, { command, server }: Place): string | null {
  if (code === 'USAGE')
    return command === null ? '`muster --help` lists the commands.' : `See muster ${command} --help`;
  const advice = ADVICE[code];
  if (advice === undefined) return null;
  return server !== null && advice.includes(': muster ') ? `${advice} --server ${server}` : advice;
}
