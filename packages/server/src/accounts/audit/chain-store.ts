import type { StoredEntry } from './chain.ts';
import { ENTRY, type Queryable } from './store.ts';

export interface Link {
  readonly seq: number;
  readonly entryId: number;
  readonly leaf: string;
  readonly hash: string;
}

export interface Head {
  readonly seq: number;
  readonly hash: string;
  /** Epoch ms. */
  readonly at: number;
  /** PEM, SubjectPublicKeyInfo. */
  readonly publicKey: string;
  /** Base64. */
  readonly signature: string;
}

// PostgreSQL breaks base64 into lines of 76
const HEAD = `seq, encode(hash, 'hex') AS hash, at, public_key AS "publicKey", replace(encode(signature, 'base64'), E'\\n', '') AS signature`;

/** Entries that are in no chain yet, in the order of their ids. `after`: none with a smaller id can be missing. */
export async function readUnsealed(client: Queryable, after: number, limit: number): Promise<StoredEntry[]> {
  const { rows } = await client.query<StoredEntry>(
    `SELECT ${ENTRY} FROM audit_entries AS entry WHERE entry_id > $1
       AND NOT EXISTS (SELECT FROM audit_chain WHERE audit_chain.entry_id = entry.entry_id)
     ORDER BY entry_id LIMIT $2`,
    [after, limit],
  );
  return rows;
}

/** Seq and hash of the last link; null when there is none. */
export async function readEnd(client: Queryable): Promise<{ readonly seq: number; readonly hash: string } | null> {
  const { rows } = await client.query<{ seq: number; hash: string }>(
    "SELECT seq, encode(hash, 'hex') AS hash FROM audit_chain ORDER BY seq DESC LIMIT 1",
  );
  return rows[0] ?? null;
}

export async function appendLinks(client: Queryable, links: readonly Link[]): Promise<void> {
  await client.query(
    `INSERT INTO audit_chain (seq, entry_id, leaf, hash)
     SELECT seq, entry_id, decode(leaf, 'hex'), decode(hash, 'hex')
     FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[]) AS link(seq, entry_id, leaf, hash)`,
    [
      links.map(({ seq }) => seq),
      links.map(({ entryId }) => entryId),
      links.map(({ leaf }) => leaf),
      links.map(({ hash }) => hash),
    ],
  );
}

/** Links after `after` with their entries; an entry that is not there any more is null. */
export async function readLinks(
  client: Queryable,
  after: number,
  limit: number,
): Promise<(Link & { readonly entry: StoredEntry | null })[]> {
  const { rows } = await client.query<Link & StoredEntry & { readonly found: boolean }>(
    `SELECT seq, link.entry_id AS "entryId", encode(leaf, 'hex') AS leaf, encode(hash, 'hex') AS hash,
       entry.entry_id IS NOT NULL AS found, ${ENTRY.replace('entry_id', 'entry.entry_id')}
     FROM audit_chain AS link LEFT JOIN audit_entries AS entry ON entry.entry_id = link.entry_id
     WHERE seq > $1 ORDER BY seq LIMIT $2`,
    [after, limit],
  );
  return rows.map(({ seq, entryId, leaf, hash, found, ...entry }) => ({
    seq,
    entryId,
    leaf,
    hash,
    entry: found ? entry : null,
  }));
}

/** The first seq whose entry is of this instant or later; null when there is none. */
export async function seqFrom(client: Queryable, at: number): Promise<number | null> {
  const { rows } = await client.query<{ seq: number }>(
    `SELECT seq FROM audit_chain JOIN audit_entries USING (entry_id) WHERE at >= $1 ORDER BY at, seq LIMIT 1`,
    [at],
  );
  return rows[0]?.seq ?? null;
}

export async function hashAt(client: Queryable, seq: number): Promise<string | null> {
  const { rows } = await client.query<{ hash: string }>(
    "SELECT encode(hash, 'hex') AS hash FROM audit_chain WHERE seq = $1",
    [seq],
  );
  return rows[0]?.hash ?? null;
}

export async function lastHead(client: Queryable): Promise<Head | null> {
  const { rows } = await client.query<Head>(`SELECT ${HEAD} FROM audit_heads ORDER BY seq DESC LIMIT 1`);
  return rows[0] ?? null;
}

/** Those after `after` and up to `last`, in order. */
export async function headsBetween(client: Queryable, after: number, last: number): Promise<Head[]> {
  const { rows } = await client.query<Head>(
    `SELECT ${HEAD} FROM audit_heads WHERE seq > $1 AND seq <= $2 ORDER BY seq`,
    [after, last],
  );
  return rows;
}

export async function appendHead(client: Queryable, head: Head): Promise<void> {
  await client.query(
    `INSERT INTO audit_heads (seq, hash, at, public_key, signature)
     VALUES ($1, decode($2, 'hex'), $3, $4, decode($5, 'base64')) ON CONFLICT (seq) DO NOTHING`,
    [head.seq, head.hash, head.at, head.publicKey, head.signature],
  );
}
