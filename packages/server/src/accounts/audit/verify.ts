import { createPublicKey, verify as verifySignature } from 'node:crypto';
import type { AuditFault, AuditVerification } from '@muster/contract';
import type { Pool } from 'pg';
import { GENESIS, headText, leafOf, lineOf, linkOf } from './chain.ts';
import { type Head, hashAt, headsBetween, readEnd, readLinks } from './chain-store.ts';

const AT_ONCE = 2_000;
/** An entry is sealed within this, ms: one that is older than a head before it was put in later. */
const LATE_MS = 10 * 60_000;

/**
 * Goes through the whole chain as it is stored: each entry against its leaf, each link against the one before, each
 * signed head against the chain and its signature, and the end against the head that is kept outside of the database.
 * Yields after each page how far it is, and last what came of it: the first fault, or none.
 */
export async function* verifyChain(
  pool: Pool,
  { publicKey, kept }: { readonly publicKey: string; readonly kept: Head | null },
): AsyncGenerator<AuditVerification> {
  const end = (await readEnd(pool))?.seq ?? 0;
  const key = createPublicKey(publicKey);
  let previous = GENESIS;
  let seq = 0;
  let heads = 0;
  let signedAt = 0;
  const state = (fault: AuditFault | null, done: boolean): AuditVerification => ({
    entries: seq,
    of: Math.max(end, seq),
    heads,
    hash: previous,
    publicKey,
    fault,
    done,
  });
  const wrong = (kind: AuditFault['kind'], at: number, say: string): AuditVerification =>
    state({ kind, seq: at, say }, true);

  for (;;) {
    const links = await readLinks(pool, seq, AT_ONCE);
    const signed = new Map<number, Head>();
    const last = links.at(-1);
    if (last !== undefined) for (const head of await headsBetween(pool, seq, last.seq)) signed.set(head.seq, head);
    for (const { seq: number, entryId, leaf, hash, entry } of links) {
      if (number !== seq + 1) return yield wrong('deleted', seq + 1, `Link ${seq + 1} is not there.`);
      if (entry === null) return yield wrong('deleted', number, `Entry ${entryId}, number ${number}, is not there.`);
      if (leafOf(lineOf(entry)) !== leaf) return yield wrong('changed', number, `Entry ${entryId} was changed.`);
      if (linkOf(previous, leaf) !== hash) {
        return yield wrong('order', number, `Number ${number} does not follow from what is before it.`);
      }
      if (entry.at < signedAt - LATE_MS) {
        const say = `Entry ${entryId} is dated long before what was signed before it: it was put in later, or the clock was set back.`;
        return yield wrong('added', number, say);
      }
      previous = hash;
      seq = number;
      const head = signed.get(number);
      if (head === undefined) continue;
      const text = Buffer.from(headText(head.seq, head.hash, head.at));
      const isOurs = verifySignature(null, text, key, Buffer.from(head.signature, 'base64'));
      if (!isOurs) return yield wrong('signature', number, `The signature of number ${number} is not of this server.`);
      if (head.hash !== hash) {
        return yield wrong('head', number, `What was signed of number ${number} is not what is stored.`);
      }
      heads += 1;
      signedAt = head.at;
    }
    if (links.length < AT_ONCE) break;
    yield state(null, false);
  }
  const [beyond] = await headsBetween(pool, seq, Number.MAX_SAFE_INTEGER);
  const cut = beyond ?? (kept !== null && kept.seq > seq ? kept : undefined);
  if (cut !== undefined) {
    return yield wrong('end', seq + 1, `The chain ends at ${seq}; it was signed up to ${cut.seq}.`);
  }
  if (kept !== null && kept.seq > 0 && (await hashAt(pool, kept.seq)) !== kept.hash) {
    return yield wrong('head', kept.seq, `Number ${kept.seq} is not what this server signed last.`);
  }
  const stray = await strayEntry(pool, signedAt - LATE_MS);
  if (stray !== null)
    return yield wrong('added', seq, `Entry ${stray} is in no chain, and older than what was signed last.`);
  yield state(null, true);
}

/** An entry that was put in past the server: it is of long ago, and was never sealed. */
async function strayEntry(pool: Pool, before: number): Promise<number | null> {
  const { rows } = await pool.query<{ entry_id: number }>(
    `SELECT entry_id FROM audit_entries AS entry WHERE at < $1
       AND NOT EXISTS (SELECT FROM audit_chain WHERE audit_chain.entry_id = entry.entry_id) LIMIT 1`,
    [before],
  );
  return rows[0]?.entry_id ?? null;
}
