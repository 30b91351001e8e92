import { connect } from 'node:net';
import type { AboutReply } from '@muster/contract';

/** How long the port may take to answer, ms. */
const TRY_MS = 3_000;

export type MqttPlace =
  | { readonly host: string; readonly port: number }
  /** Why devices of this computer cannot use MQTT there. */
  | { readonly why: string };

/** Where the server says that MQTT is, tried from here. */
export async function findMqtt(server: string, { mqtt }: AboutReply): Promise<MqttPlace> {
  if (mqtt === null) return { why: 'the server has no MQTT (mqtt.enabled)' };
  if (mqtt.port === null) return { why: 'the server has MQTT with TLS only, which simulated devices do not speak' };
  const { port } = mqtt;
  const host = mqtt.host ?? new URL(server).hostname.replace(/^\[|\]$/g, '');
  const isOpen = await new Promise<boolean>((resolve) => {
    const socket = connect({ host, port, timeout: TRY_MS });
    const end = (answer: boolean) => () => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', end(true)).once('error', end(false)).once('timeout', end(false));
  });
  if (isOpen) return { host, port };
  return { why: `MQTT on ${host}:${port} does not answer from here (without TLS it listens where mqtt.host says)` };
}
