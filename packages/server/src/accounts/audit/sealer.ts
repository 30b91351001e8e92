import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Pool, PoolClient } from 'pg';
import type { Clock } from '../../platform/clock.ts';
import { inTransaction } from '../../platform/db/index.ts';
import type { Logger } from '../../platform/log.ts';
import { GENESIS, headText, leafOf, lineOf, linkOf } from './chain.ts';
import {
  appendHead,
  appendLinks,
  type Head,
  hashAt,
  type Link,
  lastHead,
  readEnd,
  readUnsealed,
} from './chain-store.ts';

/**
 * Puts the entries of the audit into its chain, a second after they were stored at most, and signs the head of the chain
 * every minute in which it grew. Of several servers one works at a time. The chain is not made in the transaction of the
 * change: each change would then wait for all others.
 */
export interface Sealer {
  start(): void;
  stop(): Promise<void>;
  /** Seals what is committed and signs the head; gives it, or null when there is nothing. */
  sealNow(): Promise<Head | null>;
  /** The head that was signed last, as this server keeps it outside of the database. */
  kept(): Head | null;
  /** PEM. */
  readonly publicKey: string;
  /** What is wrong with the chain as this server remembers it; null when nothing is. */
  fault(): string | null;
}

/** PEM of a fresh Ed25519 key. */
export const newSigningKey = (): string =>
  generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

const SEAL_MS = 1_000;
const SIGN_MS = 60_000;
const AT_ONCE = 1_000;
/** Transactions are shorter: an entry with a small id that was not there so long ago never comes. */
const LATE_MS = 10 * 60_000;
/** Of `pg_advisory_xact_lock`. */
const LOCK = 0x6175_6474;

export function createSealer(deps: {
  readonly pool: Pool;
  readonly clock: Clock;
  readonly log: Logger;
  /** Ed25519. */
  readonly key: KeyObject;
  /** Where the last head is kept outside of the database: who cuts the end off there is found out. */
  readonly headFile: string;
}): Sealer {
  const { pool, clock, log, key, headFile } = deps;
  const publicKey = createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString();
  /** Ids below the first are sealed; the list has what was sealed when, so that late entries are looked for. */
  let after = 0;
  let marks: { readonly at: number; readonly id: number }[] = [];
  let kept: Head | null = null;
  let fault: string | null = null;
  let cancel: () => void = () => undefined;
  let working: Promise<unknown> = Promise.resolve();
  let stopped = false;

  /** One page; how many it sealed. */
  async function seal(client: PoolClient): Promise<number> {
    const entries = await readUnsealed(client, after, AT_ONCE);
    if (entries.length === 0) return 0;
    const end = await readEnd(client);
    let { seq, hash } = end ?? { seq: 0, hash: GENESIS };
    const links: Link[] = [];
    for (const entry of entries) {
      const leaf = leafOf(lineOf(entry));
      seq += 1;
      hash = linkOf(hash, leaf);
      links.push({ seq, entryId: entry.entry_id, leaf, hash });
    }
    await appendLinks(client, links);
    return entries.length;
  }

  function remember(): void {
    const now = clock.now();
    const old = marks.filter(({ at }) => now - at > LATE_MS).at(-1);
    if (old !== undefined) {
      after = old.id;
      marks = marks.filter(({ id }) => id > old.id);
    }
  }

  async function sealAll(): Promise<void> {
    for (let more = true; more; ) {
      more = await locked(async (client) => {
        await check(client);
        const count = await seal(client);
        if (count > 0) {
          const { rows } = await client.query<{ id: number }>('SELECT max(entry_id) AS id FROM audit_chain');
          marks.push({ at: clock.now(), id: rows[0]?.id ?? 0 });
        }
        return count === AT_ONCE;
      });
    }
    remember();
  }

  /** What was signed must still be there. */
  async function check(client: PoolClient): Promise<void> {
    if (kept === null) return;
    const found = await hashAt(client, kept.seq);
    if (found === kept.hash) return;
    const now = found === null ? 'is not there any more' : 'is another now';
    if (fault === null) log.error({ seq: kept.seq }, 'the audit was tampered with');
    fault = `entry ${kept.seq} of the audit, which this server signed, ${now}`;
  }

  async function signHead(): Promise<Head | null> {
    const head = await locked(async (client) => {
      const [end, last] = [await readEnd(client), await lastHead(client)];
      if (end === null || (last !== null && last.seq >= end.seq)) return last;
      const at = clock.now();
      const signature = sign(null, Buffer.from(headText(end.seq, end.hash, at)), key).toString('base64');
      const made: Head = { ...end, at, publicKey, signature };
      await appendHead(client, made);
      return made;
    });
    if (head !== null && head.seq > (kept?.seq ?? 0)) {
      await keep(head);
      kept = head;
    }
    return head;
  }

  async function keep(head: Head): Promise<void> {
    await mkdir(dirname(headFile), { recursive: true, mode: 0o700 });
    await writeFile(`${headFile}.new`, `${JSON.stringify(head)}\n`, { mode: 0o600, flush: true });
    await rename(`${headFile}.new`, headFile);
  }

  async function recall(): Promise<void> {
    try {
      kept ??= JSON.parse(await readFile(headFile, 'utf8')) as Head;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }

  /** In a transaction that no other server has at the same time. */
  function locked<T>(task: (client: PoolClient) => Promise<T>): Promise<T> {
    return inTransaction(pool, async (client) => {
      await client.query('SELECT pg_advisory_xact_lock($1)', [LOCK]);
      return task(client);
    });
  }

  /** One after the other, whoever asks. */
  function inTurn<T>(task: () => Promise<T>): Promise<T> {
    const done = working.then(task);
    working = done.catch(() => undefined);
    return done;
  }

  const all = (): Promise<Head | null> =>
    inTurn(async () => {
      await recall();
      await sealAll();
      return signHead();
    });

  let signedAt = 0;
  function next(): void {
    cancel = clock.after(SEAL_MS, () => {
      inTurn(async () => {
        await recall();
        await sealAll();
        if (clock.now() - signedAt < SIGN_MS) return;
        await signHead();
        signedAt = clock.now();
      })
        .catch((error: unknown) => log.warn({ err: error }, 'the audit could not be sealed; it is tried again'))
        .finally(() => {
          if (!stopped) next();
        });
    });
  }

  return {
    start: next,
    async stop() {
      stopped = true;
      cancel();
      // what was done last is signed too
      await all().catch((error: unknown) => log.warn({ err: error }, 'the end of the audit was not sealed'));
    },
    sealNow: all,
    kept: () => kept,
    publicKey,
    fault: () => fault,
  };
}
