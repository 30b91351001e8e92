export { connectLightMqtt, type LightMqtt, type LightMqttOptions } from './client.ts';
