import { createExternalBroker } from './external/external-broker.ts';
import type { MqttGateway, MqttGatewayDeps } from './gateway.ts';
import { createOwnBroker } from './own-broker.ts';

export { type MqttConfig, mqttConfig } from './config.ts';
export type {
  MqttClient,
  MqttCredentials,
  MqttIdentity,
  MqttInbox,
  MqttPublish,
  MqttSendOptions,
  MqttVersion,
} from './inbox.ts';
export type { MqttGateway, MqttGatewayDeps };

/** Our own broker, or the same inbox behind the broker that `brokerUrl` names. */
export function createMqttGateway(deps: MqttGatewayDeps): MqttGateway {
  const { brokerUrl } = deps.config;
  return brokerUrl === undefined ? createOwnBroker(deps) : createExternalBroker(deps, brokerUrl);
}
