export { type MqttConfig, mqttConfig } from './config.ts';
export { createMqttGateway, type MqttGateway, type MqttGatewayDeps } from './gateway.ts';
export type {
  MqttClient,
  MqttCredentials,
  MqttIdentity,
  MqttInbox,
  MqttPublish,
  MqttSendOptions,
  MqttVersion,
} from './inbox.ts';
