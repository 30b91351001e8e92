import { setTimeout as pause } from 'node:timers/promises';
import type { AuditVerification, Group, Site } from '@muster/contract';
import { defineFault } from './define.ts';
import { startBreakable } from './rig/breakable-server.ts';
import { shortOf } from './rig/stored.ts';

const WRITERS = 8;
/** The server is killed somewhere in this time after changes began, ms. */
const KILL_MS = 1_200;
/** The chain has its links a second after the rows; a long test waits longer than that. */
const CHAINED_MS = 30_000;

interface Row {
  readonly target: string;
  readonly action: string;
  readonly name: string | null;
}

/**
 * kill -9 of the server, in every second round of its database too, while people change things. What was acknowledged
 * happened; whatever happened has exactly one row of the audit, whatever has a row happened; the chain holds.
 */
export const fault = defineFault({
  name: 'audited-kill',
  summary: 'kill -9 while things are changed: each change and its row of the audit are there together or not at all',
  rounds: 20,
  async run({ rounds, say, signal }) {
    const server = await startBreakable();
    /** The last change of each group that was acknowledged. */
    const acknowledged = new Map<string, number>();
    try {
      const siteId = (await server.now.call<{ sites: Site[] }>('GET', '/api/sites')).sites[0]?.siteId ?? '';
      for (let round = 1; round <= rounds && !signal.aborted; round++) {
        const ending = new AbortController();
        const writers = Array.from({ length: WRITERS }, (_, nth) =>
          write(server.now.call, siteId, `${round}/${nth}`, acknowledged, ending.signal),
        );
        await pause(100 + Math.random() * KILL_MS);
        await (round % 2 === 0 ? server.now.killTree9() : server.now.kill9());
        ending.abort();
        await Promise.all(writers);
        await server.start();
        say(`round ${round}: killed after ${countOf(acknowledged)} acknowledged changes`);
      }
      return await compare(server.now, acknowledged, say);
    } finally {
      await server.end();
    }
  },
});

type CallApi = Awaited<ReturnType<typeof startBreakable>>['now']['call'];

/** Makes a group and renames it, counting, until the server is gone. */
async function write(
  call: CallApi,
  siteId: string,
  who: string,
  acknowledged: Map<string, number>,
  signal: AbortSignal,
): Promise<void> {
  try {
    const { groupId } = await call<Group>('POST', '/api/groups', { siteId, name: nameOf(who, 0), deviceIds: [] });
    acknowledged.set(groupId, 0);
    for (let nth = 1; !signal.aborted; nth++) {
      await call('PATCH', `/api/groups/${groupId}`, { name: nameOf(who, nth) });
      acknowledged.set(groupId, nth);
    }
  } catch (error) {
    // it was killed: whether the last one happened, its rows say. An answer would be a refusal, and of those there is none
    const { status } = (error as { context?: { status?: unknown } }).context ?? {};
    if (status !== undefined) throw error;
  }
}

const countOf = (acknowledged: ReadonlyMap<string, number>): number =>
  [...acknowledged.values()].reduce((sum, nth) => sum + nth + 1, 0);
const nameOf = (who: string, nth: number): string => `${who}#${nth}`;
const nthOf = (name: string | null): number => Number(name?.split('#')[1] ?? Number.NaN);

async function compare(
  server: Awaited<ReturnType<typeof startBreakable>>['now'],
  acknowledged: ReadonlyMap<string, number>,
  say: (line: string) => void,
) {
  const groups = await server.query<{ group_id: string; name: string }>(
    "SELECT group_id::text, name FROM groups WHERE name ~ '^[0-9]+/[0-9]+#'",
  );
  const rows = await server.query<Row>(
    `SELECT target_id AS target, action, after ->> 'name' AS name FROM audit_entries
     WHERE target_kind = 'group' AND outcome = 'succeeded' ORDER BY entry_id`,
  );
  const names = new Map(groups.map(({ group_id, name }) => [group_id, name]));
  const said = new Map<string, (string | null)[]>();
  for (const { target, name } of rows) said.set(target, [...(said.get(target) ?? []), name]);

  let lost = 0;
  for (const [id, nth] of acknowledged) {
    // the one after it may have happened without its answer
    const is = nthOf(names.get(id) ?? null) - nth;
    if (is !== 0 && is !== 1) lost += 1;
  }
  let doubled = 0;
  let wrong = 0;
  for (const [id, name] of names) {
    const found = (said.get(id) ?? []).map(nthOf);
    if (new Set(found).size < found.length) doubled += 1;
    else if (found.length !== nthOf(name) + 1 || found.some((nth, at) => nth !== at)) wrong += 1;
  }
  const made = [...said.keys()].filter((id) => !names.has(id)).length;
  const chain = await faultOfChain(server, rows.length);
  say(
    `${countOf(acknowledged)} acknowledged, ${groups.length} groups, ${rows.length} rows; the chain: ${chain ?? 'right'}`,
  );
  return {
    checked: groups.length + rows.length,
    lost,
    doubled,
    short: shortOf(
      wrong > 0 && `${wrong} changes and their rows do not agree`,
      made > 0 && `${made} rows tell of what did not happen`,
      chain !== null && `the chain of the audit: ${chain}`,
    ),
  };
}

/** Null, or what is wrong with the chain; rows that have no link yet are waited for. */
async function faultOfChain(server: { text(path: string): Promise<string> }, rows: number): Promise<string | null> {
  const until = performance.now() + CHAINED_MS;
  for (;;) {
    const lines = (await server.text('/api/audit/verification')).trimEnd().split('\n');
    const { fault, done, entries } = JSON.parse(lines.at(-1) ?? '{}') as AuditVerification;
    if (fault !== null) return fault.say;
    if (done && entries >= rows) return null;
    if (performance.now() > until) return `only ${entries} of ${rows} rows are in it`;
    await pause(500);
  }
}
