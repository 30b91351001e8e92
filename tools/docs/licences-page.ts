import { BUNDLED } from '../release/bundled.data.ts';
import { ALLOWED, EXCEPTIONS } from '../release/licences.data.ts';
import { type Lockfile, runtimeFolders } from '../release/lockfile.ts';
import { page, table } from './markdown.ts';

export function licencesPage(lockfile: Lockfile): string {
  const rows = new Map<string, readonly string[]>();
  for (const folder of runtimeFolders(lockfile)) {
    const found = lockfile.packages.get(folder);
    if (found === undefined || found.own) continue;
    const { name, version, licence, optional } = found;
    rows.set(`${name}@${version}`, [name, version, licence ?? 'none', optional ? 'on some systems' : '']);
  }
  return page(
    '# Licences',
    'What Muster is made of. Muster itself is under Apache-2.0. Everything that runs is listed, not what is only needed ' +
      'to develop. `npm run sbom` writes the same as a bill of materials (CycloneDX 1.6) with hashes and with what uses ' +
      'what.',
    `## Packages\n\n${rows.size} of them, as package-lock.json has them:`,
    table(
      ['package', 'version', 'licence', ''],
      [...rows.keys()].sort().map((key) => rows.get(key) ?? []),
    ),
    '## Inside of packages',
    'Programs, libraries and models that packages bring along. "?" is a version that the file does not say.',
    table(
      ['package', 'holds', 'version', 'licence'],
      BUNDLED.flatMap(({ package: name, holds }) =>
        holds.map((inside) => [name, inside.name, inside.version ?? '?', inside.licence]),
      ),
    ),
    '## What may come in',
    `\`npm run check\` refuses every package, also one that is only needed to develop, whose licence is not one of ` +
      `${[...ALLOWED].join(', ')}. Exceptions:`,
    table(
      ['package', 'version', 'licence', 'reason'],
      EXCEPTIONS.map((exception) => [exception.package, exception.version, exception.licence, exception.reason]),
    ),
  );
}
