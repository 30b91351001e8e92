import assert from 'node:assert/strict';
import { createHmac, randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { LIMITS } from '@muster/contract';
import { createInProcessBus } from '../platform/bus/index.ts';
import type { Clock } from '../platform/clock.ts';
import { createTestDatabase } from '../platform/db/test-database.fixture.ts';
import { createLogger } from '../platform/log.ts';
import { createDevices, type Devices, type Knock } from './index.ts';

const log = createLogger('silent');
const siteA = randomUUID();
const siteB = randomUUID();
let database: Awaited<ReturnType<typeof createTestDatabase>>;
let offset = 0;
/** Real time that tests can move forward; nothing here waits. */
const clock: Clock = {
  now: () => Date.now() + offset,
  monotonic: () => performance.now() + offset,
  after: () => () => undefined,
};
let devices: Devices;
const revoked: string[] = [];
const created: string[] = [];

before(async () => {
  database = await createTestDatabase();
  const insert = `INSERT INTO sites VALUES ($1, 'A', 'home', 'en', 'UTC', false, 'none', 0), ($2, 'B', 'home', 'en', 'UTC', false, 'none', 0)`;
  await database.pool.query(insert, [siteA, siteB]);
  const bus = createInProcessBus(log);
  bus.subscribe('device.revoked', ({ deviceId }) => void revoked.push(deviceId));
  bus.subscribe('device.created', ({ deviceId }) => void created.push(deviceId));
  devices = createDevices({
    db: database.for(),
    vault: database.vault,
    clock,
    bus,
    log,
    config: { allowSimulated: true, knocksPerMinute: 1_000, rotationGraceDays: 7 },
  });
});
after(() => database.stop());

let made = 0;
function knock(change: Partial<Knock> = {}): Knock {
  made += 1;
  return {
    hardwareId: `02:00:00:00:00:${made.toString(16).padStart(2, '0')}`,
    clientId: randomUUID(),
    serialNumber: null,
    keyed: false,
    model: 'bread-compact-wifi',
    firmwareVersion: '2.4.2',
    simulated: false,
    hmacKeyCandidate: null,
    ...change,
  };
}

async function offered(device: Knock) {
  const reply = await devices.checkIn(device, 'here');
  assert.ok(!reply.active && reply.code !== null);
  return { code: reply.code, challenge: reply.challenge };
}

async function active(device: Knock): Promise<string> {
  const reply = await devices.checkIn(device, 'here');
  assert.ok(reply.active);
  return reply.token;
}

test('a device without a key: the code is stable, single-use, and makes it active', async () => {
  const device = knock();
  const first = await offered(device);
  assert.match(first.code, /^\d{6}$/);
  assert.deepEqual(await offered(device), first);
  assert.equal(await devices.pollActivation(device.hardwareId, device.clientId, null, 'here'), 'waiting');

  const reply = await devices.approve({ code: first.code, siteId: siteA, name: 'Kitchen' }, ['p1']);
  assert.equal(reply.outcome, 'active');
  assert.equal(await devices.pollActivation(device.hardwareId, device.clientId, null, 'here'), 'active');
  await assert.rejects(devices.approve({ code: first.code, siteId: siteA }, ['p1']), { code: 'ACTIVATION_CODE_WRONG' });

  const token = await active(device);
  const known = await devices.authenticate(token, device.hardwareId);
  assert.equal(known?.deviceId, reply.deviceId);
  assert.equal(known?.name, 'Kitchen');
});

test('a code lives ten minutes, then the device gets another', async () => {
  const device = knock();
  const first = await offered(device);
  offset += LIMITS.activationCodeMs + 1;
  await assert.rejects(devices.approve({ code: first.code, siteId: siteA }, ['p2']), { code: 'ACTIVATION_CODE_WRONG' });
  const second = await offered(device);
  assert.notEqual(second.challenge, first.challenge);
});

test('five wrong codes a minute from one source, then 429; others are not held up', async () => {
  for (let i = 0; i < 5; i++) {
    await assert.rejects(devices.approve({ code: '000000', siteId: siteA }, ['guesser']), {
      code: 'ACTIVATION_CODE_WRONG',
    });
  }
  const device = knock();
  const { code } = await offered(device);
  await assert.rejects(devices.approve({ code, siteId: siteA }, ['guesser']), { code: 'RATE_LIMITED' });
  assert.equal((await devices.approve({ code, siteId: siteA }, ['somebody'])).outcome, 'active');
  offset += 60_001;
  await assert.rejects(devices.approve({ code: '000000', siteId: siteA }, ['guesser']), {
    code: 'ACTIVATION_CODE_WRONG',
  });
});

const hmac = (key: Buffer | string, challenge: string): string =>
  createHmac('sha256', key).update(challenge).digest('hex');

test('a Python client: the key learnt at first contact has to prove right; a wrong one never activates', async () => {
  const key = 'ab'.repeat(32);
  const device = knock({ keyed: true, hmacKeyCandidate: key });
  const { code, challenge } = await offered(device);
  const proof = (hex: string) => ({ serialNumber: 'SN-1', challenge, hmac: hex });
  assert.equal((await devices.approve({ code, siteId: siteA }, ['p3'])).outcome, 'waiting');

  for (const wrong of [hmac('other', challenge), hmac(key, 'other challenge'), 'zz', '']) {
    await assert.rejects(devices.pollActivation(device.hardwareId, device.clientId, proof(wrong), 'here'), {
      code: 'ACTIVATION_REFUSED',
    });
  }
  await assert.rejects(devices.pollActivation(device.hardwareId, device.clientId, null, 'here'), {
    code: 'ACTIVATION_REFUSED',
  });
  const stillOut = await devices.checkIn(device, 'here');
  assert.equal(stillOut.active, false);

  assert.equal(
    await devices.pollActivation(device.hardwareId, device.clientId, proof(hmac(key, challenge)), 'here'),
    'active',
  );
  const token = await active(device);
  const known = await devices.authenticate(token, device.hardwareId);
  assert.equal(known?.proof, 'hmac');
  assert.equal(known?.serialNumber, 'SN-1');
});

test('firmware with a serial number: the key is registered beforehand, and proven again at every boot', async () => {
  const key = Buffer.alloc(32, 7);
  const device = knock({ keyed: true, serialNumber: 'FIRMWARE-1' });
  const { code, challenge } = await offered(device);
  const proof = (of: string) => ({ serialNumber: 'FIRMWARE-1', challenge: of, hmac: hmac(key, of) });
  await devices.approve({ code, siteId: siteA }, ['p4']);
  await assert.rejects(devices.pollActivation(device.hardwareId, device.clientId, proof(challenge), 'here'), {
    code: 'ACTIVATION_KEY_UNKNOWN',
  });

  await devices.registerKey({ serialNumber: 'FIRMWARE-1', hmacKey: key.toString('hex') });
  await assert.rejects(devices.registerKey({ serialNumber: 'FIRMWARE-1', hmacKey: 'ff'.repeat(32) }), {
    code: 'SERIAL_TAKEN',
  });
  assert.equal(await devices.pollActivation(device.hardwareId, device.clientId, proof(challenge), 'here'), 'active');

  // who knows only its address and client id gets a challenge, and no token
  const reply = await devices.checkIn(device, 'here');
  assert.ok(!reply.active);
  assert.equal(reply.code, null);
  await assert.rejects(devices.pollActivation(device.hardwareId, device.clientId, proof('old'), 'here'), {
    code: 'ACTIVATION_REFUSED',
  });
  assert.equal((await devices.checkIn(device, 'here')).active, false);
  assert.equal(
    await devices.pollActivation(device.hardwareId, device.clientId, proof(reply.challenge), 'here'),
    'active',
  );
  await active(device);
  assert.equal((await devices.checkIn(device, 'here')).active, false, 'one proof gives one token');
});

test('a token of another device, a wrong one and a revoked one open nothing', async () => {
  const [one, two] = [knock(), knock()];
  const tokens: string[] = [];
  const ids: string[] = [];
  for (const device of [one, two]) {
    const { code } = await offered(device);
    ids.push((await devices.approve({ code, siteId: siteA }, ['p5'])).deviceId);
    tokens.push(await active(device));
  }
  assert.equal(await devices.authenticate(tokens[0] ?? '', two.hardwareId), null);
  assert.equal(await devices.authenticate('nonsense', one.hardwareId), null);
  await devices.revoke(ids[0] ?? '');
  assert.ok(revoked.includes(ids[0] ?? ''));
  assert.equal(await devices.authenticate(tokens[0] ?? '', one.hardwareId), null);
  assert.notEqual(await devices.authenticate(tokens[1] ?? '', two.hardwareId), null);
  await assert.rejects(devices.revoke(ids[0] ?? ''), { code: 'CONFLICT' });
  const { rows } = await database.pool.query('SELECT count(*) AS n FROM device_tokens WHERE device_id = $1', [ids[0]]);
  assert.equal(rows[0].n, 0);
});

test('at most three tokens of a device work: the newest', async () => {
  const device = knock();
  const { code } = await offered(device);
  await devices.approve({ code, siteId: siteA }, ['p6']);
  const tokens: string[] = [];
  for (let i = 0; i < 5; i++) {
    offset += 1;
    tokens.push(await active(device));
  }
  const works = await Promise.all(
    tokens.map(async (token) => (await devices.authenticate(token, device.hardwareId)) !== null),
  );
  assert.deepEqual(works, [false, false, true, true, true]);
});

test('a device whose memory was erased comes back to its own row; another site cannot take it over', async () => {
  const device = knock();
  const first = await devices.approve({ code: (await offered(device)).code, siteId: siteA, name: 'Hall' }, ['p7']);
  const oldToken = await active(device);
  const erased = { ...device, clientId: randomUUID() };
  const { code } = await offered(erased);
  await assert.rejects(devices.approve({ code, siteId: siteB }, ['p7']), { code: 'CONFLICT' });
  const again = await devices.approve({ code, siteId: siteA }, ['p7']);
  assert.equal(again.deviceId, first.deviceId);
  assert.equal((await devices.get(again.deviceId)).name, 'Hall');
  assert.equal(await devices.authenticate(oldToken, device.hardwareId), null);
});

test('what proved a key once is not let back in without one', async () => {
  const key = 'cd'.repeat(32);
  const device = knock({ keyed: true, hmacKeyCandidate: key });
  const { code, challenge } = await offered(device);
  await devices.approve({ code, siteId: siteA }, ['p8']);
  await devices.pollActivation(
    device.hardwareId,
    device.clientId,
    {
      serialNumber: 'SN-2',
      challenge,
      hmac: hmac(key, challenge),
    },
    'here',
  );
  const bare = { ...device, clientId: randomUUID(), keyed: false, hmacKeyCandidate: null };
  const offer = await offered(bare);
  await assert.rejects(devices.approve({ code: offer.code, siteId: siteA }, ['p8']), { code: 'ACTIVATION_REFUSED' });
});

test('many devices knock at once: every code is its own', async () => {
  const codes = await Promise.all(
    Array.from({ length: 100 }, async (_, i) => {
      const reply = await devices.checkIn({ ...knock(), hardwareId: `many-${i}` }, `many-${i}`);
      return reply.active ? '' : reply.code;
    }),
  );
  assert.equal(new Set(codes).size, 100);
});

test('a server for real devices only refuses a simulator', async () => {
  const strict = createDevices({
    db: database.for(),
    vault: database.vault,
    clock,
    bus: createInProcessBus(log),
    log,
    config: { allowSimulated: false, knocksPerMinute: 10, rotationGraceDays: 7 },
  });
  await assert.rejects(strict.checkIn(knock({ simulated: true }), 's'), { code: 'ACTIVATION_REFUSED' });
});

test('a source that knocks too often waits; the others do not', async () => {
  const small = createDevices({
    db: database.for(),
    vault: database.vault,
    clock,
    bus: createInProcessBus(log),
    log,
    config: { allowSimulated: true, knocksPerMinute: 10, rotationGraceDays: 7 },
  });
  const device = knock();
  for (let i = 0; i < 10; i++) await small.checkIn(device, 'loud');
  await assert.rejects(small.checkIn(device, 'loud'), { code: 'RATE_LIMITED' });
  await small.checkIn(device, 'quiet');
});

test('many wrong codes at once count each other', async () => {
  const tries = Array.from({ length: 40 }, () =>
    devices.approve({ code: '999999', siteId: siteA }, ['burst']).catch((e) => e.code),
  );
  const codes = await Promise.all(tries);
  assert.equal(codes.filter((code) => code === 'ACTIVATION_CODE_WRONG').length, 5);
  assert.equal(codes.filter((code) => code === 'RATE_LIMITED').length, 35);
});

test('another that claims the address cannot void the code or an approval', async () => {
  const key = 'ee'.repeat(32);
  const device = knock({ keyed: true, hmacKeyCandidate: key });
  const offer = await offered(device);
  const thief = { ...device, clientId: randomUUID(), keyed: false, hmacKeyCandidate: null };
  assert.notEqual((await offered(thief)).code, offer.code);
  assert.deepEqual(await offered(device), offer);
  await devices.approve({ code: offer.code, siteId: siteA }, ['p9']);
  await offered(thief);
  const proof = { serialNumber: 'SN-9', challenge: offer.challenge, hmac: hmac(key, offer.challenge) };
  assert.equal(await devices.pollActivation(device.hardwareId, device.clientId, proof, 'here'), 'active');
});

test('a device without a key and without a client id is refused: an address is no secret', async () => {
  await assert.rejects(devices.checkIn(knock({ clientId: '' }), 'nobody'), { code: 'ACTIVATION_REFUSED' });
});

test('a key of one site does not reach into another, and can be deleted', async () => {
  const right = Buffer.alloc(32, 1);
  const wrong = Buffer.alloc(32, 2);
  const serialNumber = 'SQUAT-1';
  await devices.registerKey({ serialNumber, hmacKey: wrong.toString('hex'), siteId: siteB });
  await devices.registerKey({ serialNumber, hmacKey: right.toString('hex'), siteId: siteA });
  const device = knock({ keyed: true, serialNumber });
  const { code, challenge } = await offered(device);
  await devices.approve({ code, siteId: siteA }, ['p10']);
  const proof = { serialNumber, challenge, hmac: hmac(right, challenge) };
  assert.equal(await devices.pollActivation(device.hardwareId, device.clientId, proof, 'here'), 'active');
  await devices.deleteKey(serialNumber, siteB);
  await assert.rejects(devices.deleteKey(serialNumber, siteB), { code: 'NOT_FOUND' });
});

test('who names a serial number that has a key has to prove it, whatever version it claims', async () => {
  await devices.registerKey({ serialNumber: 'OLD-1', hmacKey: 'aa'.repeat(32) });
  const device = knock({ serialNumber: 'OLD-1', keyed: false });
  const { code } = await offered(device);
  assert.equal((await devices.approve({ code, siteId: siteA }, ['p11'])).outcome, 'waiting');
  await assert.rejects(devices.pollActivation(device.hardwareId, device.clientId, null, 'here'), {
    code: 'ACTIVATION_REFUSED',
  });
});

test('revoking ends an approval that waits for its proof', async () => {
  const key = 'ab'.repeat(32);
  const device = knock({ keyed: true, hmacKeyCandidate: key });
  const first = await offered(device);
  const { deviceId } = await devices.approve({ code: first.code, siteId: siteA }, ['p12']);
  const prove = (challenge: string) => ({ serialNumber: 'SN-12', challenge, hmac: hmac(key, challenge) });
  await devices.pollActivation(device.hardwareId, device.clientId, prove(first.challenge), 'here');
  const erased = { ...device, clientId: randomUUID() };
  const again = await offered(erased);
  await devices.approve({ code: again.code, siteId: siteA }, ['p12']);
  await devices.revoke(deviceId);
  assert.equal(
    await devices.pollActivation(erased.hardwareId, erased.clientId, prove(again.challenge), 'here'),
    'waiting',
  );
  assert.equal((await devices.get(deviceId)).state, 'revoked');
});

test('ten thousand made-up devices keep nobody out, and one source may not make more than its share', async () => {
  await database.pool.query('DELETE FROM activations');
  const insert = `INSERT INTO activations (hardware_id, client_id, claim, source, code, challenge, keyed, created_at, expires_at)
    SELECT 'flood-' || n, 'x', '', $2, 'f' || n, 'c' || n, false, 0, $1 FROM generate_series($3::int, $4::int) AS n`;
  await database.pool.query(insert, [clock.now() + 60_000, 'many', 1, 9_500]);
  await database.pool.query(insert, [clock.now() + 60_000, 'loud', 9_501, 10_000]);
  await offered(knock());
  await assert.rejects(devices.checkIn(knock(), 'loud'), { code: 'RATE_LIMITED' });
  await database.pool.query('DELETE FROM activations');
});

test('a proof at one network address gives no token at another', async () => {
  const key = Buffer.alloc(32, 9);
  const device = knock({ keyed: true, serialNumber: 'RACE-1' });
  await devices.registerKey({ serialNumber: 'RACE-1', hmacKey: key.toString('hex') });
  const { code, challenge } = await offered(device);
  const prove = (of: string) => ({ serialNumber: 'RACE-1', challenge: of, hmac: hmac(key, of) });
  await devices.approve({ code, siteId: siteA }, ['p14']);
  await devices.pollActivation(device.hardwareId, device.clientId, prove(challenge), 'here');
  const boot = await devices.checkIn(device, 'here');
  assert.ok(!boot.active);
  const thief = { ...device, keyed: false, serialNumber: null };
  assert.equal((await devices.checkIn(thief, 'elsewhere')).active, false);
  await devices.pollActivation(device.hardwareId, device.clientId, prove(boot.challenge), 'here');
  assert.equal((await devices.checkIn(thief, 'elsewhere')).active, false);
  assert.equal((await devices.checkIn(device, 'here')).active, true);
});

test('who shows another key gets another code: the code of a device stands for its own key only', async () => {
  const key = Buffer.alloc(32, 8);
  await devices.registerKey({ serialNumber: 'REAL-1', hmacKey: key.toString('hex') });
  const device = knock({ keyed: true, serialNumber: 'REAL-1' });
  const evil = { ...device, serialNumber: 'EVIL-1', hmacKeyCandidate: '66'.repeat(32) };
  const evilOffer = await offered(evil);
  const offer = await offered(device);
  assert.notEqual(evilOffer.code, offer.code);
  await offered(evil);
  await devices.approve({ code: offer.code, siteId: siteA }, ['p15']);
  const evilProof = {
    serialNumber: 'EVIL-1',
    challenge: evilOffer.challenge,
    hmac: hmac('66'.repeat(32), evilOffer.challenge),
  };
  assert.equal(await devices.pollActivation(device.hardwareId, device.clientId, evilProof, 'here'), 'waiting');
  const proof = { serialNumber: 'REAL-1', challenge: offer.challenge, hmac: hmac(key, offer.challenge) };
  assert.equal(await devices.pollActivation(device.hardwareId, device.clientId, proof, 'here'), 'active');
});

test('a person who guesses from many addresses is one guesser', async () => {
  const tries = Array.from({ length: 20 }, (_, i) =>
    devices.approve({ code: '888888', siteId: siteA }, [`address-${i}`, 'mallory']).catch((e) => e.code),
  );
  assert.equal((await Promise.all(tries)).filter((code) => code === 'RATE_LIMITED').length, 15);
});

test('a device is found by what it is called, its whole name or the id of its hardware', async () => {
  const { device: lamp } = await devices.create({ name: 'Lamp_1', siteId: siteA });
  await devices.create({ name: 'Lamp_10', siteId: siteA });
  await devices.create({ name: 'Lampx1', siteId: siteA });
  const called = async (text: string): Promise<string[]> =>
    (await devices.list({ sites: [siteA], called: text, limit: 10 })).map(({ deviceId }) => deviceId);
  assert.deepEqual(await called('lamp_1'), [lamp.deviceId]);
  assert.deepEqual(await called(lamp.hardwareId.toUpperCase()), [lamp.deviceId]);
  assert.deepEqual(await called('Lamp'), []);
});

test('a change of nothing changes nothing', async () => {
  const device = knock();
  const { code } = await offered(device);
  const { deviceId } = await devices.approve({ code, siteId: siteA, name: 'Attic' }, ['p13']);
  assert.equal((await devices.change(deviceId, {})).name, 'Attic');
});

test('many right codes at once are no guessing', async () => {
  const offers = await Promise.all(Array.from({ length: 30 }, () => offered(knock())));
  const replies = await Promise.all(offers.map(({ code }) => devices.approve({ code, siteId: siteA }, ['fleet'])));
  assert.equal(new Set(replies.map(({ deviceId }) => deviceId)).size, 30);
});

test('a device keeps the token that it had elsewhere; one that is in use or weak makes no device', async () => {
  const token = 'k3XvQ9bTz7LmN2pRs8Wc';
  const { device } = await devices.create({ name: 'Moved', siteId: siteA, token });
  assert.equal((await devices.authenticate(token, null))?.deviceId, device.deviceId);
  assert.ok(created.includes(device.deviceId), 'others heard of it');
  const many = await database.pool.query('SELECT 1 FROM devices');
  const other = { name: 'Other', token: 'Zb4Yt6Hn1Qw8Er5Ux2Ka' };
  await assert.rejects(devices.createAll(siteB, [other, { name: 'Copy', token }]), { code: 'CONFLICT' });
  await assert.rejects(devices.create({ name: 'Weak', siteId: siteA, token: '01234567890123456789' }), {
    code: 'TOKEN_WEAK',
  });
  assert.equal(await devices.authenticate(other.token, null), null);
  assert.equal((await database.pool.query('SELECT 1 FROM devices')).rowCount, many.rowCount);
  const stored = await database.pool.query('SELECT 1 FROM device_tokens WHERE token_hash = $1', [Buffer.from(token)]);
  assert.equal(stored.rowCount, 0);
});
