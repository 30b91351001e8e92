import type { Alert, Device, DeviceCreated } from '@muster/contract';
import { type FaultProxy, startFaultProxy } from '@muster/testkit';
import { percentile } from '../../bench/report/statistics.ts';
import type { ServerProcess } from '../../bench/server-process.ts';
import { defineFault } from './define.ts';
import { startBreakable } from './rig/breakable-server.ts';
import { type KeepingDevice, startKeepingDevice } from './rig/keeping-device.ts';
import { shortOf } from './rig/stored.ts';
import { pause, until } from './rig/until.ts';

const DEVICES = 6;
const KEEP_ALIVE_S = 2;
/** F07: a device that is cut off is offline within keep-alive × 1.5 and this, ms. */
const SLACK_MS = 5_000;
const OFFLINE_MS = KEEP_ALIVE_S * 1_500 + SLACK_MS;
const SAMPLE_MS = 100;
/** Back, connected and everything sent within this after the network heals, ms. */
const HEALED_MS = 20_000;
/** Points that come later than this say nothing about now, ms; the server's own default is 5 minutes. */
const LATE_MS = 2_000;
/** Of the value that is above the limit of the rule: only while the network is cut. */
const HOT = 90;
const LIMIT = 50;
/** How the network is cut: both ways, to the server only, from the server only. */
const CUTS = ['both', 'up', 'down'] as const;

/**
 * F07: the network between devices and server is cut and heals. A device is shown offline in time, keeps what it measures
 * and sends it after, in order, with its own times; what it measured meanwhile raises no alert about now.
 */
export const fault = defineFault({
  name: 'partition',
  summary: 'the network between devices and server is cut, both ways and one way, and heals (F07)',
  rounds: 6,
  async run({ rounds, say, signal }) {
    const server = await startBreakable({ flags: [`--alerts.lateMs=${LATE_MS}`, '--alerts.tickMs=200'] });
    const proxy = await startFaultProxy({ host: '127.0.0.1', port: server.now.mqttPort });
    const devices: KeepingDevice[] = [];
    const offlineMs: number[] = [];
    const wrong: string[] = [];
    let checked = 0;
    let lost = 0;
    let doubled = 0;
    try {
      const rule = await makeRule(server.now);
      for (let nth = 0; nth < DEVICES; nth++) devices.push(await makeDevice(server.now, proxy, nth));
      for (let round = 1; round <= rounds && !signal.aborted; round++) {
        await until('all are connected', HEALED_MS, () => allAre(server.now, devices, true));
        await pause(500);
        const cut = CUTS[(round - 1) % CUTS.length] ?? 'both';
        // nobody can connect over half a network either
        proxy.set({ [cut]: { silent: true }, refuse: true });
        for (const device of devices) device.value = HOT;
        const took = await until(
          'all are offline',
          OFFLINE_MS + SLACK_MS,
          () => allAre(server.now, devices, false),
          100,
        );
        offlineMs.push(took);
        if (took > OFFLINE_MS) wrong.push(`offline after ${Math.round(took)} ms; limit ${OFFLINE_MS}`);
        // long enough that what was measured first is late
        await pause(LATE_MS + 500);
        for (const device of devices) device.value = 0;
        // and nothing of the hot time is younger than what is late
        await pause(LATE_MS + 500);
        proxy.set({});
        const healed = await until('all is sent', HEALED_MS, () => devices.every(({ waiting }) => waiting() < 3));
        say(
          `round ${round}: cut ${cut}: offline after ${Math.round(took)} ms, everything sent ${Math.round(healed)} ms after it healed`,
        );
      }
      for (const device of devices.slice(1)) await device.stop(HEALED_MS);
      for (const device of devices.slice(1)) {
        const found = await compare(server.now, device);
        checked += device.measured.length;
        lost += found.lost;
        doubled += found.doubled;
        if (found.moved > 0) wrong.push(`${found.moved} points have another time than the device gave them`);
        if (found.disordered > 0) wrong.push(`${found.disordered} points came before an older one of their device`);
      }
      const alerts = await server.now.call<{ alerts: Alert[] }>('GET', '/api/alerts');
      const raised = alerts.alerts.filter(({ ruleId }) => ruleId === rule);
      if (raised.length > 0) wrong.push(`${raised.length} alerts were raised by points of the past`);
      await seesHeat(server.now, devices[0], rule);
      const p95 = percentile(offlineMs, 0.95);
      say(`${checked} points: ${lost} lost, ${doubled} doubled; ${raised.length} alerts raised by the back-fill`);
      return { checked, lost, doubled, short: shortOf(...wrong), figures: { offlineP95Ms: Math.round(p95) } };
    } finally {
      for (const device of devices) device.drop();
      await proxy.close();
      await server.end();
    }
  },
});

async function makeRule(server: ServerProcess): Promise<string> {
  const { sites } = await server.call<{ sites: { siteId: string }[] }>('GET', '/api/sites');
  const { ruleId } = await server.call<{ ruleId: string }>('POST', '/api/alert-rules', {
    siteId: sites[0]?.siteId,
    name: 'Too hot',
    kind: 'threshold',
    params: { series: 'heat', limit: LIMIT },
  });
  return ruleId;
}

async function makeDevice(server: ServerProcess, proxy: FaultProxy, nth: number): Promise<KeepingDevice> {
  const { device, token } = await server.call<DeviceCreated>('POST', '/api/devices', { name: `cut ${nth}` });
  return startKeepingDevice({
    deviceId: device.deviceId,
    token,
    mqttPort: proxy.port,
    keepAliveS: KEEP_ALIVE_S,
    sampleMs: SAMPLE_MS,
  });
}

async function allAre(server: ServerProcess, devices: readonly KeepingDevice[], connected: boolean): Promise<boolean> {
  const found = await Promise.all(
    devices.map(({ deviceId }) => server.call<Device>('GET', `/api/devices/${deviceId}`)),
  );
  return found.every((device) => device.connected === connected);
}

/** The same value now does raise an alert: else its absence before would say nothing. */
async function seesHeat(server: ServerProcess, device: KeepingDevice | undefined, rule: string): Promise<void> {
  if (device === undefined) return;
  device.value = HOT;
  await until('an alert is raised by a value of now', HEALED_MS, async () => {
    const { alerts } = await server.call<{ alerts: Alert[] }>('GET', '/api/alerts');
    return alerts.some(({ ruleId, deviceId }) => ruleId === rule && deviceId === device.deviceId);
  });
}

async function compare(server: ServerProcess, { deviceId, measured }: KeepingDevice) {
  const rows = await server.query<{ seq: number; at: number; received: number }>(
    `SELECT seq, at, received_at AS received FROM points_90 JOIN series USING (series_id)
     WHERE device_id = $1 ORDER BY at`,
    [deviceId],
  );
  const times = new Map(measured.map(({ seq, at }) => [seq, at]));
  const count = new Map<number, number>();
  for (const { seq } of rows) count.set(seq, (count.get(seq) ?? 0) + 1);
  return {
    lost: measured.filter(({ seq }) => !count.has(seq)).length,
    doubled: [...count.values()].filter((stored) => stored > 1).length,
    moved: rows.filter(({ seq, at }) => times.get(seq) !== at).length,
    disordered: rows.filter(({ received }, nth) => received < (rows[nth - 1]?.received ?? 0)).length,
  };
}
