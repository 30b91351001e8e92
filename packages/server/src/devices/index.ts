export type { Knock } from './activation.ts';
export { devicesConfig } from './config.ts';
export { createDevices, type Devices, type DevicesDeps } from './devices.ts';
export type { DeviceLink, DeviceLinks, Transport } from './links.ts';
export { deviceRoutes } from './routes.ts';
export { createTwins, type Twins, twinRoutes } from './twin/index.ts';
