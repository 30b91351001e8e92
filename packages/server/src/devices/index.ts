export type { Knock } from './activation.ts';
export { devicesConfig } from './config.ts';
export { createDevices, type Devices, type DevicesDeps } from './devices.ts';
export { createGroups, type Groups, groupRoutes } from './groups/index.ts';
export type { DeviceLink, DeviceLinks, Transport } from './links.ts';
export { profileRoutes } from './profile-routes.ts';
export { deviceRoutes } from './routes.ts';
export { createTwins, type Twins, twinRoutes } from './twin/index.ts';
export { type Certificates, certificateRoutes, createCertificates } from './x509/index.ts';
