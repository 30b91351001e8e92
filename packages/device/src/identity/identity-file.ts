import { randomBytes, randomUUID } from 'node:crypto';
import { chmod, type FileHandle, mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { MusterError } from '@muster/contract';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { hardwareAddress } from './fingerprint.ts';

const IdentitySchema = Type.Object(
  {
    version: Type.Literal(1),
    hardwareId: Type.String({ pattern: '^([0-9a-f]{2}:){5}[0-9a-f]{2}$' }),
    clientId: Type.String({ pattern: '^[0-9a-f-]{36}$' }),
    serialNumber: Type.String({ pattern: '^[A-Za-z0-9-]{1,64}$' }),
    /** 32 bytes, hex. */
    hmacKey: Type.String({ pattern: '^[0-9a-f]{64}$' }),
    createdAt: Type.Integer({ minimum: 0 }),
    /** The server that took this device last; null: none yet. */
    activatedBy: Type.Union([Type.String({ maxLength: 1_000 }), Type.Null()]),
  },
  { additionalProperties: false },
);
/** Who this device is. Made once; a device that lost it is another device. */
export type Identity = Static<typeof IdentitySchema>;

export const IDENTITY_FILE = 'identity.json';

/**
 * Reads the identity, or makes one when there is no file. Throws IDENTITY_DAMAGED for a file that cannot be used:
 * never a new identity in its place, because the server would see a stranger and the owner would not know why.
 */
export async function loadIdentity(folder: string, now: () => number = Date.now): Promise<Identity> {
  const path = join(folder, IDENTITY_FILE);
  const text = await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return null;
    throw damaged(path, cause);
  });
  if (text === null) {
    const identity = newIdentity(now());
    await saveIdentity(folder, identity);
    return identity;
  }
  await chmod(path, 0o600);
  return readIdentity(path, text);
}

/**
 * Writes the file so that a crash or a power cut at any moment leaves the old one or the new one: a file beside it,
 * flushed, renamed over it, and the folder flushed too.
 */
export async function saveIdentity(folder: string, identity: Identity): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, IDENTITY_FILE);
  const draft = `${path}.new`;
  await flushed(await open(draft, 'w', 0o600), (file) => file.writeFile(`${JSON.stringify(identity, null, 2)}\n`));
  await rename(draft, path);
  await flushed(await open(dirname(path), 'r'), () => Promise.resolve());
}

async function flushed(file: FileHandle, write: (file: FileHandle) => Promise<void>): Promise<void> {
  try {
    await write(file);
    await file.sync();
  } finally {
    await file.close();
  }
}

function readIdentity(path: string, text: string): Identity {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw damaged(path, cause);
  }
  if (!Value.Check(IdentitySchema, value)) throw damaged(path);
  return value;
}

function newIdentity(now: number): Identity {
  return {
    version: 1,
    hardwareId: hardwareAddress(),
    clientId: randomUUID(),
    serialNumber: `MU-${randomBytes(8).toString('hex').toUpperCase()}`,
    hmacKey: randomBytes(32).toString('hex'),
    createdAt: now,
    activatedBy: null,
  };
}

function damaged(path: string, cause?: unknown): MusterError {
  const say =
    `The identity file ${path} cannot be used. Put back a copy of it; or, to start as a new device that has to be ` +
    'activated again, move it away and revoke the old device on the server.';
  return new MusterError('IDENTITY_DAMAGED', { path }, { cause, say });
}
