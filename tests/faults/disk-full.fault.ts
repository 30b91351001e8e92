import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Alert } from '@muster/contract';
import { percentile } from '../../bench/report/statistics.ts';
import type { ServerProcess } from '../../bench/server-process.ts';
import { openAckedLog } from './acked-log.ts';
import { defineFault, type FaultContext, type FaultResult } from './define.ts';
import { load, makeLoadDevices, settle } from './ingest-load.ts';
import { type BreakableServer, startBreakable } from './rig/breakable-server.ts';
import { isRetryable } from './rig/refusals.ts';
import { mountSmallDisk, type SmallDisk } from './rig/small-disk.ts';
import { compareStored, shortOf, tellComparison } from './rig/stored.ts';
import { pause, until } from './rig/until.ts';

const DISK_MB = 512;
/** Low enough for the rule "less than 10 % free", high enough to go on storing, MB. */
const LOW_MB = 45;
const DEVICES = 12;
const FIRST = 100;
/** The server measures its disk every 5 s; the rule waits one second more. */
const ALERT_MS = 20_000;
/** How it fills: the third way takes the room that PostgreSQL keeps for its write-ahead log as well, and stops it. */
const WAYS = ['slowly', 'at once', 'to the last byte'] as const;
/** Refused from now on within this, after the last byte was taken, ms. */
const REFUSED_MS = 60_000;
/** How long it stays full, and how often is read meanwhile, ms. */
const FULL_MS = 4_000;
const READ_MS = 200;
/** Storing again within this after there is room, ms. */
const BACK_MS = 30_000;
const SETTLE_MS = 30_000;
/** Lines of the log for each message that is refused, and others a second: what is refused says so once. */
const LINES = { aMessage: 1, aSecond: 50 };

/**
 * F05: the disk under the database fills up, by turns slowly, at once, and to the last byte of PostgreSQL's own log. What cannot be stored is refused by name and
 * not acknowledged, an alert says that the disk is nearly full, everything can be read as long as PostgreSQL stands, and
 * the server stores again by itself when there is room. Needs the right to mount a file system.
 */
export const fault = defineFault({
  name: 'disk-full',
  summary: 'the disk of the database fills up, slowly or at once, and is freed (F05; needs the right to mount)',
  rounds: 6,
  async run(context) {
    const disk = mountSmallDisk(DISK_MB);
    if (disk === null) {
      return { checked: 0, lost: 0, doubled: 0, short: 'skipped: this user may not mount a file system' };
    }
    try {
      return await fillAndFree(disk, context);
    } finally {
      disk.end();
    }
  },
});

async function fillAndFree(disk: SmallDisk, { rounds, say, signal }: FaultContext): Promise<FaultResult> {
  const path = join(tmpdir(), `acked-disk-${process.pid}.log`);
  const log = openAckedLog(path);
  const refused = new Map<string, number>();
  const wrong: string[] = [];
  const backMs: number[] = [];
  let reads = 0;
  let unreadable = 0;
  let server: BreakableServer | null = null;
  try {
    server = await startBreakable({ dataDir: join(disk.path, 'data') });
    const devices = await makeLoadDevices(server.now, DEVICES);
    const { pid } = server.now;
    const rule = await quickenRule(server.now);
    const ending = new AbortController();
    const onRefused = (_wire: string, code: string): void => void refused.set(code, (refused.get(code) ?? 0) + 1);
    const loading = load(devices, server.now, log, ending.signal, { onRefused, pauseMs: 5 });
    for (let round = 1; round <= rounds && !signal.aborted; round++) {
      const begun = log.all().length;
      await until('the load runs', BACK_MS, () => log.all().length >= begun + FIRST, 10);
      const way = WAYS[(round - 1) % WAYS.length] ?? 'slowly';
      if (way === 'slowly') {
        disk.fillTo(LOW_MB);
        await until('an alert says that the disk is nearly full', ALERT_MS, () => isOpen(server?.now, rule), 200);
      }
      disk.fillTo(0);
      const before = { refused: sum(refused), acked: log.all().length };
      await until('messages are refused', REFUSED_MS, () => {
        disk.fillTo(0);
        return sum(refused) > before.refused;
      });
      if (way === 'to the last byte') await useUpLog(server.now, disk);
      const since = performance.now();
      const counted = { lines: server.logged.lines, refused: sum(refused) };
      while (performance.now() - since < FULL_MS) {
        await pause(READ_MS);
        reads += 1;
        const unread = await readAll(server.now, devices[0]?.deviceId ?? '');
        if (unread === null) continue;
        unreadable += 1;
        // a database without a byte for its own log is down until there is room; all else must be readable
        const isDown = way === 'to the last byte' && unread.endsWith('(DATABASE_UNAVAILABLE)');
        if (!isDown) wrong.push(`could not be read while the disk was full: ${unread}`);
      }
      const seconds = (performance.now() - since) / 1_000;
      const lines = server.logged.lines - counted.lines;
      const most = (sum(refused) - counted.refused) * LINES.aMessage + seconds * LINES.aSecond;
      if (lines > most) wrong.push(`${lines} lines of log in ${seconds.toFixed(1)} s while the disk was full`);
      disk.free();
      const full = log.all().length;
      const took = await until('messages are stored again', BACK_MS, () => log.all().length > full + FIRST, 10);
      backMs.push(took);
      say(
        `round ${round}: filled ${way}, ${sum(refused) - before.refused} messages refused, ${full - before.acked} still stored, ${Math.round(lines / seconds)} lines of log a second, storing again ${Math.round(took)} ms after it was freed`,
      );
    }
    ending.abort();
    await loading;
    const settled = await settle(devices, server.now, log, SETTLE_MS);
    const found = await compareStored(server.now, log.all());
    const strange = [...refused.keys()].filter((code) => !isRetryable(code));
    say(
      `refused: ${[...refused].map(([code, count]) => `${count} ${code}`).join(', ')}; ${reads} reads, ${unreadable} of them refused`,
    );
    say(tellComparison(found));
    return {
      checked: found.checked + reads,
      lost: found.lost,
      doubled: found.doubled,
      short: shortOf(
        ...new Set(wrong),
        found.wrong > 0 && `${found.wrong} rows have another value`,
        !refused.has('STORAGE_FULL') && 'nothing was refused with STORAGE_FULL',
        strange.length > 0 && `refused with ${strange.join(', ')}, which does not ask to try again`,
        !settled && 'not everything that was sent again was taken',
        pid !== server.now.pid && 'the server did not live through it',
      ),
      figures: { backP95Ms: Math.round(percentile(backMs, 0.95)) },
    };
  } finally {
    await server?.end();
    log.close();
    await rm(path, { force: true });
  }
}

function sum(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((all, count) => all + count, 0);
}

/** Makes PostgreSQL begin segments of its write-ahead log until there is no room for another. */
async function useUpLog(server: ServerProcess, disk: SmallDisk): Promise<void> {
  for (let segments = 0; segments < 64; segments++) {
    const isLeft = await server.query("SELECT pg_logical_emit_message(false, 'fault', ''), pg_switch_wal()").then(
      () => true,
      () => false,
    );
    disk.fillTo(0);
    if (!isLeft) return;
  }
}

/** The rule that every server begins with waits for 30 s; here nobody has so much time. */
async function quickenRule(server: ServerProcess): Promise<string> {
  const { rules } = await server.call<{ rules: { ruleId: string; params: Record<string, unknown> }[] }>(
    'GET',
    '/api/alert-rules',
  );
  const rule = rules.find(({ params }) => params.series === 'server/diskFreePercent');
  const ruleId = rule?.ruleId ?? '';
  await server.call('PATCH', `/api/alert-rules/${ruleId}`, { params: { ...rule?.params, forMs: 1_000 } });
  return ruleId;
}

async function isOpen(server: ServerProcess | undefined, rule: string): Promise<boolean> {
  if (server === undefined) return false;
  const { alerts } = await server.call<{ alerts: Alert[] }>('GET', '/api/alerts?state=open');
  return alerts.some(({ ruleId }) => ruleId === rule);
}

/** What people look at; the first of it that could not be read, or null. */
async function readAll(server: ServerProcess, deviceId: string): Promise<string | null> {
  for (const path of [
    '/api/devices',
    `/api/devices/${deviceId}`,
    `/api/devices/${deviceId}/telemetry/latest`,
    '/api/alerts',
  ]) {
    const failed = await server.call('GET', path).then(
      () => null,
      (error: { context?: { code?: unknown } }) => `${path} (${String(error.context?.code ?? error)})`,
    );
    if (failed !== null) return failed.replace(deviceId, '…');
  }
  return null;
}
