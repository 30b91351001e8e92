import { once } from 'node:events';
import type { DeviceCreated } from '@muster/contract';
import { connectLightMqtt, type LightMqtt, startFaultProxy } from '@muster/testkit';
import { WebSocket } from 'ws';
import type { ServerProcess } from '../../../bench/server-process.ts';

/** Devices and viewers that do not read what they are sent. */
export interface SlowReaders {
  readonly count: number;
  /** Sends each of them some hundred kilobytes. */
  feed(): Promise<void>;
  end(): Promise<void>;
}

/** Of each kind. */
const EACH = 2;
/** A viewer reads so much, bytes a second. */
const TRICKLE = 1;
/** Close to the largest twin and the largest event. */
const TWIN_BYTES = 30_000;
const EVENT_BYTES = 7_500;
const EVENTS_A_FEED = 90;
/** A device may send a megabyte a second; three of them talk. */
const TALKERS = 3;
const TWINS_A_FEED = 15;
const ANSWER_MS = 20_000;

/**
 * Two devices over MQTT and two over WebSocket that listen to their twin, and two viewers of the events of others.
 * `reads`: the same, and they read everything, to compare with.
 */
export async function openSlowReaders(server: ServerProcess, name: string, reads: boolean): Promise<SlowReaders> {
  const url = new URL(server.url);
  const proxy = await startFaultProxy({ host: '127.0.0.1', port: Number(url.port) });
  const slow: string[] = [];
  const clients: LightMqtt[] = [];
  const sockets: WebSocket[] = [];
  const make = (which: string): Promise<DeviceCreated> =>
    server.call<DeviceCreated>('POST', '/api/devices', { name: `${name} ${which}` });
  const connect = (password: string): Promise<LightMqtt> =>
    connectLightMqtt({
      host: '127.0.0.1',
      port: server.mqttPort,
      username: 'x',
      password,
      keepAlive: 600,
      // a device that reads nothing hears no answer to its pings either
      after: () => () => undefined,
    });
  let fed = 0;
  const talkers = await Promise.all(Array.from({ length: TALKERS }, (_, nth) => make(`talker ${nth}`)));
  const talking = await Promise.all(talkers.map(({ token }) => connect(token)));
  clients.push(...talking);

  async function mqttDevice(nth: number): Promise<void> {
    const { device, token } = await make(`mqtt ${nth}`);
    const client = await connect(token);
    clients.push(client);
    await client.subscribe('devices/me/twin/delta');
    if (!reads) client.socket.pause();
    slow.push(device.deviceId);
  }

  async function socketDevice(nth: number): Promise<void> {
    const { device, token } = await make(`socket ${nth}`);
    const listen = { type: 'listen', id: 1, twin: true };
    const socket = await openSocket(`ws://${url.host}/device/v1/socket`, token, listen, 'ack');
    if (!reads) socket.pause();
    slow.push(device.deviceId);
  }

  async function viewer(): Promise<void> {
    const topics = talkers.map(({ device }) => `device/${device.deviceId}/events`);
    const [first, ...others] = topics.map((topic) => ({ type: 'subscribe', topic }));
    const socket = await openSocket(`ws://127.0.0.1:${proxy.port}/api/live`, server.token, first, 'snapshot');
    for (const other of others) socket.send(JSON.stringify(other));
  }

  /** Resolves when the first frame was answered. */
  async function openSocket(at: string, token: string, first: object | undefined, answer: string): Promise<WebSocket> {
    const socket = new WebSocket(at, { headers: { authorization: `Bearer ${token}` }, perMessageDeflate: false });
    socket.on('error', () => socket.terminate());
    sockets.push(socket);
    const signal = AbortSignal.timeout(ANSWER_MS);
    const answered = new Promise<void>((resolve) => {
      socket.on('message', (data) => {
        if ((JSON.parse(String(data)) as { type: string }).type === answer) resolve();
      });
    });
    await once(socket, 'open', { signal });
    socket.send(JSON.stringify(first));
    await Promise.race([answered, once(socket, 'close', { signal })]);
    return socket;
  }

  async function change(deviceId: string): Promise<void> {
    for (let nth = 0; nth < TWINS_A_FEED; nth++) {
      const patch = { blob: `${fed} ${nth} ${'x'.repeat(TWIN_BYTES)}` };
      await server.call('PATCH', `/api/devices/${deviceId}/twin/desired`, { patch });
    }
  }

  const result: SlowReaders = {
    count: EACH * 3,
    async feed() {
      fed += 1;
      const data = { text: 'x'.repeat(EVENT_BYTES) };
      const event = JSON.stringify({ name: 'talk', data });
      const events = Array.from({ length: EVENTS_A_FEED }, (_, nth) =>
        talking[nth % TALKERS]?.publish('devices/me/events', event, 1),
      );
      await Promise.all([...events, ...slow.map(change)]);
    },
    async end() {
      for (const client of clients) client.drop();
      for (const socket of sockets) socket.terminate();
      await proxy.close();
    },
  };
  try {
    for (let nth = 0; nth < EACH; nth++) await Promise.all([mqttDevice(nth), socketDevice(nth), viewer()]);
    if (!reads) proxy.set({ down: { bytesPerSecond: TRICKLE } });
    return result;
  } catch (error) {
    await result.end();
    throw error;
  }
}
