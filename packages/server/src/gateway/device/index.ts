export { createDeviceApi, type DeviceApi } from './api.ts';
export { parsePayload } from './decode.ts';
export type { DeviceInbox, KnownDevice, OpenConnection, OpenLink } from './inbox.ts';
export { answerAttributes, readThingsBoardTelemetry, toRpc } from './thingsboard.ts';
