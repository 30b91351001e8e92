import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MusterError } from '@muster/contract';

/** One package as package-lock.json has it. */
export interface LockedPackage {
  /** What the registry calls it; the folder may have another name. */
  readonly name: string;
  readonly version: string;
  /** SPDX expression as its author wrote it; null when there is none. */
  readonly licence: string | null;
  /** Subresource integrity of the archive, `sha512-BASE64`; null for the packages of this repository. */
  readonly integrity: string | null;
  /** One of ours: it lies in `packages/`. */
  readonly own: boolean;
  /** Only needed to develop. */
  readonly development: boolean;
  /** Installed on some systems only, or not missed when it cannot be. */
  readonly optional: boolean;
  /** Folders of the packages that it uses at run time, in the lockfile's words. */
  readonly uses: readonly string[];
}

export interface Lockfile {
  /** The product itself; `uses` are its own packages and what it needs besides them. */
  readonly root: LockedPackage;
  /** By folder: `node_modules/pg`, `packages/server`. */
  readonly packages: ReadonlyMap<string, LockedPackage>;
  readonly text: string;
}

interface Entry {
  readonly name?: string;
  readonly version?: string;
  readonly license?: string;
  readonly integrity?: string;
  readonly dev?: boolean;
  readonly devOptional?: boolean;
  readonly optional?: boolean;
  readonly link?: boolean;
  readonly resolved?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
}

/** Reads package-lock.json (version 3) of the repository at `root`. Throws CONFIG_INVALID when it holds a riddle. */
export async function readLockfile(root: string): Promise<Lockfile> {
  return parseLockfile(await readFile(join(root, 'package-lock.json'), 'utf8'));
}

export function parseLockfile(text: string): Lockfile {
  const { packages: entries, lockfileVersion } = JSON.parse(text) as {
    readonly lockfileVersion: number;
    readonly packages: Readonly<Record<string, Entry>>;
  };
  if (lockfileVersion !== 3) throw riddle(`package-lock.json has version ${lockfileVersion}, not 3.`);
  const packages = new Map<string, LockedPackage>();
  for (const [folder, entry] of Object.entries(entries)) {
    if (folder === '' || entry.link === true) continue;
    packages.set(folder, lockedPackage(folder, entry, entries));
  }
  const { '': top = {} } = entries;
  const own = [...packages.keys()].filter((folder) => packages.get(folder)?.own === true);
  const { uses, ...root } = lockedPackage('', top, entries);
  return { root: { ...root, uses: [...uses, ...own].sort() }, packages, text };
}

function lockedPackage(folder: string, entry: Entry, all: Readonly<Record<string, Entry>>): LockedPackage {
  const own = !folder.includes('node_modules/');
  const { version, integrity = null } = entry;
  // npm leaves the name out where it is that of the folder
  const name = entry.name ?? folder.slice(folder.lastIndexOf('node_modules/') + 'node_modules/'.length);
  if (version === undefined) throw riddle(`package-lock.json does not say the version of ${name}.`);
  if (!own && integrity === null) throw riddle(`package-lock.json does not say the hash of ${name}.`);
  return {
    name,
    version,
    licence: entry.license ?? null,
    integrity,
    own,
    development: entry.dev === true || entry.devOptional === true,
    optional: entry.optional === true,
    uses: [...usesOf(folder, entry, all)].sort(),
  };
}

function* usesOf(folder: string, entry: Entry, all: Readonly<Record<string, Entry>>): Generator<string> {
  const { dependencies = {}, optionalDependencies = {}, peerDependencies = {}, peerDependenciesMeta = {} } = entry;
  const mayBeMissing = (name: string): boolean =>
    name in optionalDependencies || peerDependenciesMeta[name]?.optional === true;
  for (const name of new Set([dependencies, optionalDependencies, peerDependencies].flatMap(Object.keys))) {
    const found = resolve(folder, name, all);
    if (found !== null) yield found;
    else if (!mayBeMissing(name)) throw riddle(`package-lock.json has no ${name}, which ${folder} needs.`);
  }
}

/** As Node looks for a package: in the folder's own node_modules, then in those above it. */
function resolve(folder: string, name: string, all: Readonly<Record<string, Entry>>): string | null {
  for (let at = folder; ; at = at.slice(0, Math.max(at.lastIndexOf('/'), 0))) {
    const candidate = at === '' ? `node_modules/${name}` : `${at}/node_modules/${name}`;
    const entry = all[candidate];
    if (entry !== undefined) return entry.link === true ? (entry.resolved ?? null) : candidate;
    if (at === '') return null;
  }
}

/** The packages that the product needs to run, each folder once: what can be reached from its own packages. */
export function runtimeFolders({ root, packages }: Lockfile): readonly string[] {
  const reached = new Set<string>();
  const open = [...root.uses];
  for (let folder = open.pop(); folder !== undefined; folder = open.pop()) {
    if (reached.has(folder)) continue;
    reached.add(folder);
    open.push(...(packages.get(folder)?.uses ?? []));
  }
  return [...reached].sort();
}

const riddle = (say: string): MusterError => new MusterError('CONFIG_INVALID', {}, { say });
