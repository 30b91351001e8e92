import { randomInt } from 'node:crypto';
import {
  type CommandMessage,
  DEVICE_TOPICS,
  type ErrorCode,
  MusterError,
  XIAOZHI_CLIENT_SUFFIX,
  XIAOZHI_TOPICS,
} from '@muster/contract';
import type { ApiKeys } from './accounts/index.ts';
import {
  answerAttributes,
  type DeviceApi,
  type DeviceInbox,
  type KnownDevice,
  type OpenConnection,
  parsePayload,
  readThingsBoardTelemetry,
  signIn,
  toRpc,
  worthOf,
} from './gateway/device/index.ts';
import type { MqttClient, MqttCredentials, MqttIdentity, MqttInbox, MqttPublish } from './gateway/mqtt/index.ts';
import type { Channel, XiaozhiGateway } from './gateway/xiaozhi/index.ts';
import { forgetOldest } from './platform/forget-oldest.ts';

const THINGSBOARD = 'v1/devices/me/';
/** What ThingsBoard's devices subscribe to with a wildcard: `rpc/request/+`. */
const RPC_REQUEST = `${THINGSBOARD}rpc/request/0`;
const ATTRIBUTES = `${THINGSBOARD}attributes`;
/** ThingsBoard numbers its requests; our commands have ids. The last so many are remembered. */
const MOST_RPC = 50_000;
/** Firmware reads the numbers as 32-bit integers. */
const LAST_RPC = 0x7fff_ffff;

/** What is kept for an open connection. */
interface Open {
  readonly device: KnownDevice;
  readonly channel: Channel | null;
  /** Null for a voice device: its channel says when it is here. */
  connection: OpenConnection | null;
}

/** Joins our MQTT broker to the device API, to Xiaozhi's conversations and to the keys of operators. */
export function createMqttInbox(deps: {
  readonly api: DeviceApi;
  readonly inbox: DeviceInbox;
  readonly apiKeys: Pick<ApiKeys, 'authenticate'>;
  readonly xiaozhi: Pick<XiaozhiGateway, 'openChannel'>;
  readonly deviceOf: (deviceId: string) => Promise<KnownDevice | null>;
}): MqttInbox {
  const { api, inbox } = deps;
  const open = new Map<MqttClient, Open>();
  /**
   * Numbers of commands that went out as ThingsBoard's RPC. Never the same for two commands, whatever the device and the
   * connection: an answer that comes after a new connection must not end another command.
   */
  const rpc = new Map<string, string>();
  let lastRpc = randomInt(LAST_RPC);

  /** The token is the password; ThingsBoard's devices give it as the user name. A certificate needs neither. */
  async function device({ username, password, certificate, clientId }: MqttCredentials): Promise<MqttIdentity | null> {
    const token = password || username || null;
    const isNameOnly = token !== null && token !== password;
    const found =
      (await signIn(inbox, { token, certificate })) ??
      // many clients want some user name beside their certificate
      (isNameOnly ? await signIn(inbox, { token: null, certificate }) : null);
    if (found === null) return null;
    // a client id that names a device names this one
    const named = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/.exec(clientId)?.[0];
    if (named !== undefined && named !== found.deviceId) throw new MusterError('CLIENT_ID_INVALID');
    const speaks = clientId === found.deviceId + XIAOZHI_CLIENT_SUFFIX ? 'xiaozhi' : 'device-api';
    return { kind: 'device', device: found, speaks };
  }

  /** A command as the client wants it: ThingsBoard's when it subscribed to its requests, ours otherwise. */
  async function sendCommand(client: MqttClient, one: Open, message: CommandMessage): Promise<void> {
    const isRpc = client.subscribed(RPC_REQUEST);
    const topic = isRpc ? `${THINGSBOARD}rpc/request/${rpcNumber(message.commandId)}` : name('command');
    const sent = client.send(topic, json(isRpc ? toRpc(message) : message), {
      responseTopic: name('commandReply'),
      correlationData: Buffer.from(message.commandId),
    });
    if (!sent) throw new MusterError('DEVICE_NOT_CONNECTED', { deviceId: one.device.deviceId });
  }

  function rpcNumber(commandId: string): string {
    lastRpc = lastRpc >= LAST_RPC ? 1 : lastRpc + 1;
    const number = String(lastRpc);
    rpc.set(number, commandId);
    forgetOldest(rpc, MOST_RPC);
    return number;
  }

  async function thingsBoard(client: MqttClient, one: Open, message: MqttPublish): Promise<void> {
    const { device: of } = one;
    const topic = message.topic.slice(THINGSBOARD.length);
    const number = /^(attributes\/request|rpc\/request|rpc\/response)\/(\d{1,10})$/.exec(topic);
    if (topic === 'telemetry') {
      const telemetry = readThingsBoardTelemetry(parsePayload(message.payload));
      client.spend(worthOf(telemetry));
      await inbox.telemetry(of, telemetry);
    } else if (topic === 'attributes') {
      await api.twinReport(of, json({ reported: parsePayload(message.payload) as object }));
    } else if (number?.[1] === 'attributes/request') {
      const answer = answerAttributes(parsePayload(message.payload), await inbox.twin(of));
      client.send(`${THINGSBOARD}attributes/response/${number[2]}`, json(answer));
    } else if (number?.[1] === 'rpc/response') {
      const commandId = rpc.get(number[2] ?? '');
      // so late that it is forgotten: nothing waits for it any more
      if (commandId === undefined) return;
      const result = parsePayload(message.payload);
      await inbox.commandReply(of, { commandId, state: 'confirmed', result });
      rpc.delete(number[2] ?? '');
    } else {
      throw new MusterError('TOPIC_UNKNOWN', { topic: message.topic.slice(0, 200) });
    }
  }

  function publish(client: MqttClient, one: Open, message: MqttPublish): Promise<void> | undefined {
    const { device: of } = one;
    switch (message.topic) {
      case REST.telemetry:
        return api.telemetry(of, message.payload, client.spend);
      case REST.event:
        return api.event(of, message.payload);
      case REST.twinReport:
        return api.twinReport(of, message.payload).then(() => undefined);
      case REST.twinGet:
        return api.twinGet(of).then((twin) => answer(client, message, name('twin'), twin));
      case REST.timeGet:
        answer(client, message, name('time'), api.time(message.payload));
        return undefined;
      case REST.commandReply:
        return api.commandReply(of, message.payload);
      default:
        if (message.topic.startsWith(THINGSBOARD)) return thingsBoard(client, one, message);
        throw new MusterError('TOPIC_UNKNOWN', { topic: message.topic.slice(0, 200) });
    }
  }

  /** Firmware never subscribes: it is sent to on its own topic, unasked. */
  function openChannel(client: MqttClient, { deviceId, siteId, name: deviceName, credential }: KnownDevice): Channel {
    const topic = `devices/${deviceId}/${XIAOZHI_TOPICS.down}`;
    return deps.xiaozhi.openChannel(
      {
        deviceId,
        siteId,
        deviceName,
        ...(credential === undefined ? {} : { credential }),
        hangUp: (code) => client.close(code),
      },
      {
        address: client.address,
        localAddress: client.localAddress,
        send: (bytes) => client.send(topic, bytes),
        waitingBytes: () => client.waitingBytes(),
      },
    );
  }

  return {
    async authenticate(credentials) {
      const { username, password, source } = credentials;
      if (username !== 'key') return device(credentials);
      const key = password === null ? null : await deps.apiKeys.authenticate(password, source);
      if (key === null || key.siteId === null) return null;
      const { keyId, siteId, mayPublish, maySubscribe } = key;
      return { kind: 'operator', keyId, siteId, mayPublish, maySubscribe };
    },
    publish(client, message) {
      const one = open.get(client);
      if (one === undefined) throw new MusterError('DEVICE_NOT_CONNECTED');
      if (one.channel === null) return publish(client, one, message);
      if (message.topic !== XIAOZHI_TOPICS.up) throw new MusterError('TOPIC_UNKNOWN', { topic: message.topic });
      one.channel.receive(message.payload);
      return undefined;
    },
    refused({ identity }, code) {
      if (identity.kind === 'device') inbox.refused(identity.device, code);
    },
    opened(client) {
      const { identity } = client;
      if (identity.kind !== 'device') return;
      const { device: of } = identity;
      const channel = identity.speaks === 'xiaozhi' ? openChannel(client, of) : null;
      const one: Open = { device: of, channel, connection: null };
      open.set(client, one);
      if (channel !== null) return;
      one.connection = inbox.opened(of, {
        transport: 'mqtt',
        staysOpen: true,
        address: client.address,
        heardAt: () => client.lastSeen,
        listens: () => client.subscribed(name('command')) || client.subscribed(RPC_REQUEST),
        command: (message) => sendCommand(client, one, message),
        twinDelta(delta) {
          if (client.subscribed(name('twinDelta'))) client.send(name('twinDelta'), json(delta));
          // ThingsBoard's devices get shared attributes that changed, as they are
          if (client.subscribed(ATTRIBUTES)) client.send(ATTRIBUTES, json(delta.delta));
        },
        close: (code: ErrorCode) => client.close(code),
      });
    },
    subscribed(client, filter) {
      const one = open.get(client);
      if (one === undefined || one.connection === null) return;
      // looked up for what this filter brings only: a fleet that comes back subscribes thousands of times
      const brings = (topic: string): boolean => mayTake(filter, topic) && client.subscribed(topic);
      if (brings(name('command')) || brings(RPC_REQUEST)) one.connection.ready('commands');
      if (brings(name('twinDelta')) || brings(ATTRIBUTES)) one.connection.ready('twin');
    },
    closed(client) {
      const one = open.get(client);
      open.delete(client);
      one?.channel?.closed();
      one?.connection?.ended();
    },
    deviceOf: deps.deviceOf,
  };
}

/** A topic as devices know it: `devices/me/…`. */
function name(topic: keyof typeof DEVICE_TOPICS): string {
  return DEVICE_TOPICS[topic].topic.replace('{me}', 'me');
}

/** Whether a filter of a device can be meant for one of its topics. Wildcards may be. */
function mayTake(filter: string, topic: string): boolean {
  return /[+#]/.test(filter) || filter === topic || filter.replace(/^devices\/[^/]+\//, 'devices/me/') === topic;
}

/** What the broker gives of the topics that devices publish to: without the prefix. */
const REST = Object.fromEntries(
  Object.entries(DEVICE_TOPICS).map(([key, { topic }]) => [key, topic.replace('devices/{me}/', '')]),
) as Readonly<Record<keyof typeof DEVICE_TOPICS, string>>;

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

/** To where the client asked for it (MQTT 5), else to our topic. */
function answer(
  client: MqttClient,
  { responseTopic, correlationData }: MqttPublish,
  topic: string,
  value: unknown,
): void {
  // a client may not make us write to topics of others: only its own
  const own = responseTopic?.startsWith('devices/me/') === true ? responseTopic : topic;
  client.send(own, json(value), correlationData === null ? {} : { correlationData });
}
