import assert from 'node:assert/strict';
import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { after, before, type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import {
  bug,
  type Command,
  type DeviceCreated,
  type DeviceEventList,
  type LatestList,
  type Twin,
} from '@muster/contract';
import { startTestServer, type TestServer } from '@muster/server/testing';
import { connectAsync } from 'mqtt';

/** The files of examples/ as a reader runs them, against the real server over real sockets. */
const EXAMPLES = join(import.meta.dirname, '../examples');
/** Debian's, not one that a version manager puts before it. */
const PYTHON = '/usr/bin/python3';
const hasPaho = spawnSync(PYTHON, ['-c', 'import paho.mqtt.client']).status === 0;
const LANGUAGES = [
  { name: 'Node', program: process.execPath, file: 'mqtt-device.mjs', clientId: 'example-node', skip: false },
  {
    name: 'Python',
    program: PYTHON,
    file: 'mqtt_device.py',
    clientId: 'example-python',
    skip: hasPaho ? false : 'python3-paho-mqtt is not installed',
  },
] as const;
const LONGEST_MS = 20_000;

let muster: TestServer;

before(async () => {
  muster = await startTestServer();
});
after(() => muster.stop());

interface Example {
  /** Resolves when this line was printed so many times. */
  printed(line: string, times?: number): Promise<void>;
  readonly ended: Promise<{ readonly code: number | null; readonly errors: string }>;
  stop(): void;
}

/** Ends with its test, whatever happens. */
function start(t: TestContext, one: (typeof LANGUAGES)[number], token: string, deviceId = 'me'): Example {
  const child: ChildProcessByStdio<null, Readable, Readable> = spawn(one.program, [join(EXAMPLES, one.file)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env.PATH,
      NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
      MUSTER_TOKEN: token,
      MUSTER_MQTT: `mqtt://127.0.0.1:${muster.server.mqtt.port}`,
      MUSTER_DEVICE: deviceId,
    },
    timeout: 60_000,
    killSignal: 'SIGKILL',
  });
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
  const errors = child.stderr.toArray().then((chunks) => chunks.join(''));
  const ended = once(child, 'close').then(async ([code]) => ({ code: code as number | null, errors: await errors }));
  t.after(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  return {
    printed: (line, times = 1) =>
      until(`"${line}" was printed`, async () => lines.filter((found) => found === line).length >= times),
    ended,
    stop: () => void child.kill('SIGTERM'),
  };
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + LONGEST_MS;
  while (!(await holds())) {
    if (performance.now() > end) throw bug(`in vain until ${what}`);
    await delay(50);
  }
}

async function command(deviceId: string, name: string, args: object): Promise<Command> {
  const path = `/api/devices/${deviceId}/commands?waitMs=${LONGEST_MS}`;
  return muster.call<Command>('POST', path, { name, args, deadlineMs: LONGEST_MS });
}

for (const one of LANGUAGES) {
  test(`${one.name}: connects, publishes at each QoS, follows its twin, obeys, comes back, and goes`, {
    skip: one.skip,
  }, async (t) => {
    const body = { name: `Example ${one.name}` };
    const { device, token } = await muster.call<DeviceCreated>('POST', '/api/devices', body);
    const path = `/api/devices/${device.deviceId}`;
    const example = start(t, one, token);
    await example.printed('connected');

    // QoS 1 and 0, then 2
    await until('the measurements are stored', async () => {
      const { latest } = await muster.call<LatestList>('GET', `${path}/telemetry/latest`);
      return ['load', 'uptime'].every((name) => latest.some(({ series }) => series === name));
    });
    await until('the event is stored', async () => {
      const { events } = await muster.call<DeviceEventList>('GET', `${path}/events`);
      return events.some(({ name }) => name === 'started');
    });

    await muster.call('PATCH', `${path}/twin/desired`, { patch: { intervalMs: 200 } });
    await until('the twin says what was wanted', async () => {
      const { reported, delta } = await muster.call<Twin>('GET', `${path}/twin`);
      return reported.intervalMs === 200 && Object.keys(delta).length === 0;
    });

    const blink = await command(device.deviceId, 'blink', { times: 3 });
    assert.deepEqual([blink.state, blink.result], ['confirmed', { blinked: 3 }]);
    await example.printed('blink 3');
    const dance = await command(device.deviceId, 'dance', {});
    assert.deepEqual([dance.state, dance.error?.code], ['rejected', 'UNKNOWN']);

    // somebody takes its session over: it comes back, and they are gone
    const thief = await connectAsync(`mqtt://127.0.0.1:${muster.server.mqtt.port}`, {
      protocolVersion: 5,
      clientId: one.clientId,
      username: 'device',
      password: token,
      reconnectPeriod: 0,
    });
    t.after(() => thief.endAsync(true));
    await example.printed('away');
    await example.printed('connected', 2);
    assert.equal((await command(device.deviceId, 'blink', {})).state, 'confirmed');

    example.stop();
    assert.deepEqual(await example.ended, { code: 0, errors: '' });
  });

  test(`${one.name}: is refused the topics of another device`, { skip: one.skip }, async (t) => {
    const make = (name: string) => muster.call<DeviceCreated>('POST', '/api/devices', { name });
    const own = await make(`Own ${one.name}`);
    const other = await make(`Other ${one.name}`);
    const { code, errors } = await start(t, one, own.token, other.device.deviceId).ended;
    assert.equal(code, 1);
    assert.match(errors, /refused: .*not.?authorized/i);
    const { latest } = await muster.call<LatestList>('GET', `/api/devices/${other.device.deviceId}/telemetry/latest`);
    assert.deepEqual(latest, []);
  });
}
