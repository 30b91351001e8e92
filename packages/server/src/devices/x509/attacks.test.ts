import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import type { CertificateAuthority, ErrorCode } from '@muster/contract';
import fc from 'fast-check';
import { createAudit } from '../../accounts/index.ts';
import { createInProcessBus } from '../../platform/bus/index.ts';
import { createTestDatabase } from '../../platform/db/test-database.fixture.ts';
import { createLogger } from '../../platform/log.ts';
import type { ClientCertificate } from '../../platform/tls/client-certificate.ts';
import { createDevices } from '../index.ts';
import { readCertificate, readPem } from './certificate.ts';
import { type Certificates, createCertificates } from './certificates.ts';
import { AUTHORITY, CLIENT, createForge, type Issued } from './forge.fixture.ts';

/** What strangers, other sites and thieves may try. */
const HERE = randomUUID();
const THERE = randomUUID();
const DAY_MS = 86_400_000;
const forge = createForge();
const log = createLogger('silent');
const bus = createInProcessBus(log);
let ahead = 0;
const clock = { now: () => Date.now() + ahead, monotonic: () => performance.now(), after: () => () => undefined };
let database: Awaited<ReturnType<typeof createTestDatabase>>;
let devices: ReturnType<typeof createDevices>;
let certificates: Certificates;
const cutOff: string[] = [];

before(async () => {
  database = await createTestDatabase();
  for (const siteId of [HERE, THERE]) {
    await database.pool.query(
      `INSERT INTO sites (site_id, name, kind, language, time_zone, created_at) VALUES ($1, 'A', 'lab', 'en', 'UTC', 0)`,
      [siteId],
    );
  }
  devices = createDevices({
    db: database.for(),
    vault: database.vault,
    clock,
    bus,
    log,
    config: { allowSimulated: true, knocksPerMinute: 100, rotationGraceDays: 7 },
  });
  certificates = createCertificates({
    db: database.for(),
    clock,
    log,
    bus,
    audit: createAudit({ pool: database.pool, clock }),
    checkProfile: devices.checkProfile,
    admit: devices.admit,
    isConnected: () => false,
    disconnect: (deviceId) => cutOff.push(deviceId),
  });
});
after(async () => {
  await database.stop();
  forge.remove();
});

const prove = (authority: CertificateAuthority, by: Issued) =>
  certificates.authorities.prove(authority.authorityId, forge.device(authority.challenge ?? '', by).cert);

async function trusted(by: Issued, siteId = HERE, provisions = true): Promise<CertificateAuthority> {
  const wanted = { siteId, certificate: by.cert, provisions };
  return prove(await certificates.authorities.create(wanted), by);
}

const der = (issued: Issued): Buffer => Buffer.from(issued.cert.replace(/-----[^-]+-----|\s/g, ''), 'base64');
const shown = (leaf: Issued, ...intermediates: Issued[]): ClientCertificate => ({
  leaf: der(leaf),
  intermediates: intermediates.map(der),
});
const refusal = (code: ErrorCode, says: RegExp) => (error: Error & { code?: string }) => {
  assert.equal(error.code, code, error.stack);
  assert.match(error.message, says);
  return true;
};

test('an authority that makes devices lets in who it signed, as one device, however often', async () => {
  const maker = forge.authority('Maker');
  const authority = await trusted(maker);
  const pump = forge.device('pump-1', maker);
  const [first, again] = await Promise.all([certificates.identify(shown(pump)), certificates.identify(shown(pump))]);
  assert.ok(first !== null);
  assert.equal(again, first);
  const device = await devices.get(first);
  assert.deepEqual([device.hardwareId, device.siteId], ['pump-1', HERE]);
  const { rows } = await database.pool.query('SELECT action, actor_id FROM audit_entries WHERE target_id = $1', [
    first,
  ]);
  assert.deepEqual(rows, [{ action: 'device.create', actor_id: first }]);
  assert.equal(await certificates.identify(shown(forge.device('pump-1', maker))), first, 'a renewed one');
  const list = await certificates.list({ sites: [HERE], authorityId: authority.authorityId, limit: 10 });
  assert.equal(list.length, 2);
  assert.deepEqual(await certificates.list({ sites: [THERE], limit: 10 }), []);
});

test('without being told to, an authority makes no device: only bound certificates come in', async () => {
  const quiet = forge.authority('Quiet');
  await trusted(quiet, HERE, false);
  const valve = forge.device('valve-1', quiet);
  assert.equal(await certificates.identify(shown(valve)), null);
  const device = await devices.admit(HERE, { name: 'Valve', hardwareId: 'valve-1' });
  await certificates.bind(device, { certificate: valve.cert });
  assert.equal(await certificates.identify(shown(valve)), device.deviceId);
  await assert.rejects(certificates.bind(device, { certificate: valve.cert }), { code: 'CONFLICT' });
  assert.equal(await certificates.identify(shown(forge.device('valve-1', quiet))), null);
});

test('who signed himself, or was signed by another authority of the same name, is a stranger', async () => {
  const real = forge.authority('Same Name');
  await trusted(real);
  const fake = forge.authority('Same Name');
  assert.equal(await certificates.identify(shown(forge.device('mine-1', fake))), null);
  assert.equal(await certificates.identify(shown(forge.issue({ subject: '/CN=mine-1' }))), null);
  assert.equal(await certificates.identify(shown(real)), null, 'the authority itself is no device');
  const device = await devices.admit(HERE, { name: 'Bound', hardwareId: 'mine-1' });
  await assert.rejects(
    certificates.bind(device, { certificate: forge.device('mine-1', fake).cert }),
    refusal('CERTIFICATE_INVALID', /No active authority/),
  );
});

test('a certificate holds within its times only, and so does its authority', async () => {
  const maker = forge.authority('Short', { days: 20 });
  const early = forge.device('early-1', maker, { days: 10 });
  const long = forge.device('long-1', maker, { days: 100 });
  await trusted(maker);
  ahead = -DAY_MS;
  await assert.rejects(certificates.identify(shown(early)), refusal('CERTIFICATE_REFUSED', /not yet/));
  ahead = 0;
  assert.ok(await certificates.identify(shown(early)));
  assert.ok(await certificates.identify(shown(long)));
  ahead = 11 * DAY_MS;
  await assert.rejects(certificates.identify(shown(early)), refusal('CERTIFICATE_REFUSED', /has ended/));
  assert.ok(await certificates.identify(shown(long)));
  ahead = 21 * DAY_MS;
  await assert.rejects(certificates.identify(shown(long)), refusal('CERTIFICATE_REFUSED', /has ended/));
  await assert.rejects(
    certificates.identify(shown(forge.device('late-1', maker))),
    refusal('CERTIFICATE_REFUSED', /ended at/),
  );
  await assert.rejects(
    certificates.authorities.create({ siteId: HERE, certificate: maker.cert }),
    refusal('CERTIFICATE_INVALID', /It ended/),
  );
  ahead = 0;
});

test('a certificate for servers, for signing mail, or of an authority is none of a device', async () => {
  const maker = forge.authority('Purposes');
  await trusted(maker);
  const wrong = {
    server: ['basicConstraints=CA:FALSE', 'extendedKeyUsage=serverAuth'],
    mail: ['extendedKeyUsage=emailProtection'],
    encipher: ['keyUsage=critical,keyEncipherment', 'extendedKeyUsage=clientAuth'],
    authority: AUTHORITY,
    unknown: [...CLIENT, '1.2.3.4.5=critical,ASN1:UTF8String:limit'],
  };
  for (const [name, extensions] of Object.entries(wrong)) {
    assert.equal(await certificates.identify(shown(forge.device(`p-${name}`, maker, { extensions }))), null, name);
  }
  assert.ok(await certificates.identify(shown(forge.device('p-none', maker, { extensions: [] }))), 'no purpose is any');
});

test('weak keys and signatures are refused, strong ones of each kind taken', async () => {
  const maker = forge.authority('Strength');
  await trusted(maker);
  const weak = {
    'rsa-1024': { newKey: ['-newkey', 'rsa:1024'] },
    secp256k1: { newKey: ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:secp256k1'] },
    sha1: { digest: 'sha1' },
  };
  for (const [name, more] of Object.entries(weak)) {
    assert.equal(await certificates.identify(shown(forge.device(`w-${name}`, maker, more))), null, name);
  }
  const strong = {
    'rsa-2048': { newKey: ['-newkey', 'rsa:2048'] },
    'p-384': { newKey: ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-384'] },
    ed25519: { newKey: ['-newkey', 'ed25519'] },
  };
  for (const [name, more] of Object.entries(strong)) {
    assert.ok(await certificates.identify(shown(forge.device(`s-${name}`, maker, more))), name);
  }
  const weakAuthority = forge.authority('Weak', { newKey: ['-newkey', 'rsa:1024'] });
  await assert.rejects(
    certificates.authorities.create({ siteId: HERE, certificate: weakAuthority.cert }),
    refusal('CERTIFICATE_INVALID', /2048/),
  );
});

test('intermediates: as many as the path length allows, each an authority, all of them shown', async () => {
  const limited = ['basicConstraints=critical,CA:TRUE,pathlen:1', 'keyUsage=critical,keyCertSign'];
  const root = forge.authority('Root', { extensions: limited });
  await trusted(root);
  const one = forge.authority('One', { by: root });
  const two = forge.authority('Two', { by: one });
  const below = forge.device('i-1', one);
  assert.equal(await certificates.identify(shown(below)), null, 'the way up is missing');
  assert.ok(await certificates.identify(shown(below, one)));
  assert.ok(await certificates.identify(shown(below)), 'known by now');
  assert.equal(await certificates.identify(shown(forge.device('i-2', two), two, one)), null, 'too deep');

  const none = forge.authority('None', { extensions: ['basicConstraints=critical,CA:TRUE,pathlen:0'] });
  await trusted(none);
  const under = forge.authority('Under', { by: none });
  assert.equal(await certificates.identify(shown(forge.device('i-3', under), under)), null);

  const leaf = forge.device('i-4', root);
  const bySomebody = forge.device('i-5', leaf);
  assert.equal(await certificates.identify(shown(bySomebody, leaf)), null, 'CA:FALSE signs nothing');
  const unsigning = forge.authority('Crl', { by: root, extensions: ['basicConstraints=CA:TRUE', 'keyUsage=cRLSign'] });
  assert.equal(await certificates.identify(shown(forge.device('i-6', unsigning), unsigning)), null);
  const silent = forge.device('i-7', root, { extensions: [] });
  assert.equal(await certificates.identify(shown(forge.device('i-8', silent), silent)), null, 'no constraints at all');
});

test('an authority whose constraints we cannot check is none', async () => {
  const bound = forge.authority('Names', {
    extensions: [...AUTHORITY, 'nameConstraints=permitted;DNS:example.com'],
  });
  const leaf = forge.device('n-1', forge.authority('Other'));
  for (const [certificate, says] of [
    [bound.cert, /2\.5\.29\.30/],
    [leaf.cert, /no certificate of an authority/],
    [leaf.key, /private key/i],
    [leaf.cert + bound.cert, /one certificate/],
  ] as const) {
    await assert.rejects(
      certificates.authorities.create({ siteId: HERE, certificate }),
      refusal('CERTIFICATE_INVALID', says),
    );
  }
});

test('whoever has an authority but not its key cannot prove it', async () => {
  const maker = forge.authority('Public');
  const { authorities } = certificates;
  const thief = await authorities.create({ siteId: THERE, certificate: maker.cert, provisions: true });
  assert.equal(thief.state, 'waiting');
  assert.equal(await certificates.identify(shown(forge.device('t-1', maker))), null, 'it waits');
  const own = forge.authority('Public');
  const refused = (proof: Issued, says: RegExp) =>
    assert.rejects(authorities.prove(thief.authorityId, proof.cert), refusal('CERTIFICATE_INVALID', says));
  await refused(forge.device(thief.challenge ?? '', own), /did not sign/);
  await refused(maker, /common name/);
  await refused(forge.device('t-1', maker), /common name/);
  await assert.rejects(authorities.change(thief.authorityId, { state: 'active' }), { code: 'CONFLICT' });

  // the owner comes later, and proves it; what he showed proves nothing for the thief, before or after
  const owner = await authorities.create({ siteId: HERE, certificate: maker.cert, provisions: true });
  assert.notEqual(owner.challenge, thief.challenge);
  const proof = forge.device(owner.challenge ?? '', maker);
  await refused(proof, /common name/);
  await authorities.prove(owner.authorityId, proof.cert);
  await refused(proof, /common name/);
  await assert.rejects(authorities.prove(owner.authorityId, proof.cert), { code: 'CONFLICT' }, 'replayed');
  await assert.rejects(prove(thief, maker), refusal('CONFLICT', /Another site/));
  await assert.rejects(authorities.create({ siteId: THERE, certificate: maker.cert }), refusal('CONFLICT', /Another/));
  await assert.rejects(certificates.identify(shown(proof)), refusal('CERTIFICATE_REFUSED', /revoked/));
  const found = await certificates.identify(shown(forge.device('t-1', maker)));
  assert.equal((await devices.get(found ?? '')).siteId, HERE);
});

test('the same key once more is a renewal: nothing is to be proved, and its devices stay', async () => {
  const maker = forge.authority('Renewed', { days: 10 });
  const authority = await trusted(maker);
  const pump = forge.device('r-1', maker);
  const deviceId = await certificates.identify(shown(pump));
  const renewed = forge.authority('Renewed', { days: 300, keyFile: maker.keyFile });
  const after = await certificates.authorities.create({ siteId: HERE, certificate: renewed.cert });
  assert.deepEqual([after.authorityId, after.state], [authority.authorityId, 'active']);
  assert.ok(after.endsAt > authority.endsAt + 200 * DAY_MS);
  assert.equal(await certificates.identify(shown(pump)), deviceId);
});

test('a certificate names no device of another site', async () => {
  const maker = forge.authority('Greedy');
  await trusted(maker, THERE);
  const mine = await devices.admit(HERE, { name: 'Mine', hardwareId: 'g-1' });
  await assert.rejects(
    certificates.identify(shown(forge.device('g-1', maker))),
    refusal('CERTIFICATE_REFUSED', /another site/),
  );
  const byId = await certificates.identify(shown(forge.device(mine.deviceId, maker)));
  assert.notEqual(byId, mine.deviceId);
  await assert.rejects(
    certificates.bind(mine, { certificate: forge.device('g-2', maker).cert }),
    refusal('CERTIFICATE_INVALID', /of this site/),
  );
  for (const subject of ['/O=nobody', '/CN=a b', `/CN=${'x'.repeat(64)}/CN=y`]) {
    const odd = forge.issue({ subject, by: maker });
    await assert.rejects(certificates.identify(shown(odd)), refusal('CERTIFICATE_REFUSED', /common name/), subject);
  }
});

test('a revoked device does not come back by its certificate, nor by a new one with its name', async () => {
  const maker = forge.authority('Revoking');
  await trusted(maker);
  const pump = forge.device('v-1', maker);
  const deviceId = (await certificates.identify(shown(pump))) ?? '';
  await devices.revoke(deviceId);
  await assert.rejects(certificates.identify(shown(pump)), refusal('CERTIFICATE_REFUSED', /not in use/));
  const fresh = forge.device('v-1', maker);
  await assert.rejects(certificates.identify(shown(fresh)), refusal('CERTIFICATE_REFUSED', /was revoked/));
  await database.pool.query('DELETE FROM devices WHERE device_id = $1', [deviceId]);
  await assert.rejects(certificates.identify(shown(pump)), refusal('CERTIFICATE_REFUSED', /not in use/));
});

test('a certificate is revoked by serial number or fingerprint, seen or not, and an intermediate with all below', async () => {
  const maker = forge.authority('Blocking');
  const { authorityId } = await trusted(maker);
  const { authorities } = certificates;
  const [bySerial, unseen, kept] = ['b-1', 'b-2', 'b-3'].map((name) => forge.device(name, maker)) as [
    Issued,
    Issued,
    Issued,
  ];
  const between = forge.authority('Between', { by: maker });
  const below = forge.device('b-4', between);
  for (const one of [shown(bySerial), shown(kept), shown(below, between)]) assert.ok(await certificates.identify(one));
  const { x509 } = readCertificate(der(bySerial));
  await authorities.revoke(authorityId, `00${x509.serialNumber}`, 'stolen');
  await authorities.revoke(authorityId, readCertificate(der(unseen)).x509.fingerprint256, null);
  await authorities.revoke(authorityId, readCertificate(der(between)).fingerprint, null);
  for (const one of [shown(bySerial), shown(unseen), shown(below), shown(below, between)]) {
    await assert.rejects(certificates.identify(one), refusal('CERTIFICATE_REFUSED', /revoked/));
  }
  assert.ok(await certificates.identify(shown(kept)));
  await assert.rejects(authorities.revoke(authorityId, x509.serialNumber, null), { code: 'CONFLICT' });

  // deleted and uploaded again, it does not bring them back
  await authorities.remove(authorityId);
  assert.equal(await certificates.identify(shown(kept)), null);
  await trusted(maker);
  assert.ok(await certificates.identify(shown(kept)));
  await assert.rejects(certificates.identify(shown(unseen)), refusal('CERTIFICATE_REFUSED', /revoked/));
});

test('nobody revokes the certificates of another site', async () => {
  const mine = forge.authority('Mine');
  await trusted(mine);
  const theirs = await trusted(forge.authority('Theirs'), THERE);
  const pump = forge.device('x-1', mine);
  assert.ok(await certificates.identify(shown(pump)));
  await certificates.authorities.revoke(theirs.authorityId, readCertificate(der(pump)).fingerprint, 'envy');
  assert.ok(await certificates.identify(shown(pump)));
});

test('a disabled authority lets nobody in until it is enabled again', async () => {
  const maker = forge.authority('Resting');
  const { authorityId } = await trusted(maker);
  const pump = forge.device('d-1', maker);
  assert.ok(await certificates.identify(shown(pump)));
  await certificates.authorities.change(authorityId, { state: 'disabled' });
  await assert.rejects(certificates.identify(shown(pump)), refusal('CERTIFICATE_REFUSED', /disabled/));
  assert.equal(await certificates.identify(shown(forge.device('d-2', maker))), null);
  await certificates.authorities.change(authorityId, { state: 'active' });
  assert.ok(await certificates.identify(shown(pump)));
});

test('whatever bytes are given for a certificate: it is read, or refused as one, and never more', async () => {
  const good = der(forge.device('fuzz-1', forge.authority('Fuzz')));
  const whatItIs = (run: () => unknown): boolean => {
    try {
      run();
      return true;
    } catch (error) {
      assert.equal((error as { code?: string }).code, 'CERTIFICATE_INVALID', String(error));
      return false;
    }
  };
  assert.ok(whatItIs(() => readCertificate(good)));
  assert.ok(!whatItIs(() => readCertificate(Buffer.concat([good, Buffer.from([0])]))));
  assert.ok(!whatItIs(() => readCertificate(Buffer.alloc(1_000_000, 0x30))));
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 2_000 }),
      (bytes) => void whatItIs(() => readCertificate(Buffer.from(bytes))),
    ),
  );
  const change = fc.record({ at: fc.nat(good.length - 1), to: fc.nat(255) });
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), fc.nat(good.length), (changes, length) => {
      const bytes = Buffer.from(good);
      for (const { at, to } of changes) bytes[at] = to;
      whatItIs(() => readCertificate(bytes));
      whatItIs(() => readCertificate(bytes.subarray(0, length)));
    }),
    { numRuns: 2_000 },
  );
  fc.assert(fc.property(fc.string({ maxLength: 500 }), (text) => assert.ok(!whatItIs(() => readPem(text, 1)))));
  const huge = `-----BEGIN CERTIFICATE-----${'A'.repeat(60_000)}-----END CERTIFICATE-----`;
  assert.ok(!whatItIs(() => readPem(huge, 1)));
  assert.ok(!whatItIs(() => readPem('-----BEGIN CERTIFICATE-----'.repeat(2_000), 5)));
});
