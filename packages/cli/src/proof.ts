import { MusterError, type Proof, type ProofKind } from '@muster/contract';
import type { Terminal } from './screen/terminal.ts';

/** A code of an app, or a recovery code. */
export function proofOfCode(typed: string): Proof {
  const code = typed.replaceAll(' ', '');
  return /^\d{6}$/.test(code) ? { kind: 'totp', code } : { kind: 'recoveryCode', code };
}

/**
 * Asks for what proves again who a person is, by the ways that their account has. FORBIDDEN when none of them works in
 * a terminal: passkeys, and signing in with an identity provider, are of browsers.
 */
export async function askProof(terminal: Terminal, server: string, ways: readonly ProofKind[]): Promise<Proof> {
  if (ways.includes('password')) {
    const password = await terminal.ask('Password', { hidden: true, instead: '--password-file' });
    return { kind: 'password', password };
  }
  if (ways.includes('totp') || ways.includes('recoveryCode')) {
    return proofOfCode(await terminal.ask('Code of your app, or a recovery code', { instead: '--code' }));
  }
  const say = `This account proves itself in a browser: sign in at ${server}/account and do it there.`;
  throw new MusterError('FORBIDDEN', {}, { say });
}
