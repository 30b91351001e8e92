import { randomUUID } from 'node:crypto';
import { createXiaozhiDevice, type XiaozhiDevice, type XiaozhiDeviceOptions } from '@muster/testkit';
import type { ServerProcess } from '../server-process.ts';

/** A simulated device, active and connected. Each index is a device of its own. */
export async function benchDevice(
  server: ServerProcess,
  index: number,
  options: Partial<XiaozhiDeviceOptions> = {},
): Promise<XiaozhiDevice> {
  const low = (index & 255).toString(16).padStart(2, '0');
  const high = ((index >> 8) & 255).toString(16).padStart(2, '0');
  const device = createXiaozhiDevice({
    otaUrl: server.otaUrl,
    hardwareId: `02:00:00:00:${high}:${low}`,
    clientId: randomUUID(),
    ...options,
  });
  await device.activateWith(server.activate);
  await device.connect();
  return device;
}
