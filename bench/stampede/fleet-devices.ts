import { createServer } from 'node:net';
import type { AboutReply, DeviceBatchCreated } from '@muster/contract';
import { LIMITS, MusterError } from '@muster/contract';
import type { FleetDevice, WireName } from '@muster/testkit';
import type { ServerProcess } from '../server-process.ts';

/** Where the devices of a server go, MQTT included: asked of the server as a device would. */
export async function whereDevicesGo(server: Pick<ServerProcess, 'url' | 'call'>) {
  const { mqtt } = await server.call<AboutReply>('GET', '/device/v1/about');
  if (mqtt === null || mqtt.port === null) throw new MusterError('UNAVAILABLE', {}, { say: 'There is no MQTT.' });
  return { server: server.url, mqtt: { host: mqtt.host ?? new URL(server.url).hostname, port: mqtt.port } };
}

/** Makes simulated devices, as many at a time as the server takes. `wireOf` says which way the nth goes. */
export async function makeFleetDevices(
  server: Pick<ServerProcess, 'call'>,
  count: number,
  profile: (nth: number) => string,
  wireOf: (nth: number) => WireName,
): Promise<FleetDevice[]> {
  const made: FleetDevice[] = [];
  while (made.length < count) {
    const from = made.length;
    const some = Array.from({ length: Math.min(LIMITS.devicesPerBatch, count - from) }, (_, nth) => ({
      name: `simulated ${from + nth + 1}`,
      profile: profile(from + nth),
      simulated: true,
    }));
    const { devices } = await server.call<DeviceBatchCreated>('POST', '/api/devices/batch', { devices: some });
    for (const [nth, { device, token }] of devices.entries()) {
      made.push({ deviceId: device.deviceId, token, profile: profile(from + nth), wire: wireOf(from + nth) });
    }
  }
  return made;
}

/** Flags for two ports that are free now, so that a server that starts again is found where it was. */
export async function fixedPorts(): Promise<string[]> {
  const [http, mqtt] = await Promise.all([freePort(), freePort()]);
  return [`--http.port=${http}`, `--mqtt.port=${mqtt}`];
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
