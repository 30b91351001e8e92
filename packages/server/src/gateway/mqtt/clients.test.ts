import assert from 'node:assert/strict';
import { type ChildProcessByStdio, execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { after, afterEach, before, type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { bug } from '@muster/contract';
import mqtt from 'mqtt';
import { type Broker, DEVICES, startBroker } from './broker.fixture.ts';

const run = promisify(execFile);
const OTHERS = `devices/${DEVICES.two}/telemetry`;
let broker: Broker;
before(async () => {
  broker = await startBroker();
});
after(() => broker.stop());
afterEach(() => {
  broker.published.length = 0;
});

const isInstalled = (command: string, ...args: string[]): boolean => spawnSync(command, args).error === undefined;
const hasMosquitto = isInstalled('mosquitto_pub', '--help') && isInstalled('mosquitto_sub', '--help');
/** Debian's, not one that a version manager puts before it. */
const PYTHON = '/usr/bin/python3';
const hasPaho = spawnSync(PYTHON, ['-c', 'import paho.mqtt.client']).status === 0;

const CHILD_MS = 20_000;

/** A program that ends with its test, and after its time whatever the test does. */
function start(t: TestContext, program: string, args: readonly string[]): ChildProcessByStdio<null, Readable, null> {
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: CHILD_MS,
    killSignal: 'SIGKILL',
  });
  t.after(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  return child;
}

/** Until the client that connected last has these subscriptions: programs do not say so before their output is full. */
async function subscribed(...topics: string[]): Promise<void> {
  const until = performance.now() + 10_000;
  while (!topics.every((topic) => broker.opened.at(-1)?.subscribed(topic) === true)) {
    if (performance.now() > until) throw bug(`nobody subscribed to ${topics.join(' and ')}`);
    await delay(10);
  }
}

/** Tells the client that connected last to do something, as the commands feature does. */
function command(): void {
  assert.equal(broker.opened.at(-1)?.send('devices/me/commands', Buffer.from('blink')), true);
}
const publishedAt = (topic: string) => broker.published.filter((one) => one.topic === topic);

for (const protocolVersion of [4, 5] as const) {
  test(`mqtt.js, version ${protocolVersion}: each QoS both ways, a command, and topics of others`, async () => {
    const client = await mqtt.connectAsync(broker.url, {
      protocolVersion,
      clientId: `mqttjs-${protocolVersion}`,
      username: DEVICES.one,
      password: 'token-of-one',
      reconnectPeriod: 0,
    });
    for (const qos of [0, 1, 2] as const) await client.publishAsync('devices/me/telemetry', `${qos}`, { qos });
    assert.deepEqual(
      publishedAt('telemetry').map(({ text, qos }) => [text, qos]),
      [
        ['0', 0],
        ['1', 1],
        ['2', 2],
      ],
    );

    await client.subscribeAsync(['devices/me/commands', 'devices/me/app/#'], { qos: 2 });
    const seen: [string, string, number][] = [];
    let told = (): void => undefined;
    client.on('message', (topic, payload, { qos }) => {
      seen.push([topic, payload.toString(), qos]);
      told();
    });
    const count = (wanted: number) =>
      new Promise<void>((resolve) => {
        told = () => void (seen.length === wanted && resolve());
        told();
      });
    for (const qos of [0, 1, 2] as const) await client.publishAsync('devices/me/app/x', `${qos}`, { qos });
    await count(3);
    command();
    await count(4);
    assert.deepEqual(seen, [
      ['devices/me/app/x', '0', 0],
      ['devices/me/app/x', '1', 1],
      ['devices/me/app/x', '2', 2],
      ['devices/me/commands', 'blink', 0],
    ]);
    await client.publishAsync('devices/me/commands/reply', 'done', { qos: 1 });
    assert.equal(publishedAt('commands/reply').length, 1);

    if (protocolVersion === 5) {
      for (const qos of [1, 2] as const) {
        await assert.rejects(client.publishAsync(OTHERS, 'x', { qos }), { code: 0x87 });
      }
    } else await client.publishAsync(OTHERS, 'x', { qos: 2 });
    await assert.rejects(client.subscribeAsync(OTHERS));
    assert.ok(broker.published.every(({ deviceId }) => deviceId === DEVICES.one));
    await client.endAsync();
  });
}

test('the token may be the user name, as devices of ThingsBoard have it', async () => {
  const client = await mqtt.connectAsync(broker.url, { username: 'token-of-one', reconnectPeriod: 0 });
  await client.publishAsync('v1/devices/me/telemetry', '{}', { qos: 1 });
  assert.equal(publishedAt('v1/devices/me/telemetry').length, 1);
  await client.endAsync();
});

for (const version of ['mqttv311', 'mqttv5']) {
  test(`mosquitto_pub and mosquitto_sub, ${version}`, {
    skip: hasMosquitto ? false : 'mosquitto-clients is not installed',
  }, async (t) => {
    const login = ['-h', '127.0.0.1', '-p', `${broker.port}`, '-V', version, '-u', 'any', '-P', 'token-of-one'];
    const publish = (topic: string, text: string, qos: number) =>
      run('mosquitto_pub', [...login, '-q', `${qos}`, '-t', topic, '-m', text], { timeout: 10_000 });
    for (const qos of [0, 1, 2]) await publish('devices/me/telemetry', `${qos}`, qos);
    assert.deepEqual(
      publishedAt('telemetry').map(({ text, qos }) => [text, qos]),
      [
        ['0', 0],
        ['1', 1],
        ['2', 2],
      ],
    );

    const topics = ['-t', 'devices/me/app/#', '-t', 'devices/me/commands', '-q', '2', '-v'];
    const listener = start(t, 'mosquitto_sub', [...login, ...topics, '-C', '3']);
    const lines: string[] = [];
    createInterface({ input: listener.stdout }).on('line', (line) => lines.push(line));
    const ended = once(listener, 'close');
    await subscribed('devices/me/app/x', 'devices/me/commands');
    command();
    for (const qos of [1, 2]) await publish('devices/me/app/x', `${qos}`, qos);
    assert.deepEqual(await ended, [0, null]);
    assert.deepEqual(lines.sort(), ['devices/me/app/x 1', 'devices/me/app/x 2', 'devices/me/commands blink']);
    await publish('devices/me/commands/reply', 'done', 1);
    assert.equal(publishedAt('commands/reply').length, 1);

    const refused = await publish(OTHERS, 'x', 1).catch((error: { stderr: string }) => error);
    if (version === 'mqttv5') assert.match(refused.stderr, /Not authorized/i);
    const wrong = await run(
      'mosquitto_pub',
      [...login.slice(0, -1), 'wrong', '-t', 'devices/me/telemetry', '-m', 'x'],
      {
        timeout: 10_000,
      },
    ).catch((error: { code: number }) => error);
    assert.ok('code' in wrong && wrong.code !== 0);
    assert.ok(broker.published.every(({ deviceId }) => deviceId === DEVICES.one));
  });
}

const PAHO = `
import sys, json, queue
import paho.mqtt.client as mqtt
port, version, own, others = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
new = getattr(mqtt, 'CallbackAPIVersion', None)
args = dict(client_id='paho-%d' % version, protocol=version)
client = mqtt.Client(new.VERSION1, **args) if new else mqtt.Client(**args)
client.username_pw_set('any', 'token-of-one')
events = queue.Queue()
client.on_message = lambda c, u, m: events.put((m.topic, m.payload.decode()))
client.on_subscribe = lambda c, u, mid, granted, *rest: events.put(('granted', [getattr(g, 'value', g) for g in granted]))
client.on_connect = lambda c, u, f, rc, *rest: events.put(('connected', getattr(rc, 'value', rc)))
client.connect('127.0.0.1', port)
client.loop_start()
assert events.get(timeout=5) == ('connected', 0)
for qos in (0, 1, 2):
    client.publish('devices/me/telemetry', str(qos), qos=qos).wait_for_publish(5)
client.subscribe(others, 1)
print(json.dumps(events.get(timeout=5)[1]), flush=True)
client.subscribe('devices/me/commands', 1)
events.get(timeout=5)
print('ready', flush=True)
print(json.dumps(events.get(timeout=5)), flush=True)
client.publish('devices/me/commands/reply', 'done', qos=1).wait_for_publish(5)
client.publish(others, 'x', qos=2).wait_for_publish(5)
client.disconnect()
`;

for (const version of [4, 5]) {
  test(`paho for Python, version ${version}`, {
    skip: hasPaho ? false : 'python3-paho-mqtt is not installed',
  }, async (t) => {
    const args = ['-c', PAHO, `${broker.port}`, `${version}`, DEVICES.one, OTHERS];
    const child = start(t, PYTHON, args);
    const ended = once(child, 'exit');
    const lines: unknown[] = [];
    for await (const line of createInterface({ input: child.stdout })) {
      if (line === 'ready') command();
      else lines.push(JSON.parse(line));
    }
    assert.deepEqual(await ended, [0, null]);
    assert.deepEqual(lines, [[version === 5 ? 0x87 : 0x80], ['devices/me/commands', 'blink']]);
    assert.deepEqual(
      broker.published.map(({ deviceId, topic, text, qos }) => [deviceId, topic, text, qos]),
      [
        [DEVICES.one, 'telemetry', '0', 0],
        [DEVICES.one, 'telemetry', '1', 1],
        [DEVICES.one, 'telemetry', '2', 2],
        [DEVICES.one, 'commands/reply', 'done', 1],
      ],
    );
  });
}
