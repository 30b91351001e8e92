import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import {
  type Alert,
  type Command,
  type DeviceCreated,
  type DeviceEvent,
  LIVE_CLOSE_CODES,
  LIVE_ITEMS,
  LIVE_PATH,
  LIVE_TOPICS,
  type LiveFrame,
  readLiveTopic,
  type SessionReply,
} from '@muster/contract';
import { startTestServer, TEST_ADMINISTRATOR, type TestServer } from '@muster/server/testing';
import { Value } from 'typebox/value';
import { WebSocket } from 'ws';
import { openViewer, type TestViewer } from '../../packages/server/src/gateway/live/live.fixture.ts';

/** The live feed on the real server: real devices' messages go in, and viewers see what was stored. */
const BIN = join(import.meta.dirname, '../../packages/cli/bin/muster.js');
let muster: TestServer;
const viewers: TestViewer[] = [];
const sockets: WebSocket[] = [];

before(async () => {
  muster = await startTestServer();
});
after(async () => {
  for (const viewer of viewers) viewer.end();
  for (const socket of sockets) socket.terminate();
  await muster.stop();
});

async function watch(topic: string, token = muster.token): Promise<TestViewer> {
  const viewer = await openViewer(muster.url.replace('http', 'ws') + LIVE_PATH, token);
  viewers.push(viewer);
  viewer.send({ type: 'subscribe', topic });
  return viewer;
}

const make = (name: string): Promise<DeviceCreated> =>
  muster.call('POST', '/api/devices', { name, siteId: muster.siteId });

async function post(token: string, path: string, body: object): Promise<void> {
  const reply = await fetch(`${muster.url}/device/v1/${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
    body: JSON.stringify(body),
  });
  assert.ok(reply.ok, `${path}: ${reply.status}`);
}

/** What the frame shows; each thing is of the schema that the contract names. */
function itemsOf<T>(frame: LiveFrame): readonly T[] {
  assert.ok(frame.type === 'snapshot' || frame.type === 'change', JSON.stringify(frame));
  const kind = readLiveTopic(frame.topic)?.kind;
  assert.ok(kind !== undefined);
  for (const item of frame.items)
    assert.ok(Value.Check(LIVE_ITEMS[LIVE_TOPICS[kind].items], item), JSON.stringify(item));
  return frame.items as readonly T[];
}

/** Takes frames until one shows a thing that `is` accepts. */
async function see<T>(viewer: TestViewer, is: (item: T) => boolean): Promise<T> {
  for (;;) {
    const found = itemsOf<T>(await viewer.next()).find(is);
    if (found !== undefined) return found;
  }
}

test('viewers who come while a device measures see each value once, from their first state on', async () => {
  const { device, token } = await make('measures');
  const topic = `device/${device.deviceId}/telemetry`;
  const begin = Date.now() - 60_000;
  const COUNT = 25;
  const watching: Promise<TestViewer>[] = [];
  const lane = async (series: string): Promise<void> => {
    for (let nth = 1; nth <= COUNT; nth++) {
      await post(token, 'telemetry', { at: begin + nth, values: { [series]: nth } });
      if (series === 'a' && nth % 5 === 1) watching.push(watch(topic));
    }
  };
  await Promise.all([lane('a'), lane('b')]);
  for (const viewer of await Promise.all(watching)) {
    const seen: Record<string, number> = {};
    let seq: number | null = null;
    while (seen.a !== COUNT || seen.b !== COUNT) {
      const frame = await viewer.next();
      const items = itemsOf<{ series: string; value: number }>(frame);
      assert.ok(frame.type === 'snapshot' || frame.type === 'change');
      if (seq !== null) assert.equal(frame.seq, seq + 1);
      seq = frame.seq;
      for (const { series, value } of items) {
        if (frame.type === 'change') assert.equal(value, (seen[series] ?? 0) + 1, `${series} after ${seen[series]}`);
        seen[series] = value;
      }
    }
    assert.equal(viewer.frames.length, 0);
  }
});

test('a command is seen from its making to its end by whoever watches it, its device or its site', async () => {
  const { device, token } = await make('obeys');
  const ofDevice = await watch(`device/${device.deviceId}/commands`);
  const ofSite = await watch(`site/${muster.siteId}/commands`);
  for (const viewer of [ofDevice, ofSite]) itemsOf(await viewer.next());
  const command = await muster.call<Command>('POST', `/api/devices/${device.deviceId}/commands`, { name: 'blink' });
  const ofCommand = await watch(`command/${command.commandId}`);
  const isIts = (state: string) => (one: Command) => one.commandId === command.commandId && one.state === state;
  for (const viewer of [ofDevice, ofSite, ofCommand]) await see(viewer, isIts('queued'));
  const socket = new WebSocket(`${muster.url.replace('http', 'ws')}/device/v1/socket`, {
    headers: { authorization: `Bearer ${token}` },
  });
  sockets.push(socket);
  socket.on('open', () => socket.send('{"type":"listen","commands":true}'));
  socket.on('message', (data) => {
    const { type, commandId } = JSON.parse(String(data)) as { type: string; commandId?: string };
    if (type !== 'command') return;
    socket.send(JSON.stringify({ type: 'commandReply', commandId, state: 'confirmed', result: { blinks: 3 } }));
  });
  for (const viewer of [ofDevice, ofSite, ofCommand]) {
    assert.deepEqual((await see(viewer, isIts('confirmed'))).result, { blinks: 3 });
  }
});

test('devices that come and go, twins, events and alerts are seen as they are stored', async () => {
  const { device, token } = await make('lives');
  const { deviceId } = device;
  const presence = await watch(`site/${muster.siteId}/presence`);
  const twin = await watch(`device/${deviceId}/twin`);
  const events = await watch(`device/${deviceId}/events`);
  const alerts = await watch(`site/${muster.siteId}/alerts`);
  for (const viewer of [presence, twin, events, alerts]) itemsOf(await viewer.next());

  const socket = new WebSocket(`${muster.url.replace('http', 'ws')}/device/v1/socket`, {
    headers: { authorization: `Bearer ${token}` },
  });
  sockets.push(socket);
  type Presence = { deviceId: string; connected: boolean };
  await see<Presence>(presence, (one) => one.deviceId === deviceId && one.connected);
  const late = await watch(`site/${muster.siteId}/presence`);
  await see<Presence>(late, (one) => one.deviceId === deviceId && one.connected);
  socket.close();
  await see<Presence>(presence, (one) => one.deviceId === deviceId && !one.connected);

  await muster.call('PATCH', `/api/devices/${deviceId}/twin/desired`, { patch: { led: 'red' } });
  const state = await see<{ desired: object; desiredVersion: number }>(
    twin,
    ({ desiredVersion }) => desiredVersion === 1,
  );
  assert.deepEqual(state.desired, { led: 'red' });

  await post(token, 'events', { name: 'door', level: 'warning', data: { open: true } });
  const event = await see<DeviceEvent>(events, ({ name }) => name === 'door');
  assert.deepEqual([event.level, event.data], ['warning', { open: true }]);

  await muster.call('POST', '/api/alert-rules', {
    siteId: muster.siteId,
    name: 'too hot',
    kind: 'threshold',
    params: { series: 'heat', side: 'above', limit: 80, hysteresis: 1 },
  });
  // a new rule watches a device a moment later: the device goes on measuring until then
  const measuring = new AbortController();
  const hot = (async () => {
    while (!measuring.signal.aborted) await post(token, 'telemetry', { values: { heat: 99 } });
  })();
  const opened = await see<Alert>(alerts, ({ ruleName, state }) => ruleName === 'too hot' && state === 'open').finally(
    () => measuring.abort(),
  );
  await hot;
  await muster.call('POST', `/api/alerts/${opened.alertId}/acknowledge`, {});
  await see<Alert>(alerts, ({ alertId, acknowledgedAt }) => alertId === opened.alertId && acknowledgedAt !== null);
  await post(token, 'telemetry', { values: { heat: 20 } });
  await see<Alert>(alerts, ({ alertId, state }) => alertId === opened.alertId && state === 'closed');
});

test("a member of one site sees its things; another site's look as if they were not there", async () => {
  const { device } = await make('ours');
  const other = await muster.call<{ siteId: string }>('POST', '/api/sites', { name: 'Elsewhere' });
  const { token } = await muster.person('viewer', other.siteId);
  const viewer = await watch(`site/${other.siteId}/alerts`, token);
  itemsOf(await viewer.next());
  for (const topic of [
    `device/${device.deviceId}/telemetry`,
    `site/${muster.siteId}/presence`,
    `site/${randomUUID()}/presence`,
    `command/${randomUUID()}`,
  ]) {
    viewer.send({ type: 'subscribe', topic });
    const frame = await viewer.next();
    assert.ok(frame.type === 'error' && frame.code === 'NOT_FOUND' && frame.topic === topic, JSON.stringify(frame));
  }
});

test('signing out closes the connections of that session, and no other', async () => {
  const { email, password } = TEST_ADMINISTRATOR;
  const session = await muster.call<SessionReply>('POST', '/api/sessions', { email, password });
  const topic = `site/${muster.siteId}/presence`;
  const [leaves, stays] = [await watch(topic, session.token), await watch(topic)];
  const reply = await fetch(`${muster.url}/api/sessions/current`, {
    method: 'DELETE',
    headers: { authorization: `Bearer ${session.token}` },
  });
  assert.equal(reply.status, 204);
  assert.deepEqual(await leaves.closed(), {
    code: LIVE_CLOSE_CODES.SIGN_IN_REQUIRED,
    reason: 'SIGN_IN_REQUIRED',
  });
  itemsOf(await stays.next());
  assert.equal(stays.socket.readyState, WebSocket.OPEN);
});

test('muster watch shows what a device does until it is interrupted, and nothing of others', async () => {
  const [{ device, token }, other] = [await make('Watched'), await make('Unwatched')];
  const folder = await mkdtemp(join(tmpdir(), 'muster-cli-watch-'));
  const env = {
    TZ: 'UTC',
    PATH: process.env.PATH,
    NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
    XDG_CONFIG_HOME: join(folder, 'config'),
  };
  const start = (...args: string[]) => spawn(process.execPath, [BIN, ...args], { env, timeout: 30_000 });
  const children: ChildProcess[] = [];
  try {
    await writeFile(join(folder, 'password'), `${TEST_ADMINISTRATOR.password}\n`);
    const login = ['login', '--server', muster.url, '--email', TEST_ADMINISTRATOR.email];
    const [code] = await once(start(...login, '--password-file', join(folder, 'password')), 'close');
    assert.equal(code, 0);
    await post(token, 'telemetry', { at: 1_000 + Date.now() - 60_000, values: { temp: 20 } });
    const people = start('watch', 'Watched');
    const machines = start('watch', device.deviceId, '--json');
    children.push(people, machines);
    const said = linesOf(people);
    const written = linesOf(machines);
    await said((line) => / {2}temp = 20$/.test(line));
    await written((line) => line.includes('"value":20'));
    await post(other.token, 'telemetry', { values: { temp: 99 } });
    await post(token, 'telemetry', { values: { temp: 21, mode: 'eco\u009b2J' } });
    await post(token, 'events', { name: 'door', level: 'warning', data: { open: true } });
    await muster.call('POST', `/api/devices/${device.deviceId}/commands`, { name: 'blink' });
    await said((line) => / {2}temp = 21$/.test(line));
    await said((line) => line.endsWith('mode = "eco\ufffd2J"'));
    await said((line) => line.endsWith('event "door" (warning) {"open":true}'));
    const seen = await said((line) => line.endsWith('command blink is queued'));
    assert.ok(!seen.some((line) => line.includes('99')));
    const last = JSON.parse((await written((line) => line.includes('"state":"queued"'))).at(-1) ?? '') as {
      topic: string;
    };
    assert.equal(last.topic, `device/${device.deviceId}/commands`);
    for (const child of children) {
      const closed = once(child, 'close');
      child.kill('SIGINT');
      assert.deepEqual(await closed, [0, null]);
    }
  } finally {
    for (const child of children) child.kill('SIGKILL');
    await rm(folder, { recursive: true });
  }
});

/** Waits for a line of a program; gives all lines up to it. */
function linesOf(child: ChildProcess): (is: (line: string) => boolean) => Promise<readonly string[]> {
  assert.ok(child.stdout !== null);
  const lines: string[] = [];
  const reader = createInterface({ input: child.stdout });
  reader.on('line', (line) => lines.push(line));
  return async (is) => {
    while (!lines.some(is)) await once(reader, 'line', { signal: AbortSignal.timeout(20_000) });
    return lines.slice(0, lines.findIndex(is) + 1);
  };
}
