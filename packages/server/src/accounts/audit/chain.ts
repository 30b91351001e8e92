import { createHash } from 'node:crypto';
import type { AuditRow } from './store.ts';

/** What stands before the first entry. */
export const GENESIS = '0'.repeat(64);

/** An entry as it is stored. */
export interface StoredEntry extends AuditRow {
  readonly entry_id: number;
}

/**
 * The one line of JSON that stands for an entry: what is hashed, and what an export holds. Members and their order are
 * fixed for ever, for the hashes of old entries are.
 */
export function lineOf(entry: StoredEntry): string {
  const { actor_kind: kind, actor_id: id, actor_name: name, target_kind: targetKind, target_id: targetId } = entry;
  const start = {
    id: entry.entry_id,
    at: entry.at,
    action: entry.action,
    outcome: entry.outcome,
    actor: { kind, id, name },
    address: entry.address,
    requestId: entry.request_id,
    sessionId: entry.session_id,
    siteId: entry.site_id,
    target: targetKind === null ? null : { kind: targetKind, id: targetId },
    reason: entry.reason,
  };
  return `${JSON.stringify(start).slice(0, -1)},"before":${entry.before ?? 'null'},"after":${entry.after ?? 'null'}}`;
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** SHA-256 of a line, in hex. */
export const leafOf = (line: string): string => sha256(line);

/** The hash of the chain after one more leaf: SHA-256 of both in hex, each with a line feed behind it. */
export const linkOf = (previous: string, leaf: string): string => sha256(`${previous}\n${leaf}\n`);

/** What is signed of a chain: it ends with entry number `seq`, and this is its hash. */
export const headText = (seq: number, hash: string, at: number): string => `muster audit\n${seq}\n${hash}\n${at}\n`;
