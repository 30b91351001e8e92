import { createHash } from 'node:crypto';
import { MusterError } from '@muster/contract';
import type { PoolClient } from 'pg';

/** The key that a sender gave a request, and what makes two requests the same. */
export interface SenderKey {
  readonly key: string;
  readonly hash: Buffer;
}

/** What a key stands for already: a command or a run. */
export interface Known {
  readonly id: string;
  readonly hash: Buffer;
}

/** Takes the key for what is being made, in its transaction. What is given has it already. */
export async function takeKey(
  client: PoolClient,
  sentBy: string,
  { key, hash }: SenderKey,
  madeId: string,
  now: number,
): Promise<Known | null> {
  // waits for another server that takes the same key: what it made is found then
  const taken = await client.query(
    `INSERT INTO idempotency_keys (sent_by, key, request_hash, made_id, created_at) VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT DO NOTHING`,
    [sentBy, key, hash, madeId, now],
  );
  if (taken.rowCount !== 0) return null;
  const { rows } = await client.query<{ made_id: string; request_hash: Buffer }>(
    'SELECT made_id, request_hash FROM idempotency_keys WHERE sent_by = $1 AND key = $2',
    [sentBy, key],
  );
  const [found] = rows;
  return found === undefined ? null : { id: found.made_id, hash: found.request_hash };
}

/** The id that a key stands for. IDEMPOTENCY_MISMATCH when that was another request. */
export function sameRequest(known: Known, hash: Buffer): string {
  if (!known.hash.equals(hash)) throw new MusterError('IDEMPOTENCY_MISMATCH');
  return known.id;
}

export function hashOf(parts: readonly unknown[]): Buffer {
  return createHash('sha256').update(JSON.stringify(parts)).digest();
}

/** Keys whose request is under way in this process. */
export interface BusyKeys {
  /** IDEMPOTENCY_BUSY while a request with the same key runs. */
  once<T>(sentBy: string, key: string | undefined, task: () => Promise<T>): Promise<T>;
}

export function createBusyKeys(): BusyKeys {
  const busy = new Set<string>();
  return {
    async once(sentBy, key, task) {
      if (key === undefined) return task();
      const name = `${sentBy} ${key}`;
      if (busy.has(name)) throw new MusterError('IDEMPOTENCY_BUSY');
      busy.add(name);
      try {
        return await task();
      } finally {
        busy.delete(name);
      }
    },
  };
}
