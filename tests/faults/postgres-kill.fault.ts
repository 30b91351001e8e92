import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from '@muster/contract';
import { percentile } from '../../bench/report/statistics.ts';
import { openAckedLog } from './acked-log.ts';
import { defineFault } from './define.ts';
import { load, makeLoadDevices, settle } from './ingest-load.ts';
import { type BreakableServer, startBreakable } from './rig/breakable-server.ts';
import { isRetryable } from './rig/refusals.ts';
import { compareStored, shortOf, tellComparison } from './rig/stored.ts';
import { pause, until } from './rig/until.ts';

const DEVICES = 24;
/** PostgreSQL is killed somewhere in this time after the first messages were acknowledged, ms. */
const KILL_MS = 700;
const FIRST = 100;
/** The server stores again by itself within this time, ms. */
const BACK_MS = 30_000;
const SETTLE_MS = 30_000;
const COMMAND_DEADLINE_MS = 4_000;

/**
 * kill -9 of PostgreSQL, by turns of the postmaster and of one of its processes, while devices send and commands are
 * given. The server stays up, refuses what it cannot store with codes that ask to try again, acknowledges nothing of
 * that, and stores again without a hand. Nothing acknowledged is lost, nothing doubled.
 */
export const fault = defineFault({
  name: 'postgres-kill',
  summary: 'kill -9 of PostgreSQL, the postmaster or one of its processes, during ingest and commands',
  rounds: 10,
  async run({ rounds, say, signal }) {
    const path = join(tmpdir(), `acked-postgres-${process.pid}.log`);
    const log = openAckedLog(path);
    const server = await startBreakable();
    const backMs: number[] = [];
    const refused = new Map<string, number>();
    const commands = { accepted: new Set<string>(), refused };
    const { pid } = server.now;
    try {
      const devices = await makeLoadDevices(server.now, DEVICES);
      const ending = new AbortController();
      const onRefused = (_wire: string, code: string): void => void refused.set(code, (refused.get(code) ?? 0) + 1);
      const loading = load(devices, server.now, log, ending.signal, { onRefused, pauseMs: 5 });
      const giving = giveCommands(server, devices[0]?.deviceId ?? '', commands, ending.signal);
      for (let round = 1; round <= rounds && !signal.aborted; round++) {
        const before = log.all().length;
        await until('the load runs', BACK_MS, () => log.all().length >= before + FIRST, 10);
        await pause(Math.random() * KILL_MS);
        const whole = round % 2 === 1;
        const victim = whole ? await server.now.databasePid() : await oneBackend(server);
        process.kill(victim, 'SIGKILL');
        const dead = log.all().length;
        // answers that were on their way when it died come first: stored again is a new start of its clock
        await pause(50);
        const since = log.all().length;
        const took = 50 + (await until('messages are stored again', BACK_MS, () => log.all().length > since + 10, 10));
        backMs.push(took);
        say(
          `round ${round}: ${whole ? 'postmaster' : 'one process'} killed after ${dead} messages, storing again after ${Math.round(took)} ms`,
        );
      }
      ending.abort();
      await Promise.all([loading, giving]);
      const settled = await settle(devices, server.now, log, SETTLE_MS);
      await pause(COMMAND_DEADLINE_MS + 2_500);
      const found = await compareStored(server.now, log.all());
      const rows = await server.now.query<{ command_id: string; state: string }>(
        'SELECT command_id, state FROM commands',
      );
      const states = new Map(rows.map(({ command_id, state }) => [command_id, state]));
      const vanished = [...commands.accepted].filter((id) => !states.has(id)).length;
      const open = rows.filter(({ state }) => ['queued', 'sent', 'acked'].includes(state)).length;
      const strange = [...refused.keys()].filter((code) => !isRetryable(code));
      const p95 = percentile(backMs, 0.95);
      say(`refused meanwhile: ${[...refused].map(([code, count]) => `${count} ${code}`).join(', ') || 'nothing'}`);
      say(`${tellComparison(found)}; ${commands.accepted.size} commands, ${vanished} vanished, ${open} open`);
      return {
        checked: found.checked + commands.accepted.size,
        lost: found.lost + vanished,
        doubled: found.doubled,
        short: shortOf(
          found.wrong > 0 && `${found.wrong} rows have another value`,
          open > 0 && `${open} commands have no final state after their deadline`,
          strange.length > 0 && `refused with ${strange.join(', ')}, which does not ask to try again`,
          !settled && 'not everything that was sent again was taken',
          pid !== server.now.pid && 'the server did not live through it',
        ),
        figures: { backP95Ms: Math.round(p95) },
      };
    } finally {
      await server.end();
      log.close();
      await rm(path, { force: true });
    }
  },
});

/** A process that serves one of the server's connections. */
async function oneBackend(server: BreakableServer): Promise<number> {
  const rows = await server.now.query<{ pid: number }>(
    `SELECT pid FROM pg_stat_activity WHERE application_name = 'muster' AND backend_type = 'client backend'
     ORDER BY (state = 'active') DESC, random() LIMIT 1`,
  );
  return rows[0]?.pid ?? server.now.databasePid();
}

async function giveCommands(
  server: BreakableServer,
  deviceId: string,
  { accepted, refused }: { readonly accepted: Set<string>; readonly refused: Map<string, number> },
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const body = { name: 'step', args: {}, deadlineMs: COMMAND_DEADLINE_MS };
    try {
      const { commandId } = await server.now.call<Command>('POST', `/api/devices/${deviceId}/commands`, body);
      accepted.add(commandId);
    } catch (error) {
      const code = String((error as { context?: { code?: unknown } }).context?.code ?? 'no answer');
      refused.set(code, (refused.get(code) ?? 0) + 1);
    }
    await pause(100);
  }
}
