import { rm } from 'node:fs/promises';
import { readPrivate, writePrivate } from '../private-file.ts';

/** Who is signed in, and where. There is one at a time. */
export interface Session {
  /** Without a slash at the end. */
  readonly server: string;
  readonly token: string;
  readonly email: string;
  /** Epoch ms */
  readonly expiresAt: number;
}

/** Null when nobody is signed in; a file that makes no sense counts as that, for a new sign-in replaces it. */
export async function readSession(path: string): Promise<Session | null> {
  const text = await readPrivate(path);
  if (text === null) return null;
  try {
    const { server, token, email, expiresAt } = JSON.parse(text) as Partial<Session>;
    if (typeof server !== 'string' || typeof token !== 'string') return null;
    return { server, token, email: String(email), expiresAt: Number(expiresAt) };
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

export async function writeSession(path: string, session: Session): Promise<void> {
  await writePrivate(path, `${JSON.stringify(session, null, 2)}\n`);
}

export async function forgetSession(path: string): Promise<void> {
  await rm(path, { force: true });
}
