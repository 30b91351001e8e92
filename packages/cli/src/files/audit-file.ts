import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { MusterError } from '@muster/contract';

/** What was found in an exported audit. */
export interface AuditFile {
  readonly entries: number;
  /** Entries that are there as their hash only: the export was of one site, and they are of others. */
  readonly hidden: number;
  readonly heads: number;
  /** Numbers in the chain. */
  readonly first: number;
  readonly last: number;
  /** PEM of the key that signed. */
  readonly publicKey: string;
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
/** Longest line: an entry has two sides of 8 KB at most. */
const MOST_LINE = 100_000;

/**
 * Verifies an audit that was exported as NDJSON, without the server: every hash, and every signature with `key`, or with
 * the key that the file names. AUDIT_WRONG with the number of the line.
 */
export async function verifyAuditFile(path: string, key: string | null): Promise<AuditFile> {
  const lines = createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY });
  let number = 0;
  let chain: { readonly key: KeyObject; readonly publicKey: string; readonly first: number } | null = null;
  let [hash, seq, entries, hidden, heads, signed] = ['', 0, 0, 0, 0, 0];
  const wrong = (why: string): MusterError =>
    new MusterError('AUDIT_WRONG', { line: number }, { say: `Line ${number}: ${why}.` });

  for await (const line of lines) {
    number += 1;
    if (line.length > MOST_LINE) throw wrong('it is too long for an entry');
    if (chain === null) {
      const { muster, first, previous, publicKey } = read(line, wrong);
      if (muster !== 'audit' || typeof first !== 'number' || typeof publicKey !== 'string') {
        throw wrong('this is no audit that was exported as ndjson');
      }
      chain = { key: createPublicKey(key ?? publicKey), publicKey, first };
      hash = String(previous);
      seq = first - 1;
      continue;
    }
    if (line.startsWith('{"head"')) {
      const { head, signature } = read(line, wrong) as { head: Record<string, unknown>; signature: unknown };
      if (head.seq !== seq || head.hash !== hash) throw wrong('what was signed is not what is above it');
      const text = Buffer.from(`muster audit\n${seq}\n${hash}\n${String(head.at)}\n`);
      const isRight = verify(null, text, chain.key, Buffer.from(String(signature), 'base64'));
      if (!isRight) throw wrong('the signature is not of this key');
      heads += 1;
      signed = seq;
      continue;
    }
    let leaf = sha256(line);
    if (line.startsWith('{"leaf"')) {
      leaf = String(read(line, wrong).leaf);
      hidden += 1;
    }
    hash = sha256(`${hash}\n${leaf}\n`);
    seq += 1;
    entries += 1;
  }
  if (chain === null) throw wrong('the file is empty');
  if (signed !== seq) throw wrong('the file does not end with a signature: its end is missing, or was changed');
  return { entries, hidden, heads, first: chain.first, last: seq, publicKey: chain.publicKey };
}

function read(line: string, wrong: (why: string) => MusterError): Record<string, unknown> {
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch (cause) {
    if (cause instanceof SyntaxError) throw wrong('it is no JSON');
    throw cause;
  }
}
