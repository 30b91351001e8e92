import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { MusterError } from '@muster/contract';
import { licenceProblems } from './licences.ts';
import { readLockfile } from './lockfile.ts';
import { sbomOf } from './sbom.ts';
import { sbomFault } from './validate-sbom.ts';

/**
 * `npm run sbom`: writes release/muster-VERSION.cdx.json, from the lockfile as it lies there. `npm run release` writes the
 * sources of the commit beside it, with the hashes of both. The same commit gives the same bytes; the time in the bill of
 * materials is that of the commit, or SOURCE_DATE_EPOCH (s).
 */
const ROOT = join(import.meta.dirname, '../..');
const FOLDER = join(ROOT, 'release');

const git = (...args: readonly string[]): Buffer =>
  execFileSync('git', args, { cwd: ROOT, maxBuffer: 1024 * 1024 * 1024 });
const refuse = (say: string): never => {
  throw new MusterError('CONFIG_INVALID', {}, { say });
};

async function write(name: string, bytes: Buffer | string): Promise<void> {
  await mkdir(FOLDER, { recursive: true });
  await writeFile(join(FOLDER, name), bytes);
  console.log(`wrote release/${name}`);
}

async function writeSbom(at: number | null): Promise<{ readonly name: string; readonly text: string }> {
  const lockfile = await readLockfile(ROOT);
  const text = sbomOf(lockfile, at);
  const fault = await sbomFault(text);
  if (fault !== null) refuse(`The bill of materials does not fit the schema: ${fault}`);
  const name = `muster-${lockfile.root.version}.cdx.json`;
  await write(name, text);
  return { name, text };
}

async function release(): Promise<void> {
  if (git('status', '--porcelain').length > 0) refuse('There are changes that are not committed.');
  const lockfile = await readLockfile(ROOT);
  const problems = licenceProblems(lockfile);
  if (problems.length > 0) refuse(problems.join('\n'));
  execFileSync(process.execPath, [join(import.meta.dirname, 'audit.ts')], { cwd: ROOT, stdio: 'inherit' });
  const sbom = await writeSbom(sourceDate() ?? Number(git('log', '-1', '--format=%ct').toString()));
  const { version } = lockfile.root;
  const sources = gzipSync(git('archive', '--format=tar', `--prefix=muster-${version}/`, 'HEAD'), { level: 9 });
  const name = `muster-${version}.tar.gz`;
  await write(name, sources);
  const lines = [
    [name, sources],
    [sbom.name, sbom.text],
  ].map(
    ([file, bytes]) =>
      `${createHash('sha256')
        .update(bytes ?? '')
        .digest('hex')}  ${String(file)}\n`,
  );
  await write('SHA256SUMS', lines.join(''));
}

/** https://reproducible-builds.org/specs/source-date-epoch/ */
function sourceDate(): number | null {
  const text = process.env.SOURCE_DATE_EPOCH;
  if (text === undefined) return null;
  return /^\d{1,11}$/.test(text) ? Number(text) : refuse('SOURCE_DATE_EPOCH is no whole number of seconds.');
}

try {
  await (process.argv[2] === 'sbom' ? writeSbom(sourceDate()) : release());
} catch (error) {
  if (!(error instanceof MusterError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
