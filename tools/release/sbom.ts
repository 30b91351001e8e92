import { createHash } from 'node:crypto';
import { Enums, Models, Serialize, SPDX, Spec, Types } from '@cyclonedx/cyclonedx-library';
import { MusterError } from '@muster/contract';
import { BUNDLED, type Bundled, type Holder } from './bundled.data.ts';
import { type LockedPackage, type Lockfile, runtimeFolders } from './lockfile.ts';

/**
 * The bill of materials of what runs, CycloneDX 1.6 as JSON: every package that is reached from ours, on every system
 * that it is for, with the programs and models inside of them. The same lockfile gives the same bytes: the serial number
 * is made from them, and the time is that of the release (`at`, epoch seconds; none without it).
 */
export function sbomOf(lockfile: Lockfile, at: number | null = null, bundled = BUNDLED): string {
  const product = componentOf(lockfile.root, Enums.ComponentType.Application);
  const components = new Map<string, Models.Component>();
  for (const folder of runtimeFolders(lockfile)) {
    const locked = lockfile.packages.get(folder);
    if (locked === undefined) continue;
    const purl = purlOf(locked);
    // one version may lie in several folders
    if (components.has(purl)) continue;
    const component = componentOf(locked, Enums.ComponentType.Library);
    for (const inside of heldBy(locked, bundled)) component.components.add(bundledComponent(inside, purl));
    components.set(purl, component);
  }
  const connect = (locked: LockedPackage, component: Models.Component): void => {
    for (const folder of locked.uses) {
      const used = lockfile.packages.get(folder);
      const other = used === undefined ? undefined : components.get(purlOf(used));
      if (other !== undefined) component.dependencies.add(other.bomRef);
    }
  };
  connect(lockfile.root, product);
  for (const folder of runtimeFolders(lockfile)) {
    const locked = lockfile.packages.get(folder);
    const component = locked === undefined ? undefined : components.get(purlOf(locked));
    if (locked !== undefined && component !== undefined) connect(locked, component);
  }
  const metadata = new Models.Metadata({
    component: product,
    lifecycles: new Models.LifecycleRepository([Enums.LifecyclePhase.PreBuild]),
  });
  if (at !== null) metadata.timestamp = new Date(at * 1_000);
  const bom = new Models.Bom({
    serialNumber: serialNumber(lockfile.text, bundled),
    metadata,
    components: new Models.ComponentRepository(components.values()),
  });
  const serializer = new Serialize.JsonSerializer(new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6));
  return `${serializer.serialize(bom, { sortLists: true, space: 2 })}\n`;
}

function componentOf(locked: LockedPackage, type: Enums.ComponentType): Models.Component {
  const [group, name] = locked.name.startsWith('@') ? locked.name.split('/', 2) : [undefined, locked.name];
  const purl = purlOf(locked);
  return new Models.Component(type, name ?? locked.name, {
    ...(group === undefined ? {} : { group }),
    version: locked.version,
    purl,
    bomRef: purl,
    scope: locked.optional ? Enums.ComponentScope.Optional : Enums.ComponentScope.Required,
    licenses: new Models.LicenseRepository(locked.licence === null ? [] : [licenceOf(locked.licence)]),
    hashes: hashesOf(locked.integrity),
  });
}

function bundledComponent(inside: Bundled, holder: string): Models.Component {
  const { type, name, version, licence, cpe, purl, sha256 } = inside;
  return new Models.Component(TYPES[type], name, {
    bomRef: `${holder}#${name.replaceAll(/\W+/g, '-')}`,
    ...(version === null ? {} : { version }),
    ...(purl === undefined ? {} : { purl }),
    ...(Types.isCPE(cpe) ? { cpe } : {}),
    licenses: new Models.LicenseRepository([licenceOf(licence)]),
    hashes: new Models.HashDictionary(sha256 === undefined ? [] : [[Enums.HashAlgorithm['SHA-256'], sha256]]),
  });
}

const TYPES = {
  application: Enums.ComponentType.Application,
  library: Enums.ComponentType.Library,
  'machine-learning-model': Enums.ComponentType.MachineLearningModel,
  data: Enums.ComponentType.Data,
} as const;

function heldBy({ name, version }: LockedPackage, bundled: readonly Holder[]): readonly Bundled[] {
  const holder = bundled.find((one) => one.package === name);
  if (holder !== undefined && holder.version !== version) {
    const say = `Look into ${name} ${version}: what it holds was read from version ${holder.version} (tools/release/bundled.data.ts).`;
    throw new MusterError('CONFIG_INVALID', { package: name }, { say });
  }
  return holder?.holds ?? [];
}

/** As the package URL specification has it for npm: the scope's @ is escaped, the slash is not. */
export const purlOf = ({ name, version }: Pick<LockedPackage, 'name' | 'version'>): string =>
  `pkg:npm/${name.replace('@', '%40')}@${version}`;

function licenceOf(text: string): Models.License {
  if (SPDX.isSupportedSpdxId(text)) return new Models.SpdxLicense(text);
  return /\b(?:OR|AND|WITH)\b/.test(text) ? new Models.LicenseExpression(text) : new Models.NamedLicense(text);
}

function hashesOf(integrity: string | null): Models.HashDictionary {
  const hashes = new Models.HashDictionary();
  for (const one of integrity?.split(/\s+/) ?? []) {
    const [algorithm = '', base64 = ''] = one.split(/-(.*)/, 2);
    const known = ALGORITHMS.get(algorithm);
    if (known !== undefined) hashes.set(known, Buffer.from(base64, 'base64').toString('hex'));
  }
  return hashes;
}

const ALGORITHMS = new Map([
  ['sha1', Enums.HashAlgorithm['SHA-1']],
  ['sha256', Enums.HashAlgorithm['SHA-256']],
  ['sha384', Enums.HashAlgorithm['SHA-384']],
  ['sha512', Enums.HashAlgorithm['SHA-512']],
]);

/** A UUID version 8 (RFC 9562) made from what the bill is made from. */
function serialNumber(text: string, bundled: readonly Holder[]): string {
  const hash = createHash('sha256').update(text).update(JSON.stringify(bundled)).digest('hex');
  const variant = ((Number.parseInt(hash.slice(16, 17), 16) & 0x3) | 0x8).toString(16);
  const parts = [hash.slice(0, 8), hash.slice(8, 12), `8${hash.slice(13, 16)}`, variant + hash.slice(17, 20)];
  return `urn:uuid:${[...parts, hash.slice(20, 32)].join('-')}`;
}
