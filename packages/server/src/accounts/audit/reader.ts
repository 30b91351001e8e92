import type { AuditQuery, AuditEntry as Shown } from '@muster/contract';
import type { Pool } from 'pg';
import { GENESIS, lineOf, type StoredEntry } from './chain.ts';
import { type Head, hashAt, headsBetween, readLinks, seqFrom } from './chain-store.ts';
import { ENTRY } from './store.ts';

/** What the audit is asked for; `sites` null: of every site, and of the server. */
export interface AuditFilter extends AuditQuery {
  readonly sites: readonly string[] | null;
}

const AT_ONCE = 2_000;

/** Newest first; `after` is the last id of the page before. */
export async function readEntries(pool: Pool, { limit, after, ...filter }: AuditFilter): Promise<Shown[]> {
  const { sites, siteId, action, actorId, targetId, outcome, from, to } = filter;
  const wanted: [condition: string, value: unknown][] = [];
  if (sites !== null) wanted.push(['site_id = ANY($::uuid[])', sites]);
  if (siteId !== undefined) wanted.push(['site_id = $', siteId]);
  if (action !== undefined) wanted.push(['action = $', action]);
  if (actorId !== undefined) wanted.push(['actor_id = $', actorId]);
  if (targetId !== undefined) wanted.push(['target_id = $', targetId]);
  if (outcome !== undefined) wanted.push(['outcome = $', outcome]);
  if (from !== undefined) wanted.push(['at >= $', from]);
  if (to !== undefined) wanted.push(['at < $', to]);
  if (after !== undefined) wanted.push(['entry_id < $', after]);
  const where = wanted.map(([condition], nth) => condition.replace('$', `$${nth + 2}`)).join(' AND ');
  const { rows } = await pool.query<StoredEntry>(
    `SELECT ${ENTRY}
     FROM audit_entries ${where === '' ? '' : `WHERE ${where}`} ORDER BY entry_id DESC LIMIT $1`,
    [limit, ...wanted.map(([, value]) => value)],
  );
  return rows.map((row) => JSON.parse(lineOf(row)) as Shown);
}

/**
 * The chain as lines of text, from the first entry at or after `from` up to a signed head: what `muster audit verify`
 * and openssl can check without this server. Entries that the reader may not see are there as their hash.
 */
export async function* exportChain(
  pool: Pool,
  asked: {
    readonly from: number | undefined;
    readonly to: number | undefined;
    readonly end: Head;
    readonly isVisible: (entry: StoredEntry) => boolean;
  },
): AsyncGenerator<string> {
  const { end, isVisible, to = Number.POSITIVE_INFINITY } = asked;
  const first = asked.from === undefined ? 1 : await seqFrom(pool, asked.from);
  if (first === null || first > end.seq) return;
  const previous = first === 1 ? GENESIS : ((await hashAt(pool, first - 1)) ?? GENESIS);
  yield `${JSON.stringify({ muster: 'audit', version: 1, first, previous, publicKey: end.publicKey })}\n`;
  let seq = first - 1;
  while (seq < end.seq) {
    const links = await readLinks(pool, seq, AT_ONCE);
    const heads = new Map<number, Head>();
    for (const head of await headsBetween(pool, seq, links.at(-1)?.seq ?? seq)) heads.set(head.seq, head);
    let text = '';
    let isLast = links.length === 0;
    for (const { seq: number, leaf, entry } of links) {
      text += entry !== null && isVisible(entry) ? `${lineOf(entry)}\n` : `${JSON.stringify({ leaf })}\n`;
      seq = number;
      const head = heads.get(number);
      if (head === undefined) continue;
      const { hash, at, signature } = head;
      text += `${JSON.stringify({ head: { seq: number, hash, at }, signature })}\n`;
      // to the first head behind the span, so that all of it is signed
      isLast = number >= end.seq || (entry?.at ?? 0) >= to;
      if (isLast) break;
    }
    yield text;
    if (isLast) return;
  }
}
