import { execFile } from 'node:child_process';
import { chown } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** How a program is started so that PostgreSQL, which refuses to run as root, accepts it. */
export interface Identity {
  /** Program and arguments to put in front. */
  readonly prefix: readonly string[];
  readonly user: { readonly uid: number; readonly gid: number } | null;
  /** Gives a directory to whoever PostgreSQL runs as. */
  own(directory: string): Promise<void>;
}

const asOurselves: Identity = { prefix: [], user: null, own: () => Promise.resolve() };

/** `nobody` on Debian and most others: PostgreSQL looks the name up, so the number must exist. */
const NOBODY = 65_534;

/**
 * An ordinary user runs PostgreSQL as itself. Root, and a user without a name (a container's number), run it in a user
 * namespace, where their own files belong to `nobody` and nothing has to be handed over. Where namespaces are
 * forbidden root runs it as `nobody` itself.
 */
export async function postgresIdentity(): Promise<Identity> {
  const isRoot = process.getuid?.() === 0;
  if (!isRoot && hasName()) return asOurselves;
  const prefix = ['unshare', '--user', `--map-user=${NOBODY}`, `--map-group=${NOBODY}`, '--'];
  const works = await run('unshare', [...prefix.slice(1), 'true'], { timeout: 5_000 }).then(
    () => true,
    () => false,
  );
  if (works) return { ...asOurselves, prefix };
  if (!isRoot) return asOurselves;
  const user = { uid: NOBODY, gid: NOBODY };
  return { prefix: [], user, own: (directory) => chown(directory, user.uid, user.gid) };
}

function hasName(): boolean {
  try {
    userInfo();
    return true;
  } catch {
    return false;
  }
}
