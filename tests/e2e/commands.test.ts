import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import {
  type Command,
  type CommandList,
  type CommandRun,
  type CommandRunDeviceList,
  type DeviceCreated,
  type ErrorReply,
  type Group,
  MusterError,
  type TwinState,
} from '@muster/contract';
import { assemble } from '@muster/server';
import { startTestServer, type TestServer } from '@muster/server/testing';
import { connectLightMqtt, createStubVoice, type LightMqtt } from '@muster/testkit';

/** What a language model gets of a turn, as far as this needs it. */
interface ThinkRequest {
  readonly signal: AbortSignal;
  readonly callTool: (name: string, args: object) => Promise<string>;
}

/** Commands, runs and twins through the whole server, over the wires that devices of others speak. */
let muster: TestServer;
const dataDir = await mkdtemp(join(tmpdir(), 'muster-commands-'));
const stub = createStubVoice();
const script = { think: stub.llm.think };
const llm = { ...stub.llm, think: (...call: Parameters<typeof stub.llm.think>) => script.think(...call) };
const open = new Set<LightMqtt>();

async function start(): Promise<void> {
  const providers = assemble({ stt: [stub.stt], llm: [llm], tts: [stub.tts] });
  muster = await startTestServer({ dataDir, parts: { vad: stub.vad, providers } });
}
before(start);
after(async () => {
  for (const client of open) client.drop();
  await muster.stop();
  await rm(dataDir, { recursive: true, force: true });
});

const create = (name: string, tags: string[] = []): Promise<DeviceCreated> =>
  muster.call<DeviceCreated>('POST', '/api/devices', { name, tags });

interface Client extends LightMqtt {
  /** Messages that came, by their order. */
  readonly came: { readonly topic: string; readonly body: Record<string, unknown> }[];
  /** The next that came and was not taken yet. */
  next(): Promise<{ readonly topic: string; readonly body: Record<string, unknown> }>;
}

async function mqtt(token: string, ...filters: string[]): Promise<Client> {
  const came: Client['came'] = [];
  let wake = (): void => undefined;
  const client = await connectLightMqtt({
    host: '127.0.0.1',
    port: muster.server.mqtt.port ?? 0,
    // ThingsBoard's devices give their token as the user name
    username: token,
    password: '',
    onMessage(topic, payload) {
      came.push({ topic, body: JSON.parse(String(payload)) });
      wake();
    },
  });
  open.add(client);
  for (const filter of filters) await client.subscribe(filter);
  let taken = 0;
  return Object.assign(Object.create(client) as LightMqtt, {
    came,
    async next() {
      while (came.length <= taken) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      const found = came[taken++];
      assert.ok(found !== undefined);
      return found;
    },
  });
}

async function post(
  path: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: Command & ErrorReply }> {
  const reply = await fetch(muster.url + path, {
    method: 'POST',
    headers: { authorization: `Bearer ${muster.token}`, 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  return { status: reply.status, body: (await reply.json()) as Command & ErrorReply };
}

test('Idempotency-Key: the same body is the same command, another is 422, also after a restart', async () => {
  const { device } = await create('idempotent');
  const path = `/api/devices/${device.deviceId}/commands`;
  const key = { 'idempotency-key': 'k1' };
  const first = await post(path, { name: 'open', args: { a: 1 } }, key);
  const again = await post(path, { name: 'open', args: { a: 1 } }, key);
  assert.deepEqual([first.status, again.status], [201, 200]);
  assert.equal(again.body.commandId, first.body.commandId);
  const other = await post(path, { name: 'open', args: { a: 2 } }, key);
  assert.deepEqual([other.status, other.body.error.code], [422, 'IDEMPOTENCY_MISMATCH']);
  await muster.server.stop();
  await start();
  const later = await post(path, { name: 'open', args: { a: 1 } }, key);
  assert.deepEqual([later.status, later.body.commandId], [200, first.body.commandId]);
});

test('a long-poll ends with the command, and a client that hangs up leaves nobody waiting', async () => {
  const { device, token } = await create('awaited');
  const client = await mqtt(token, 'devices/me/commands');
  const { body: sent } = await post(`/api/devices/${device.deviceId}/commands`, { name: 'open', deadlineMs: 60_000 });
  const { body: message } = await client.next();
  assert.equal(message.commandId, sent.commandId);
  const hangUp = new AbortController();
  const url = `${muster.url}/api/commands/${sent.commandId}?waitMs=30000`;
  const headers = { authorization: `Bearer ${muster.token}` };
  const gone = fetch(url, { headers, signal: hangUp.signal }).catch((error: Error) => error.name);
  const waiting = muster.call<Command>('GET', `/api/commands/${sent.commandId}?waitMs=30000`);
  await waiters(2);
  hangUp.abort();
  assert.equal(await gone, 'AbortError');
  await waiters(1);
  await client.publish('devices/me/commands/reply', JSON.stringify({ commandId: sent.commandId, state: 'confirmed' }));
  assert.equal((await waiting).state, 'confirmed');
  await waiters(0);
});

test('nothing is sent to a device that was revoked', async () => {
  const { device } = await create('revoked');
  await muster.call('POST', `/api/devices/${device.deviceId}/revoke`);
  const { status, body } = await post(`/api/devices/${device.deviceId}/commands`, { name: 'open' });
  assert.deepEqual([status, body.error.code, body.error.message], [409, 'CONFLICT', 'The device is revoked.']);
});

/** Waits until so many requests wait for a command. */
async function waiters(count: number): Promise<void> {
  for (let left = 500; left > 0; left--) {
    const reply = await fetch(`${muster.url}/metrics`, { headers: { authorization: `Bearer ${muster.token}` } });
    if (Number(/^muster_command_waiters (\d+)/m.exec(await reply.text())?.[1]) === count) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.fail(`never ${count} that wait`);
}

test('tools of a voice device are its commands: a person and the assistant send them on the same way', async () => {
  const device = await muster.connect();
  const path = `/api/devices/${device.id}/commands`;
  const { body: done } = await post(`${path}?waitMs=10000`, {
    name: 'self.audio_speaker.set_volume',
    args: { volume: 31 },
  });
  assert.deepEqual([done.state, done.result, device.state.volume], ['confirmed', 'true', 31]);
  const { body: failed } = await post(`${path}?waitMs=10000`, {
    name: 'self.audio_speaker.set_volume',
    args: { volume: 300 },
  });
  assert.deepEqual(
    [failed.state, failed.error?.code, failed.error?.message],
    ['failed', 'TOOL_FAILED', 'Value exceeds maximum allowed: 100'],
  );

  const results: string[] = [];
  script.think = async function* (request) {
    const { callTool } = request as ThinkRequest;
    results.push(await callTool('self.audio_speaker.set_volume', { volume: 55 }));
    results.push(
      await callTool('self.audio_speaker.set_volume', { volume: 500 }).catch((error: Error) => error.message),
    );
    yield { type: 'text', text: 'Done.' };
  };
  await device.say('louder please');
  script.think = stub.llm.think;
  assert.deepEqual(results, ['true', 'Value exceeds maximum allowed: 100']);
  assert.equal(device.state.volume, 55);
  const { commands } = await muster.call<CommandList>('GET', path);
  assert.deepEqual(
    commands.map(({ sentBy, state }) => [sentBy.split(':')[0], state]),
    [
      ['assistant', 'failed'],
      ['assistant', 'confirmed'],
      ['user', 'failed'],
      ['user', 'confirmed'],
    ],
  );
  await device.close();

  const { body: waits } = await post(path, {
    name: 'self.audio_speaker.set_volume',
    args: { volume: 12 },
    deadlineMs: 60_000,
  });
  await device.connect();
  const late = await muster.call<Command>('GET', `/api/commands/${waits.commandId}?waitMs=10000`);
  assert.deepEqual([late.state, device.state.volume], ['confirmed', 12], 'it goes out when the tools are known');
  await device.close();
});

test("ThingsBoard's RPC over MQTT: two-way is confirmed, one-way is unknown, a late answer ends nothing else", async () => {
  const { device, token } = await create('thermostat');
  const path = `/api/devices/${device.deviceId}/commands`;
  const client = await mqtt(token, 'v1/devices/me/rpc/request/+');
  const twoWay = post(`${path}?waitMs=10000`, { name: 'setTemperature', args: { to: 21 } });
  const asked = await client.next();
  assert.deepEqual(asked.body, { method: 'setTemperature', params: { to: 21 } });
  const answer = (topic: string, body: object): Promise<number> =>
    client.publish(topic.replace('request', 'response'), JSON.stringify(body));
  await answer(asked.topic, { is: 21 });
  const { body: command } = await twoWay;
  assert.deepEqual([command.state, command.result], ['confirmed', { is: 21 }]);

  const { body: oneWay } = await post(`${path}?waitMs=10000`, { name: 'blink', deadlineMs: 300 });
  const blink = await client.next();
  assert.deepEqual([oneWay.state, oneWay.error?.code], ['unknown', 'COMMAND_UNCONFIRMED'], 'sent is not done');

  const again = await mqtt(token, 'v1/devices/me/rpc/request/+');
  const { body: next } = await post(path, { name: 'open', deadlineMs: 60_000 });
  const opened = await again.next();
  assert.notEqual(opened.topic, blink.topic);
  await again.publish(blink.topic.replace('request', 'response'), '{}');
  await again.publish('v1/devices/me/rpc/response/1', '{}');
  assert.equal((await muster.call<Command>('GET', `/api/commands/${next.commandId}`)).state, 'sent');
  await again.publish(opened.topic.replace('request', 'response'), '{"open":true}');
  assert.equal((await muster.call<Command>('GET', `/api/commands/${next.commandId}`)).state, 'confirmed');
});

test("ThingsBoard's RPC over HTTP: long-poll and answer", async () => {
  const { device, token } = await create('poller');
  const polled = fetch(`${muster.url}/api/v1/${token}/rpc?timeout=10000`);
  const sent = post(`/api/devices/${device.deviceId}/commands?waitMs=10000`, { name: 'read', args: { what: 'x' } });
  const rpc = (await (await polled).json()) as { id: string; method: string; params: object };
  assert.deepEqual([rpc.method, rpc.params], ['read', { what: 'x' }]);
  const reply = await fetch(`${muster.url}/api/v1/${token}/rpc/${rpc.id}`, { method: 'POST', body: '{"x":5}' });
  assert.equal(reply.status, 200);
  const { body: command } = await sent;
  assert.deepEqual([command.state, command.result], ['confirmed', { x: 5 }]);
  const none = await fetch(`${muster.url}/api/v1/${token}/rpc?timeout=10`);
  assert.equal(none.status, 408);
});

test('a device that was away hears what is wanted of it: MQTT, HTTP, and attributes of ThingsBoard', async () => {
  const { device, token } = await create('sleeper');
  const desired = `/api/devices/${device.deviceId}/twin/desired`;
  await muster.call('PATCH', desired, { patch: { led: { on: true }, volume: 3 } });
  const delta = { led: { on: true }, volume: 3 };

  const ours = await mqtt(token, 'devices/me/twin/delta');
  assert.deepEqual((await ours.next()).body, { version: 1, delta });
  ours.drop();

  const reply = await fetch(`${muster.url}/device/v1/twin`, { headers: { authorization: `Bearer ${token}` } });
  const twin = (await reply.json()) as TwinState;
  assert.deepEqual([twin.desiredVersion, twin.delta], [1, delta]);

  const theirs = await mqtt(token, 'v1/devices/me/attributes');
  assert.deepEqual((await theirs.next()).body, delta);
  await theirs.publish('v1/devices/me/attributes', JSON.stringify({ volume: 3 }));
  await muster.call('PATCH', desired, { patch: { led: { on: false } } });
  assert.deepEqual((await theirs.next()).body, { led: { on: false } }, 'and at once while it is here');
  theirs.drop();
  const shared = await fetch(`${muster.url}/api/v1/${token}/attributes?sharedKeys=volume`);
  assert.deepEqual(await shared.json(), { shared: { volume: 3 } });
});

test('text that cannot be stored is refused, and is no fault of the server', async () => {
  const { device, token } = await create('hostile');
  const refusal = (work: Promise<unknown>): Promise<string> =>
    work.then(
      () => 'done',
      (error: unknown) => (error instanceof MusterError ? error.code : String(error)),
    );
  for (const text of ['\u0000', '\ud800']) {
    const desired = muster.call('PATCH', `/api/devices/${device.deviceId}/twin/desired`, { patch: { text } });
    assert.equal(await refusal(desired), 'REQUEST_INVALID');
    const sent = muster.call('POST', `/api/devices/${device.deviceId}/commands`, { name: 'say', args: { text } });
    assert.equal(await refusal(sent), 'REQUEST_INVALID');
    for (const [method, path, body] of [
      ['PATCH', 'twin', { reported: { text } }],
      ['POST', 'events', { name: 'said', data: { text } }],
      ['POST', 'telemetry', { values: { said: text } }],
    ] as const) {
      const reply = await fetch(`${muster.url}/device/v1/${path}`, {
        method,
        headers: { authorization: `Bearer ${token}` },
        body: JSON.stringify(body),
      });
      const { error } = (await reply.json()) as ErrorReply;
      assert.deepEqual([reply.status, error.code], [400, 'MESSAGE_INVALID'], `${path} ${JSON.stringify(text)}`);
    }
  }
});

test('a command to a group: its devices are fixed at the start, the counts add up, failures are listed', async () => {
  const made = await Promise.all([1, 2, 3].map((nth) => create(`lamp ${nth}`, ['lamp'])));
  const group = await muster.call<Group>('POST', '/api/groups', { name: 'lamps', query: { all: [{ tag: 'lamp' }] } });
  const clients = await Promise.all(made.map(({ token }) => mqtt(token, 'devices/me/commands')));
  const begun = await post(
    `/api/groups/${group.groupId}/commands`,
    { name: 'blink', atOnce: 2, deadlineMs: 60_000 },
    { 'idempotency-key': 'run' },
  );
  const run = begun.body as unknown as CommandRun;
  assert.deepEqual([begun.status, run.devices, run.state], [201, 3, 'running']);
  const late = await create('lamp 4', ['lamp']);
  const again = await post(
    `/api/groups/${group.groupId}/commands`,
    { name: 'blink', atOnce: 2, deadlineMs: 60_000 },
    { 'idempotency-key': 'run' },
  );
  assert.deepEqual([again.status, (again.body as unknown as CommandRun).runId], [200, run.runId]);
  const waiting = muster.call<CommandRun>('GET', `/api/command-runs/${run.runId}?waitMs=20000`);
  await Promise.all(
    clients.map(async (client, nth) => {
      const { body } = await client.next();
      const state = nth === 0 ? 'rejected' : 'confirmed';
      await client.publish('devices/me/commands/reply', JSON.stringify({ commandId: body.commandId, state }));
    }),
  );
  const done = await waiting;
  assert.deepEqual([done.state, done.counts, done.failed], ['done', { confirmed: 2, rejected: 1 }, 1]);
  const failures = `/api/command-runs/${run.runId}/devices?failed=true`;
  const { devices } = await muster.call<CommandRunDeviceList>('GET', failures);
  assert.deepEqual(
    devices.map(({ deviceId, name, state }) => [deviceId, name, state]),
    [[made[0]?.device.deviceId, 'lamp 1', 'rejected']],
  );
  const { commands } = await muster.call<CommandList>('GET', `/api/devices/${late.device.deviceId}/commands`);
  assert.deepEqual(commands, [], 'who joins later is not in it');
  const { runs } = await muster.call<{ runs: CommandRun[] }>('GET', `/api/command-runs?groupId=${group.groupId}`);
  assert.deepEqual(
    runs.map(({ runId }) => runId),
    [run.runId],
  );
  const cancel = await post(`/api/command-runs/${run.runId}/cancel`, {});
  assert.deepEqual([cancel.status, cancel.body.error.code], [409, 'COMMAND_ENDED']);
});
