import { type CommandMessage, DEVICE_TOPICS, type TwinDelta } from '@muster/contract';
import { connectLightMqtt } from '../../mqtt/index.ts';
import type { TimerWheel } from '../timer-wheel.ts';
import type { MessageKind, Verdict, Wire } from './wire.ts';

const topicOf = (name: keyof typeof DEVICE_TOPICS): string => DEVICE_TOPICS[name].topic.replace('{me}', 'me');
const UP: Readonly<Record<MessageKind, string>> = {
  telemetry: topicOf('telemetry'),
  event: topicOf('event'),
  twinReport: topicOf('twinReport'),
  commandReply: topicOf('commandReply'),
};
const COMMAND = topicOf('command');
const DELTA = topicOf('twinDelta');
/** Reason codes of MQTT 5 that say "not now": unspecified, server busy, quota. */
const NOT_NOW = new Set([0x80, 0x89, 0x97]);
const PAUSE_MS = 1_000;

/** MQTT 5, because it says what became of each message. */
export function createMqttWire(
  address: { readonly host: string; readonly port: number },
  wheel: TimerWheel,
  keepAliveSeconds: number,
): Wire {
  return {
    async open({ deviceId, token }, hearer) {
      let isOurs = false;
      const client = await connectLightMqtt({
        ...address,
        username: deviceId,
        password: token,
        clientId: deviceId,
        version: 5,
        keepAlive: keepAliveSeconds,
        after: wheel.after,
        onMessage(topic, payload) {
          if (topic.endsWith('/commands')) hearer.command(JSON.parse(payload.toString()) as CommandMessage);
          else if (topic.endsWith('/twin/delta')) hearer.twinDelta(JSON.parse(payload.toString()) as TwinDelta);
        },
        onClose() {
          if (!isOurs) hearer.closed(0);
        },
      });
      try {
        await client.subscribe([COMMAND, DELTA]);
      } catch (error) {
        isOurs = true;
        client.drop();
        throw error;
      }
      return {
        async send(kind, body): Promise<Verdict> {
          const reason = await client.publish(UP[kind], JSON.stringify(body), 1);
          if (reason < 0x80) return { outcome: 'acked' };
          return NOT_NOW.has(reason) ? { outcome: 'again', afterMs: PAUSE_MS } : { outcome: 'refused', code: 'UNSAID' };
        },
        close(abruptly) {
          isOurs = true;
          if (abruptly) client.drop();
          else client.end().catch(() => client.drop());
        },
      };
    },
    close: () => undefined,
  };
}
