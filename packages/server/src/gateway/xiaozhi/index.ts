export { XiaozhiConfig } from './config.ts';
export { createXiaozhiGateway, type Notification, type XiaozhiGateway, type XiaozhiGatewayDeps } from './gateway.ts';
export type {
  ActivationPoll,
  CheckIn,
  CheckInReply,
  Conversation,
  Credentials,
  DeviceIdentity,
  XiaozhiInbox,
  XiaozhiLink,
} from './inbox.ts';
export type { Channel, MqttConnection } from './mqtt/channel.ts';
export { WEBSOCKET_PATH } from './ota/websocket-url.ts';
