import { createHash, randomBytes } from 'node:crypto';
import { link, mkdir, open, readFile, rename, stat, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { bug, MusterError } from '@muster/contract';

/** One key that seals. */
export interface SealingKey {
  /** The first 4 bytes of its SHA-256: which key sealed a value stands before it. */
  readonly id: Buffer;
  readonly bytes: Buffer;
}

export const KEY_BYTES = 32;
const keyOf = (bytes: Buffer): SealingKey => ({
  id: createHash('sha256').update('muster sealing key').update(bytes).digest().subarray(0, 4),
  bytes,
});
export const newKey = (): SealingKey => keyOf(randomBytes(KEY_BYTES));

/** The one that seals. */
export function newestOf([key]: readonly SealingKey[]): SealingKey {
  if (key === undefined) throw bug('a vault without a key');
  return key;
}

/** 32 bytes as base64 or hex. CONFIG_INVALID for anything else. `where` is named in the error; the key never is. */
export function parseKey(text: string, where: string): SealingKey {
  const typed = text.trim();
  const bytes = /^[0-9a-f]{64}$/i.test(typed) ? Buffer.from(typed, 'hex') : Buffer.from(typed, 'base64');
  if (bytes.length === KEY_BYTES) return keyOf(bytes);
  const say = `${where} is no key: it must be ${KEY_BYTES} bytes as base64, for example from: openssl rand -base64 ${KEY_BYTES}`;
  throw new MusterError('CONFIG_INVALID', {}, { say });
}

/** The keys of a file, newest first, one a line; null when there is no file. CONFIG_INVALID when others can read it. */
export async function readKeyFile(path: string): Promise<SealingKey[] | null> {
  try {
    const { mode } = await stat(path);
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
      const say = `Others can read ${path}, which holds the key of all secrets. Run: chmod 600 ${path}`;
      throw new MusterError('CONFIG_INVALID', { path }, { say });
    }
    const lines = (await readFile(path, 'utf8'))
      .split('\n')
      .filter((line) => line.trim() !== '' && !line.startsWith('#'));
    return lines.map((line) => parseKey(line, path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/**
 * Whole or not at all, also when the power goes. `isFirst`: false when there is a file by now, which stays as it is; of
 * two servers that start at once one makes it.
 */
export async function writeKeyFile(path: string, keys: readonly SealingKey[], isFirst = false): Promise<boolean> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const lines = keys.map(({ bytes }) => bytes.toString('base64'));
  const text = `# Keys of the secrets in the database, newest first. Without them they are lost: keep a copy.\n${lines.join('\n')}\n`;
  const name = `${path}.${randomBytes(6).toString('hex')}`;
  const draft = await open(name, 'wx', 0o600);
  try {
    await draft.writeFile(text);
    await draft.sync();
  } finally {
    await draft.close();
  }
  if (isFirst) {
    const made = await link(name, path).then(
      () => true,
      (error: NodeJS.ErrnoException) => {
        if (error.code === 'EEXIST') return false;
        throw error;
      },
    );
    await unlink(name);
    if (!made) return false;
  } else await rename(name, path);
  const directory = await open(dirname(path), 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
  return true;
}
