import { join } from 'node:path';
import parse, { type Info } from 'spdx-expression-parse';
import { ALLOWED, EXCEPTIONS } from './licences.data.ts';
import { type LockedPackage, type Lockfile, readLockfile } from './lockfile.ts';

/** Licences that the policy does not let in, each as one sentence. Empty when all is well. */
export function licenceProblems({ packages, root }: Lockfile, exceptions = EXCEPTIONS): readonly string[] {
  const all = [root, ...packages.values()];
  const refused = all.flatMap((locked) => {
    const why = refusal(locked);
    return why === null || excused(locked, exceptions) ? [] : [`${locked.name}@${locked.version}: ${why}`];
  });
  const unused = exceptions
    .filter((exception) => !all.some((locked) => excused(locked, [exception]) && refusal(locked) !== null))
    .map(({ package: name }) => `${name}: the exception is for a package, a version or a licence that is not there`);
  return [...new Set([...refused, ...unused])];
}

function excused({ name, version, licence }: LockedPackage, exceptions: typeof EXCEPTIONS): boolean {
  return exceptions.some((one) => one.package === name && one.version === version && one.licence === licence);
}

function refusal({ licence }: LockedPackage): string | null {
  if (licence === null) return 'it says no licence';
  try {
    return isAllowed(parse(licence)) ? null : `${licence} is not on the list of tools/release/licences.data.ts`;
  } catch {
    return `"${licence}" is no licence by its SPDX name`;
  }
}

/** Of alternatives one has to be allowed, of licences that apply together all. */
function isAllowed(info: Info): boolean {
  if ('conjunction' in info) {
    const sides = [info.left, info.right];
    return info.conjunction === 'or' ? sides.some(isAllowed) : sides.every(isAllowed);
  }
  return info.exception === undefined && info.plus !== true && ALLOWED.has(info.license);
}

if (import.meta.main) {
  const lockfile = await readLockfile(join(import.meta.dirname, '../..'));
  const problems = licenceProblems(lockfile);
  for (const problem of problems) console.error(problem);
  process.exitCode = problems.length === 0 ? 0 : 1;
}
