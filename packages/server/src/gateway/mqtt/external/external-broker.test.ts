import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect as connectTcp, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { bug, MusterError } from '@muster/contract';
import mqtt, { type MqttClient } from 'mqtt';
import { type Broker, DEVICES, refusal, startBroker } from '../broker.fixture.ts';

const MOSQUITTO = '/usr/sbin/mosquitto';
const skip = existsSync(MOSQUITTO) ? false : `there is no ${MOSQUITTO}`;

interface Mosquitto {
  readonly url: string;
  /** Ends it at once, and starts it again with the same sessions. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

async function startMosquitto(): Promise<Mosquitto> {
  const directory = await mkdtemp(join(tmpdir(), 'muster-mosquitto-'));
  const free = createServer().listen(0, '127.0.0.1');
  await once(free, 'listening');
  const address = free.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  free.close();
  const file = join(directory, 'mosquitto.conf');
  const lines = [
    `listener ${port} 127.0.0.1`,
    'allow_anonymous true',
    'persistence true',
    `persistence_location ${directory}/`,
    'user root',
  ];
  await writeFile(file, `${lines.join('\n')}\n`);
  let child: ChildProcess;
  const start = async (): Promise<void> => {
    child = spawn(MOSQUITTO, ['-c', file], { stdio: 'ignore' });
    for (let tries = 0; tries < 200; tries++) {
      const socket = connectTcp({ port, host: '127.0.0.1' });
      const open = await once(socket, 'connect').then(
        () => true,
        () => false,
      );
      socket.destroy();
      if (open) return;
      await delay(25);
    }
    throw bug('mosquitto did not start');
  };
  const end = async (): Promise<void> => {
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
  };
  await start();
  return {
    url: `mqtt://127.0.0.1:${port}`,
    async restart() {
      await end();
      await start();
    },
    async stop() {
      await end();
      await rm(directory, { recursive: true });
    },
  };
}

/** Until `look` gives something; 10 s at most. */
async function until<T>(look: () => T | undefined | false, what: string): Promise<T> {
  for (let tries = 0; tries < 1_000; tries++) {
    const found = look();
    if (found !== undefined && found !== false) return found;
    await delay(10);
  }
  throw bug(`${what} did not come`);
}

async function begin(t: { after(task: () => Promise<void>): void }) {
  const mosquitto = await startMosquitto();
  const broker = await startBroker({ brokerUrl: mosquitto.url });
  const device = await mqtt.connectAsync(mosquitto.url, { protocolVersion: 5 });
  t.after(async () => {
    await device.endAsync(true);
    await broker.stop();
    await mosquitto.stop();
  });
  // a message before our subscription goes to nobody: this one is sent until it comes
  await until(() => {
    if (broker.published.length > 0) return true;
    device.publish(`devices/${DEVICES.two}/telemetry`, 'hello');
    return false;
  }, 'the subscription');
  return { mosquitto, broker, device };
}

const textsOf = (broker: Broker, deviceId: string): string[] =>
  broker.published.filter((one) => one.deviceId === deviceId).map(({ topic, text }) => `${topic} ${text}`);

test('messages of devices on another broker come to the same inbox, answers go back', { skip }, async (t) => {
  const { broker, device } = await begin(t);
  await device.publishAsync(`devices/${DEVICES.one}/telemetry`, 'a', { qos: 1 });
  await device.publishAsync(`devices/${DEVICES.one}/app/x`, 'not for us', { qos: 1 });
  await device.publishAsync('devices/nobody/telemetry', 'of nobody', { qos: 1 });
  await device.publishAsync(`devices/${DEVICES.one}/twin/get`, 'b', { qos: 1 });
  await until(() => textsOf(broker, DEVICES.one).length === 2, 'both');
  assert.deepEqual(textsOf(broker, DEVICES.one), ['telemetry a', 'twin/get b']);
  assert.ok(broker.published.every(({ deviceId }) => deviceId !== ''));

  const client = broker.opened.find(
    ({ identity }) => identity.kind === 'device' && identity.device.deviceId === DEVICES.one,
  );
  assert.equal(broker.opened.length, 2);
  const got = next(device);
  await device.subscribeAsync(`devices/${DEVICES.one}/#`);
  assert.equal(
    client?.send('devices/me/commands', Buffer.from('do'), {
      responseTopic: 'devices/me/commands/reply',
      correlationData: Buffer.from('7'),
    }),
    true,
  );
  const { topic, text, responseTopic } = await got;
  assert.deepEqual(
    [topic, text, responseTopic],
    [`devices/${DEVICES.one}/commands`, 'do', `devices/${DEVICES.one}/commands/reply`],
  );

  broker.answer = refusal;
  const refused = next(device);
  device.publish(`devices/${DEVICES.one}/events`, 'bad', { qos: 1 });
  // what it published itself comes back to it first
  assert.equal((await refused).topic, `devices/${DEVICES.one}/events`);
  assert.equal((await next(device)).topic, `devices/${DEVICES.one}/refused`);

  broker.gateway.closeDevice(DEVICES.one, 'DEVICE_REVOKED');
  assert.equal(broker.closed.length, 1);
});

test('a message that could not be stored, and one from the time of a break, come again', { skip }, async (t) => {
  const { mosquitto, broker, device } = await begin(t);
  const topic = `devices/${DEVICES.one}/telemetry`;
  let failures = 0;
  broker.answer = ({ payload }) => {
    if (payload.toString() !== 'stored late') return undefined;
    failures += 1;
    return failures === 1 ? Promise.reject(new MusterError('DATABASE_UNAVAILABLE')) : undefined;
  };
  await device.publishAsync(topic, 'stored late', { qos: 1 });
  await until(() => textsOf(broker, DEVICES.one).length >= 2, 'the second try');
  assert.deepEqual(textsOf(broker, DEVICES.one), ['telemetry stored late', 'telemetry stored late']);
  assert.ok(broker.closed.length > 0, 'without a connection nobody is here');

  await mosquitto.restart();
  await until(() => device.connected, 'the device again');
  await device.publishAsync(topic, 'after', { qos: 1 });
  await until(() => textsOf(broker, DEVICES.one).includes('telemetry after'), 'what came after the break');
});

function next(device: MqttClient): Promise<{ topic: string; text: string; responseTopic: string | undefined }> {
  return new Promise((resolve) => {
    device.once('message', (topic, payload, { properties }) => {
      resolve({ topic, text: payload.toString(), responseTopic: properties?.responseTopic });
    });
  });
}
