import type { AuditEntry, AuditExportQuery, AuditVerification } from '@muster/contract';
import type { Pool } from 'pg';
import { csvCell } from '../../platform/csv.ts';
import type { StoredEntry } from './chain.ts';
import { type AuditFilter, exportChain, readEntries } from './reader.ts';
import type { Sealer } from './sealer.ts';
import { verifyChain } from './verify.ts';

/** The audit to read. */
export interface AuditBook {
  /** Newest first. */
  list(filter: AuditFilter): Promise<AuditEntry[]>;
  /** The text of a file, in pieces; seals and signs before, so that the file ends with what was done last. */
  export(
    asked: AuditExportQuery & { readonly sites: readonly string[] | null },
  ): Promise<Iterable<string> | AsyncIterable<string>>;
  verify(): AsyncIterable<AuditVerification>;
  /** PEM of the key that signs. */
  readonly publicKey: string;
}

const PAGE = 1_000;
const COLUMNS = [
  ...['id', 'time', 'action', 'outcome', 'actor kind', 'actor id', 'actor', 'address', 'request', 'site'],
  ...['target kind', 'target id', 'reason', 'before', 'after'],
];

export function createAuditBook({ pool, sealer }: { readonly pool: Pool; readonly sealer: Sealer }): AuditBook {
  async function* csv(filter: Omit<AuditFilter, 'limit'>): AsyncIterable<string> {
    yield csvLine(COLUMNS);
    let after: number | undefined;
    for (;;) {
      const page = await readEntries(pool, { ...filter, limit: PAGE, ...(after === undefined ? {} : { after }) });
      yield page.map((entry) => csvLine(cellsOf(entry))).join('');
      after = page.at(-1)?.id;
      if (page.length < PAGE) return;
    }
  }

  return {
    publicKey: sealer.publicKey,
    list: (filter) => readEntries(pool, filter),

    async export({ format, sites, siteId, from, to }) {
      const end = await sealer.sealNow();
      const span = { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
      if (format === 'csv') return csv({ sites, ...span, ...(siteId === undefined ? {} : { siteId }) });
      if (end === null) return [];
      const only = siteId === undefined ? sites : [siteId];
      const isVisible = ({ site_id: of }: StoredEntry): boolean => only === null || (of !== null && only.includes(of));
      return exportChain(pool, { from, to, end, isVisible });
    },

    async *verify() {
      await sealer.sealNow();
      yield* verifyChain(pool, { publicKey: sealer.publicKey, kept: sealer.kept() });
    },
  };
}

function cellsOf(entry: AuditEntry): string[] {
  const { actor, target } = entry;
  const json = (value: unknown): string => (value === null ? '' : JSON.stringify(value));
  return [
    String(entry.id),
    new Date(entry.at).toISOString(),
    entry.action,
    entry.outcome,
    actor.kind,
    actor.id ?? '',
    actor.name ?? '',
    entry.address ?? '',
    entry.requestId ?? '',
    entry.siteId ?? '',
    target?.kind ?? '',
    target?.id ?? '',
    entry.reason ?? '',
    json(entry.before),
    json(entry.after),
  ];
}

const csvLine = (cells: readonly string[]): string => `${cells.map((cell) => csvCell(cell)).join()}\r\n`;
