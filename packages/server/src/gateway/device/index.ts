export { createDeviceApi, type DeviceApi } from './api.ts';
export { parsePayload } from './decode.ts';
export type { DeviceInbox, KnownDevice, OpenLink } from './inbox.ts';
export { answerAttributes, readThingsBoardTelemetry, toRpc } from './thingsboard.ts';
