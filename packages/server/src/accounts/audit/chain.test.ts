import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { promisify } from 'node:util';
import type { AuditVerification } from '@muster/contract';
import { createVirtualClock, type VirtualClock } from '@muster/testkit';
import { createTestDatabase } from '../../platform/db/test-database.fixture.ts';
import { createLogger } from '../../platform/log.ts';
import { type Audit, createAudit } from './audit.ts';
import { type AuditBook, createAuditBook } from './book.ts';
import { createSealer, type Sealer } from './sealer.ts';

/** Somebody with all rights in the database changes the audit: it is always noticed. */
let database: Awaited<ReturnType<typeof createTestDatabase>>;
let directory: string;
let clock: VirtualClock;
let audit: Audit;
let sealer: Sealer;
let book: AuditBook;
const { privateKey: key } = generateKeyPairSync('ed25519');
const SITE = '019a0000-0000-7000-8000-0000000000aa';

before(async () => {
  database = await createTestDatabase();
  directory = await mkdtemp(join(tmpdir(), 'muster-audit-'));
});
after(async () => {
  await database.stop();
  await rm(directory, { recursive: true, force: true });
});

beforeEach(async () => {
  await tamper('TRUNCATE audit_entries, audit_chain, audit_heads RESTART IDENTITY');
  await rm(join(directory, 'head.json'), { force: true });
  clock = createVirtualClock(1_800_000_000_000);
  audit = createAudit({ pool: database.pool, clock });
  restart();
  for (let nth = 1; nth <= 30; nth++) {
    await audit.append({
      action: nth % 3 === 0 ? 'site.change' : 'device.change',
      siteId: nth % 2 === 0 ? SITE : null,
      target: { kind: 'device', id: `d${nth}` },
      before: { name: `was ${nth}`, 7: 1.5 },
      after: { name: `is "${nth}"\n`, 7: 2 },
    });
    if (nth % 10 === 0) await sealer.sealNow();
    await clock.advance(60_000);
  }
});

/** A new process on the same database and files. */
function restart(): void {
  const log = createLogger('silent');
  sealer = createSealer({ pool: database.pool, clock, log, key, headFile: join(directory, 'head.json') });
  book = createAuditBook({ pool: database.pool, sealer });
}

/** SQL with the triggers out of the way: what only an owner of the database can do. */
async function tamper(sql: string): Promise<void> {
  const client = await database.pool.connect();
  try {
    await client.query('SET session_replication_role = replica');
    await client.query(sql);
  } finally {
    await client.query('RESET session_replication_role');
    client.release();
  }
}

async function verify(): Promise<AuditVerification> {
  let last: AuditVerification | undefined;
  for await (const state of book.verify()) last = state;
  assert.ok(last?.done === true);
  return last;
}

test('what nobody touched is whole, also after a restart', async () => {
  assert.deepEqual(await verify().then(({ entries, heads, fault }) => ({ entries, heads, fault })), {
    entries: 30,
    heads: 3,
    fault: null,
  });
  restart();
  await audit.append({ action: 'site.change' });
  assert.deepEqual(await verify().then(({ entries, heads, fault }) => ({ entries, heads, fault })), {
    entries: 31,
    heads: 4,
    fault: null,
  });
});

const FORGED_LINK = `INSERT INTO audit_chain SELECT 31, 31, sha256('x'), sha256('y')`;
for (const [what, sql, kind, seq] of [
  ['edited', `UPDATE audit_entries SET after = '{"name":"other"}' WHERE entry_id = 12`, 'changed', 12],
  ['said to be by somebody else', "UPDATE audit_entries SET actor_id = 'eve' WHERE entry_id = 3", 'changed', 3],
  ['deleted', 'DELETE FROM audit_entries WHERE entry_id = 20', 'deleted', 20],
  [
    'deleted with its link',
    'DELETE FROM audit_entries WHERE entry_id = 20; DELETE FROM audit_chain WHERE seq = 20',
    'deleted',
    20,
  ],
  [
    'put in and dated back',
    `INSERT INTO audit_entries (at, action, outcome, actor_kind) VALUES (1800000000000, 'site.change', 'succeeded', 'user')`,
    'added',
    31,
  ],
  ['put in with a link of its own', FORGED_LINK, 'deleted', 31],
  [
    'reordered',
    `UPDATE audit_chain SET entry_id = -entry_id WHERE seq IN (5, 6);
     UPDATE audit_chain SET entry_id = CASE seq WHEN 5 THEN 6 ELSE 5 END WHERE seq IN (5, 6)`,
    'changed',
    5,
  ],
  [
    'reordered with their leaves',
    `UPDATE audit_chain SET seq = -seq WHERE seq IN (5, 6);
     UPDATE audit_chain SET seq = CASE seq WHEN -5 THEN 6 ELSE 5 END WHERE seq < 0`,
    'order',
    5,
  ],
  [
    'cut off at the end',
    'DELETE FROM audit_entries WHERE entry_id > 15; DELETE FROM audit_chain WHERE seq > 15',
    'end',
    16,
  ],
  [
    'cut off at the end with its heads',
    `DELETE FROM audit_entries WHERE entry_id > 10; DELETE FROM audit_chain WHERE seq > 10;
     DELETE FROM audit_heads WHERE seq > 10`,
    'end',
    11,
  ],
  ['emptied', 'TRUNCATE audit_entries, audit_chain, audit_heads', 'end', 1],
  ['signed by another', "UPDATE audit_heads SET signature = sha512('x') WHERE seq = 20", 'signature', 20],
] as const) {
  test(`an audit that was ${what} is found out`, async () => {
    restart();
    await tamper(sql);
    const { fault, entries } = await verify();
    assert.equal(fault?.kind, kind, fault?.say);
    assert.equal(fault?.seq, seq);
    assert.ok(entries < 31);
  });
}

test('a chain that somebody wrote anew from an entry on is found out by what was signed', async () => {
  await tamper("UPDATE audit_entries SET actor_id = 'eve' WHERE entry_id = 12");
  // everything that can be computed without the key
  await tamper('DELETE FROM audit_chain WHERE seq > 11');
  const other = createSealer({
    pool: database.pool,
    clock,
    log: createLogger('silent'),
    key: generateKeyPairSync('ed25519').privateKey,
    headFile: join(directory, 'other.json'),
  });
  await other.sealNow();
  const { fault } = await verify();
  assert.deepEqual([fault?.kind, fault?.seq], ['head', 20]);
});

test('the running server notices by itself that its end was cut off', async () => {
  await sealer.sealNow();
  assert.equal(sealer.fault(), null);
  await tamper('TRUNCATE audit_entries, audit_chain, audit_heads');
  await sealer.sealNow();
  assert.match(sealer.fault() ?? '', /is not there any more/);
});

test('two servers that seal at the same time make one chain', async () => {
  const other = createSealer({
    pool: database.pool,
    clock,
    log: createLogger('silent'),
    key,
    headFile: join(directory, 'second.json'),
  });
  for (let round = 0; round < 5; round++) {
    await Promise.all(Array.from({ length: 20 }, () => audit.append({ action: 'device.change' })));
    await Promise.all([sealer.sealNow(), other.sealNow(), audit.append({ action: 'late' })]);
  }
  const { fault, entries } = await verify();
  assert.equal(fault, null);
  assert.equal(entries, 30 + 5 * 21);
});

test('an entry of a long transaction is sealed when it comes', async () => {
  const client = await database.pool.connect();
  await client.query('BEGIN');
  await audit.appendWith(client, [{ action: 'slow' }]);
  await audit.append({ action: 'quick' });
  await sealer.sealNow();
  await client.query('COMMIT');
  client.release();
  const { fault, entries } = await verify();
  assert.deepEqual([fault, entries], [null, 32]);
});

/** What docs/guides/verify-the-audit.md tells people to run. */
test('an export is verified with a shell and openssl, and nothing of ours', async () => {
  const exported = async (sites: readonly string[] | null): Promise<string> => {
    let text = '';
    for await (const part of await book.export({ format: 'ndjson', sites })) text += part;
    return text;
  };
  const script = join(import.meta.dirname, '../../../../../docs/guides/verify-audit.sh');
  const check = async (text: string): Promise<string> => {
    const file = join(directory, 'audit.ndjson');
    await writeFile(file, text);
    const done = await promisify(execFile)('sh', [script, file]).catch((error: { stdout: string }) => error);
    return done.stdout.trim();
  };
  const whole = await exported(null);
  assert.match(await check(whole), /^30 entries and 3 signatures are right\./);
  assert.match(await check(await exported([SITE])), /^30 entries and 3 signatures are right\./);
  assert.ok(!(await exported([SITE])).includes('"id":1,'), 'others are there as hashes only');
  assert.match(await check(whole.replace('is \\"4\\"', 'is \\"5\\"')), /^WRONG/);
  const lines = whole.split('\n');
  assert.match(await check([...lines.slice(0, 5), ...lines.slice(6)].join('\n')), /^WRONG/);
  assert.match(await check([...lines.slice(0, 5), lines[6], lines[5], ...lines.slice(7)].join('\n')), /^WRONG/);
});
