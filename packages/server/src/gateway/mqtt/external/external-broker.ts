import { codeOf, DEVICE_TOPICS, ERROR_CODES, LIMITS, MusterError } from '@muster/contract';
import { forgetOldest } from '../../../platform/forget-oldest.ts';
import { createMqttCounters } from '../counters.ts';
import type { MqttGateway, MqttGatewayDeps } from '../gateway.ts';
import type { MqttClient } from '../inbox.ts';
import { deviceTopic } from '../topics.ts';
import { packetBytes } from '../wire/connection.ts';
import { type BrokerMessage, createBrokerLink } from './link.ts';

/** A device behind the broker, as long as it is heard. */
interface Heard {
  readonly client: MqttClient;
  heardAt: number;
}

/** A broker does not tell who is connected: a device is here until it was silent for so long, ms. */
const SILENT_MS = 600_000;
const TICK_MS = 30_000;
/** Ids that are no device's are not looked up again for a while, and at most so many are remembered. */
const UNKNOWN_MS = 60_000;
const MOST_UNKNOWN = 10_000;

/**
 * The same inbox behind a broker of others (`mqtt.brokerUrl`): what devices publish to `devices/{deviceId}/…` there is
 * taken and acknowledged to the broker after its commit; what we tell a device is published there. The broker proves
 * who a device is and keeps it to its own topics: a message counts as that of the device in its topic.
 */
export function createExternalBroker(deps: MqttGatewayDeps, brokerUrl: string): MqttGateway {
  const { clock, log, inbox } = deps;
  const heard = new Map<string, Heard>();
  const coming = new Map<string, Promise<Heard | null>>();
  const unknown = new Map<string, number>();
  const counters = createMqttCounters(deps.metrics, () => heard.size);
  let cancelTick = (): void => undefined;
  let pending = 0;

  const link = createBrokerLink({
    clock,
    log,
    url: brokerUrl,
    packetBytes: packetBytes(LIMITS.deviceMessageBytes),
    filters: Object.values(DEVICE_TOPICS)
      .filter(({ direction }) => direction === 'up')
      .map(({ topic }) => topic.replace('{me}', '+')),
    async onMessage(message) {
      pending += 1;
      try {
        await take(message);
      } finally {
        pending -= 1;
      }
    },
    onLost() {
      for (const deviceId of [...heard.keys()]) gone(deviceId);
    },
  });

  async function take({ topic, payload, qos, properties }: BrokerMessage): Promise<void> {
    counters.messageIn(payload.length);
    const found = deviceTopic(topic);
    const one = found === null ? null : (heard.get(found.deviceId) ?? (await comes(found.deviceId)));
    if (found === null || one === null) return counters.refused('TOPIC_FORBIDDEN');
    one.heardAt = clock.monotonic();
    try {
      await inbox.publish(one.client, {
        topic: found.rest,
        payload,
        qos,
        responseTopic: properties?.responseTopic ?? null,
        correlationData: properties?.correlationData ?? null,
      });
    } catch (error) {
      const code = codeOf(error);
      counters.refused(code);
      inbox.refused(one.client, code);
      if (code === 'INTERNAL') log.error({ err: error }, 'a message of a device failed');
      if (ERROR_CODES[code].retryable) throw error;
      const say = error instanceof MusterError ? error.message : ERROR_CODES[code].meaning;
      one.client.send('devices/me/refused', Buffer.from(JSON.stringify({ topic, code, message: say })));
    }
  }

  /** The first message of a device: it is looked up once, also when several come together. */
  function comes(deviceId: string): Promise<Heard | null> {
    const before = coming.get(deviceId);
    if (before !== undefined) return before;
    const looking = lookUp(deviceId).finally(() => coming.delete(deviceId));
    coming.set(deviceId, looking);
    return looking;
  }

  async function lookUp(deviceId: string): Promise<Heard | null> {
    if ((unknown.get(deviceId) ?? 0) > clock.monotonic()) return null;
    const device = await inbox.deviceOf(deviceId);
    if (device === null) {
      unknown.set(deviceId, clock.monotonic() + UNKNOWN_MS);
      forgetOldest(unknown, MOST_UNKNOWN);
      return null;
    }
    const client: MqttClient = {
      identity: { kind: 'device', device, speaks: 'device-api' },
      clientId: deviceId,
      version: 5,
      address: '',
      localAddress: '',
      // the broker of others tells nothing of its connections
      lastSeen: 0,
      // nobody tells us; who does not listen loses nothing
      subscribed: (topic) => topic.startsWith(ME),
      send(topic, payload, { responseTopic, correlationData } = {}) {
        const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
        counters.messageOut(bytes.length);
        return link.publish({
          topic: named(topic, deviceId),
          payload: bytes,
          properties:
            responseTopic === undefined
              ? null
              : {
                  responseTopic: named(responseTopic, deviceId),
                  ...(correlationData === undefined ? {} : { correlationData }),
                },
        });
      },
      waitingBytes: () => link.waitingBytes(),
      // how fast a device may be is the business of its broker
      spend: () => undefined,
      close: () => gone(deviceId),
    };
    const one = { client, heardAt: clock.monotonic() };
    heard.set(deviceId, one);
    counters.opened();
    inbox.opened(client);
    inbox.subscribed(client, `${ME}#`);
    return one;
  }

  function gone(deviceId: string): void {
    const one = heard.get(deviceId);
    if (one === undefined) return;
    heard.delete(deviceId);
    counters.closed(null);
    inbox.closed(one.client);
  }

  function tick(): void {
    const now = clock.monotonic();
    for (const [deviceId, { heardAt }] of heard) if (now - heardAt > SILENT_MS) gone(deviceId);
    for (const [deviceId, until] of unknown) if (until < now) unknown.delete(deviceId);
    cancelTick = clock.after(TICK_MS, tick);
  }

  return {
    async listen() {
      link.start();
      tick();
    },
    ports: () => ({ plain: null, tls: null }),
    async publish({ deviceId }, rest, payload) {
      if (!link.publish({ topic: `devices/${deviceId}/${rest}`, payload, properties: null })) {
        throw new MusterError('UNAVAILABLE', {}, { say: 'The MQTT broker does not answer.' });
      }
    },
    closeDevice(deviceId) {
      gone(deviceId);
      unknown.delete(deviceId);
    },
    closeKey: () => undefined,
    connectionCount: () => heard.size,
    async drain(ms) {
      cancelTick();
      const until = clock.monotonic() + ms;
      while (pending > 0 && clock.monotonic() < until) {
        await new Promise<void>((resolve) => void clock.after(20, resolve));
      }
      link.stop();
      for (const deviceId of [...heard.keys()]) gone(deviceId);
    },
  };
}

const ME = 'devices/me/';

/** On a broker that does not know who asks, `me` is the device's id. */
function named(topic: string, deviceId: string): string {
  return topic.startsWith(ME) ? `devices/${deviceId}/${topic.slice(ME.length)}` : topic;
}
