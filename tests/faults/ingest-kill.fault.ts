import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { percentile } from '../../bench/report/statistics.ts';
import { openAckedLog } from './acked-log.ts';
import { defineFault } from './define.ts';
import { load, makeLoadDevices, settle } from './ingest-load.ts';
import { startBreakable } from './rig/breakable-server.ts';
import { compareStored, shortOf, tellComparison } from './rig/stored.ts';
import { pause, until } from './rig/until.ts';

const DEVICES = 51;
/** The server is killed somewhere in this time after the first messages were acknowledged, ms. */
const KILL_MS = 1_000;
const FIRST = 100;
/** Every so many rounds the database and all else dies with the server. */
const TREE_EVERY = 2;
/** What a start after a kill may take, ms: p95, of as many as say something. */
const READY_MS = 5_000;
const ENOUGH_STARTS = 20;
const SETTLE_MS = 30_000;

/**
 * F01: kill -9 of the server while devices send; in every other round of its PostgreSQL and all its processes as well.
 * What a device was told is stored must be there, once, with its value; what was sent again must not be there twice.
 */
export const fault = defineFault({
  name: 'ingest-kill',
  summary:
    'kill -9 of the server, alone or with its database, while 51 devices send over MQTT, HTTP and WebSocket (F01)',
  rounds: 20,
  async run({ rounds, say, signal }) {
    const path = join(tmpdir(), `acked-${process.pid}.log`);
    const log = openAckedLog(path);
    const server = await startBreakable();
    const readyMs: number[] = [];
    try {
      const devices = await makeLoadDevices(server.now, DEVICES);
      for (let round = 1; round <= rounds && !signal.aborted; round++) {
        const before = log.all().length;
        const tree = round % TREE_EVERY === 0;
        const breaking = new AbortController();
        const loading = load(devices, server.now, log, breaking.signal);
        await until('the load runs', 20_000, () => log.all().length >= before + FIRST, 10);
        await pause(Math.random() * KILL_MS);
        await (tree ? server.now.killTree9() : server.now.kill9());
        breaking.abort();
        await loading;
        await server.start();
        readyMs.push(server.now.readyMs);
        const what = tree ? 'server and database killed' : 'server killed';
        const ready = (server.now.readyMs / 1_000).toFixed(1);
        say(`round ${round}: ${log.all().length - before} messages acknowledged, ${what}, ready after ${ready} s`);
      }
      // what was under way when the server died goes out once more, with its old numbers
      const settled = await settle(devices, server.now, log, SETTLE_MS);
      const found = await compareStored(server.now, log.all());
      const p95 = percentile(readyMs, 0.95);
      say(`${tellComparison(found)}; from start to ready p95 ${(p95 / 1_000).toFixed(1)} s`);
      return {
        checked: found.checked,
        lost: found.lost,
        doubled: found.doubled,
        short: shortOf(
          found.wrong > 0 && `${found.wrong} rows have another value`,
          !settled && 'not everything that was sent again was taken',
          rounds >= ENOUGH_STARTS && p95 > READY_MS && `a start took ${(p95 / 1_000).toFixed(1)} s (p95)`,
        ),
        figures: { readyP95Ms: Math.round(p95) },
      };
    } finally {
      await server.end();
      log.close();
      await rm(path, { force: true });
    }
  },
});
