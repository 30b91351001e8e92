import { fork } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AlertList, bug, type DeviceCreated } from '@muster/contract';
import { percentile } from '../../bench/report/statistics.ts';
import { openAckedLog } from './acked-log.ts';
import { defineFault } from './define.ts';
import { makeLoadDevices } from './ingest-load.ts';
import { startBreakable } from './rig/breakable-server.ts';
import type { HostileJob, HostileReport } from './rig/hostile-process.ts';
import { metricOf } from './rig/metrics.ts';
import { startSteadyDevices } from './rig/steady-devices.ts';
import { compareStored, shortOf, tellComparison } from './rig/stored.ts';
import { pause, until } from './rig/until.ts';

const GOOD_DEVICES = 20;
/** Each sends so often, ms. */
const EVERY_MS = 50;
/** Of each half of a round: without the hostile device, then with it, ms. */
const HALF_MS = 2_500;
/** What follows a change is not counted, ms: what it left behind would count for the other half. */
const SETTLE_MS = 500;
const FLOOD_PER_SECOND = 10_000;
/** By how much the time of others may rise. */
const MOST_RATIO = 1.2;
/** A rise of so many ms is never too much: one turn of a scheduler that shares two processors with all of this. */
const NOISE_MS = 10;

/**
 * F18: one device floods (10,000 messages a second), sends JSON of a megabyte, JSON that is deep, a million keys, and as
 * many valid values as it can, over MQTT, HTTP and WebSocket. Twenty others must not notice, and somebody must be told.
 */
export const fault = defineFault({
  name: 'hostile-device',
  summary:
    'one device floods every wire while 20 others send; their time to an acknowledgement rises by a fifth at most (F18)',
  rounds: 12,
  async run({ rounds, say, signal }) {
    const path = join(tmpdir(), `acked-${process.pid}.log`);
    const log = openAckedLog(path);
    const server = await startBreakable();
    const stops: (() => void)[] = [];
    try {
      const good = await makeLoadDevices(server.now, GOOD_DEVICES, ['mqtt']);
      const hostile = await server.now.call<DeviceCreated>('POST', '/api/devices', { name: 'hostile' });
      const { url, mqttPort } = server.now;
      const attacker = await startHostile({ url, mqttPort, token: hostile.token, messagesPerSecond: FLOOD_PER_SECOND });
      stops.push(attacker.stop);
      const steady = await startSteadyDevices(good, server.now, log, EVERY_MS);
      stops.push(() => void steady.stop());
      const quiet: number[] = [];
      /** Every other quiet half: what the rest differs from them by is the machine's own doing. */
      const quietOdd: number[] = [];
      const quietEven: number[] = [];
      const attacked: number[] = [];
      const done = { sent: 0, turnedAway: 0 };
      const half = async (into: number[]): Promise<void> => {
        await pause(SETTLE_MS);
        steady.taken();
        await pause(HALF_MS);
        into.push(...steady.taken());
      };
      await pause(SETTLE_MS);
      for (let round = 1; round <= rounds && !signal.aborted; round++) {
        const alone: number[] = [];
        await half(alone);
        quiet.push(...alone);
        (round % 2 === 0 ? quietEven : quietOdd).push(...alone);
        attacker.go();
        await half(attacked);
        const { sent, turnedAway } = await attacker.rest();
        done.sent += sent;
        done.turnedAway += turnedAway;
        say(
          `round ${round}: p99 ${told(quiet, 0.99)} alone, ${told(attacked, 0.99)} beside ${sent} hostile messages (so far)`,
        );
      }
      const alert = await alertOn(server.now, hostile.device.deviceId);
      const failures = steady.failures();
      await steady.stop();
      const found = await compareStored(server.now, log.all());
      const refused =
        (await metricOf(server.now, 'muster_device_refused_total')) +
        (await metricOf(server.now, 'muster_mqtt_throttled_total'));
      const quietP99Ms = percentile(quiet, 0.99);
      const attackedP99Ms = percentile(attacked, 0.99);
      const most = Math.max(quietP99Ms * MOST_RATIO, quietP99Ms + NOISE_MS);
      say(`${tellComparison(found)}; the alert says: ${alert ?? 'nothing'}`);
      return {
        checked: found.checked,
        lost: found.lost,
        doubled: found.doubled,
        short: shortOf(
          found.wrong > 0 && `${found.wrong} rows have another value`,
          failures > 0 && `${failures} messages of others were not taken`,
          attackedP99Ms > most && `p99 of others ${attackedP99Ms.toFixed(1)} ms, ${quietP99Ms.toFixed(1)} ms without`,
          alert === null && 'nobody was told',
          refused === 0 && 'nothing was refused or slowed down',
        ),
        figures: {
          quietP50Ms: round(percentile(quiet, 0.5)),
          attackedP50Ms: round(percentile(attacked, 0.5)),
          quietP99Ms: round(quietP99Ms),
          attackedP99Ms: round(attackedP99Ms),
          ratio: round(attackedP99Ms / quietP99Ms),
          quietOddP99Ms: round(percentile(quietOdd, 0.99)),
          quietEvenP99Ms: round(percentile(quietEven, 0.99)),
          noiseFloorMs: NOISE_MS,
          hostileSent: done.sent,
          hostileTurnedAway: done.turnedAway,
          refused,
        },
      };
    } finally {
      for (const stop of stops) stop();
      await server.end();
      log.close();
      await rm(path, { force: true });
    }
  },
});

async function startHostile(job: HostileJob): Promise<{ go(): void; rest(): Promise<HostileReport>; stop(): void }> {
  const child = fork(new URL('./rig/hostile-process.ts', import.meta.url), [JSON.stringify(job)]);
  const answer = async <T>(): Promise<T> => {
    const [message] = await once(child, 'message', { signal: AbortSignal.timeout(30_000) });
    return message as T;
  };
  if ((await answer()) !== 'here') throw bug('the hostile device did not come');
  return {
    go: () => void child.send('go'),
    rest() {
      child.send('rest');
      return answer<HostileReport>();
    },
    stop: () => void child.kill('SIGKILL'),
  };
}

/** What the alert about its refused messages says; null when there is none in time. */
async function alertOn(
  server: { call<T>(method: string, path: string): Promise<T> },
  deviceId: string,
): Promise<string | null> {
  let fact: string | null = null;
  await until('the alert is open', 15_000, async () => {
    const { alerts } = await server.call<AlertList>('GET', `/api/alerts?deviceId=${deviceId}&state=open`);
    fact = alerts.find(({ ruleKind }) => ruleKind === 'refusals')?.fact ?? null;
    return fact !== null;
  }).catch(() => undefined);
  return fact;
}

function told(samples: readonly number[], share: number): string {
  return `${percentile(samples, share).toFixed(1)} ms`;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
