export { createDeviceApi, type DeviceApi } from './api.ts';
export { parsePayload } from './decode.ts';
export { deviceApiRoutes } from './http.ts';
export { createTokens, type Tokens } from './http-tokens.ts';
export type { DeviceInbox, KnownDevice, OpenConnection, OpenLink } from './inbox.ts';
export { type DeviceCredentials, signIn } from './sign-in.ts';
export { createDeviceSockets, DEVICE_SOCKET_PATH, type DeviceSockets } from './socket.ts';
export { answerAttributes, readThingsBoardTelemetry, toRpc } from './thingsboard.ts';
export { worthOf } from './worth.ts';
