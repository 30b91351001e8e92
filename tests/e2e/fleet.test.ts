import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import {
  type AboutReply,
  type Command,
  type Device,
  type DeviceCreated,
  MusterError,
  type Twin,
} from '@muster/contract';
import { createFleet, type FleetDevice, WIRES } from '@muster/testkit';
import { type ServerProcess, STUB_MAIN, startServerProcess } from '../../bench/server-process.ts';
import { fixedPorts, makeFleetDevices, whereDevicesGo } from '../../bench/stampede/fleet-devices.ts';
import { compareStored, createAckedNumbers } from '../../bench/stampede/stored.ts';

const DEVICES = 51;
const PROFILES = ['sensor', 'robot', 'camera', 'voice', 'gateway'];
const dataDir = await mkdtemp(join(tmpdir(), 'muster-fleet-'));
const flags = await fixedPorts();
const start = (): Promise<ServerProcess> => startServerProcess({ dataDir, flags, main: STUB_MAIN });
let server = await start();

const devices = await makeFleetDevices(
  server,
  DEVICES,
  (nth) => PROFILES[nth % PROFILES.length] ?? 'sensor',
  (nth) => WIRES[nth % WIRES.length] ?? 'mqtt',
);
// nobody said what this one is: the server lets any command through, and the device must look for itself
const strange = await server.call<DeviceCreated>('POST', '/api/devices', { name: 'strange', simulated: true });
const all: FleetDevice[] = [
  ...devices,
  { deviceId: strange.device.deviceId, token: strange.token, profile: 'sensor', wire: 'mqtt' },
];
const acked = createAckedNumbers();
const fleet = createFleet({
  ...(await whereDevicesGo(server)),
  devices: all,
  messagesPerSecond: 4,
  eventsPerHour: 600,
  commandMs: { least: 5, most: 50 },
  pollMs: 500,
  backoff: { firstMs: 100, mostMs: 500 },
  onAcked: acked.add,
});
after(async () => {
  await fleet.stop();
  await server.stop();
  await rm(dataDir, { recursive: true, force: true });
});
fleet.start();
await until('all devices are there', async () => fleet.counters.connected === all.length);

/** Asks until it is so; the limit only says that it never will be. */
async function until(what: string, look: () => Promise<boolean>, limitMs = 30_000): Promise<void> {
  for (const begunAt = performance.now(); !(await look()); ) {
    if (performance.now() - begunAt > limitMs) {
      const { ackMs: _, connectMs: __, ...counters } = fleet.counters;
      throw new MusterError('ANSWER_TIMEOUT', {}, { say: `${what}: ${JSON.stringify(counters)}` });
    }
    await new Promise<void>((resolve) => void setTimeout(resolve, 50));
  }
}

const on = (wire: FleetDevice['wire']): FleetDevice => {
  const found = devices.find((one) => one.wire === wire);
  assert.ok(found);
  return found;
};

async function endOf(deviceId: string, name: string, args: object): Promise<Command> {
  const { commandId } = await server.call<Command>('POST', `/api/devices/${deviceId}/commands`, { name, args });
  return server.call<Command>('GET', `/api/commands/${commandId}?waitMs=20000`);
}

test('every simulated device says so, and the server says where MQTT is', async () => {
  const { devices: listed } = await server.call<{ devices: Device[] }>('GET', '/api/devices?limit=1000');
  assert.deepEqual([...new Set(listed.map(({ simulated }) => simulated))], [true]);
  const about = await server.call<AboutReply>('GET', '/device/v1/about');
  assert.deepEqual(about.mqtt, { host: null, port: server.mqttPort, tlsPort: null });
  assert.equal(about.simulatedAllowed, true);
});

for (const wire of WIRES) {
  test(`values, commands and the twin of devices over ${wire}`, async () => {
    const { deviceId, profile } = on(wire);
    await until('values are there', async () => {
      const { series } = await server.call<{ series: { series: string }[] }>('GET', `/api/devices/${deviceId}/series`);
      return series.some((one) => one.series === 'signal');
    });
    const { state, result } = await endOf(deviceId, 'status.get', {});
    assert.equal(state, 'confirmed');
    assert.deepEqual((result as { simulated: boolean; profile: string }).profile, profile);
    await server.call('PATCH', `/api/devices/${deviceId}/twin/desired`, {
      patch: { colour: wire, interval: { ms: 400 } },
    });
    await until('the twin is as it shall be', async () => {
      const twin = await server.call<Twin>('GET', `/api/devices/${deviceId}/twin`);
      return Object.keys(twin.delta).length === 0 && twin.reported.colour === wire && twin.reported.simulated === true;
    });
  });
}

test('a command that the device does not know, or with wrong arguments, is rejected by the device', async () => {
  const { deviceId } = strange.device;
  const unknown = await endOf(deviceId, 'fly', {});
  assert.deepEqual([unknown.state, unknown.error?.code], ['rejected', 'COMMAND_UNKNOWN']);
  const wrong = await endOf(deviceId, 'interval.set', { ms: 'often' });
  assert.deepEqual([wrong.state, wrong.error?.code], ['rejected', 'COMMAND_INVALID']);
});

test('the server is killed and comes back: all are there again, and what it acknowledged is there once', async () => {
  const before = acked.count;
  await server.kill9();
  await until('all noticed', async () => fleet.counters.connected < all.length / 2);
  server = await start();
  await until('all came back', async () => fleet.counters.connected === all.length);
  const since = acked.count;
  await until('they go on', async () => acked.count > since + 5 * all.length);
  await until('nothing waits for long', async () => fleet.waiting() < all.length);
  const { checked, lost, doubled } = await compareStored(server, acked);
  assert.ok(checked > before);
  assert.deepEqual({ lost, doubled }, { lost: 0, doubled: 0 });
  assert.ok(fleet.counters.resent > 0, 'something was under way when the server died');
  assert.equal(fleet.counters.dropped, 0);
  assert.equal(fleet.counters.refused, 0, JSON.stringify([...fleet.refusals]));
});

test('a device that was revoked stays out', async () => {
  const { deviceId } = on('websocket');
  await server.call('POST', '/api/devices/batch/revoke', { deviceIds: [deviceId] });
  await until('it is refused', async () => (fleet.refusals.get('DEVICE_TOKEN_INVALID') ?? 0) > 0);
});
