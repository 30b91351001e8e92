import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  type CommandMessage,
  codeOf,
  type DeviceCreated,
  type DeviceCredentials,
  type RotateReply,
} from '@muster/contract';
import { connectLightMqtt, createXiaozhiDevice, type LightMqtt } from '@muster/testkit';
import { WebSocket } from 'ws';
import { startTestServer, type TestServer } from '../../testing.ts';

let muster: TestServer;
before(async () => {
  muster = await startTestServer();
});
after(() => muster.stop());

const make = (name: string): Promise<DeviceCreated> =>
  muster.call('POST', '/api/devices', { siteId: muster.siteId, name });
const rotate = ({ device }: DeviceCreated, body: object = {}): Promise<RotateReply> =>
  muster.call('POST', `/api/devices/${device.deviceId}/credentials/rotate`, body);
const shown = ({ device }: Pick<DeviceCreated, 'device'>): Promise<DeviceCredentials> =>
  muster.call('GET', `/api/devices/${device.deviceId}/credentials`);

interface Told extends LightMqtt {
  /** The next token that it is told on this connection. */
  readonly token: Promise<{ readonly token: string; readonly rotationId: string }>;
  readonly closed: Promise<void>;
}

/** A device over MQTT, which keeps nothing by itself: that is the test's. */
async function connect(token: string): Promise<Told> {
  const told = Promise.withResolvers<{ token: string; rotationId: string }>();
  const closed = Promise.withResolvers<void>();
  const client = await connectLightMqtt({
    host: '127.0.0.1',
    port: muster.server.mqtt.port ?? 0,
    username: 'me',
    password: token,
    onMessage(topic, payload) {
      const { name, args, commandId } = JSON.parse(String(payload)) as CommandMessage;
      if (topic === 'devices/me/commands' && name === 'replaceToken') {
        told.resolve({ token: String(args.token), rotationId: commandId });
      }
    },
    onClose: () => closed.resolve(),
  });
  await client.subscribe(['devices/me/commands'], 1);
  return Object.assign(Object.create(client) as LightMqtt, { token: told.promise, closed: closed.promise });
}

const ask = async (token: string): Promise<number> =>
  (await fetch(`${muster.url}/device/v1/time`, { headers: { authorization: `Bearer ${token}` } })).status;
const refused = (token: string) => assert.rejects(connect(token), { code: 'DEVICE_TOKEN_INVALID' });

test('a device is told its new token at each connect until it uses it; a loss of power at any moment locks nobody out', async () => {
  const made = await make('Loses its power');
  const { rotation, token } = await rotate(made);
  assert.deepEqual([rotation.state, token], ['waiting', null]);
  // before it received anything: it was away
  const first = await connect(made.token);
  const { token: lost } = await first.token;
  // after it received it and before it stored it: what it knew is gone
  first.drop();
  await first.closed;
  assert.equal((await shown(made)).rotation?.state, 'told');
  const second = await connect(made.token);
  const { token: kept, rotationId } = await second.token;
  assert.equal(kept, lost, 'the same token, however often it is told');
  assert.equal(rotationId, rotation.rotationId);
  // it stores it, says so, and loses its power before it used it
  await second.publish('devices/me/commands/reply', JSON.stringify({ commandId: rotationId, state: 'confirmed' }), 1);
  second.drop();
  await second.closed;
  // what it says is not its use: the old one still works, also for one that lost the new one after all
  const old = await connect(made.token);
  const both = await shown(made);
  assert.deepEqual(both.credentials.map(({ state }) => state).sort(), ['ending', 'new']);
  assert.equal(both.rotation?.endedAt, null);

  const renewed = await connect(kept);
  await old.closed;
  assert.equal(renewed.open, true, 'the connection with the new token stays');
  await refused(made.token);
  assert.equal(await ask(made.token), 401);
  assert.equal(await ask(kept), 200);
  const after = await shown(made);
  assert.deepEqual(
    after.credentials.map(({ kind, state }) => [kind, state]),
    [['token', 'active']],
  );
  assert.equal(after.rotation?.state, 'confirmed');
  await renewed.end();
});

test('a token that HTTP knows by heart ends with the first use of the new one', async () => {
  const made = await make('Polls');
  await rotate(made);
  assert.equal(await ask(made.token), 200);
  const poll = await fetch(`${muster.url}/device/v1/commands?waitMs=5000`, {
    headers: { authorization: `Bearer ${made.token}` },
  });
  const { args, name } = (await poll.json()) as CommandMessage;
  assert.equal(name, 'replaceToken');
  assert.equal(await ask(made.token), 200);
  assert.equal(await ask(String(args.token)), 200);
  const begun = performance.now();
  while ((await ask(made.token)) !== 401) assert.ok(performance.now() - begun < 1_000, 'at once on this server');
});

test('over WebSocket the device is told, and its old connection ends', async () => {
  const made = await make('Socket');
  const open = async (token: string) => {
    const url = `${muster.url.replace('http', 'ws')}/device/v1/socket`;
    const socket = new WebSocket(url, { headers: { authorization: `Bearer ${token}` } });
    const told = Promise.withResolvers<string>();
    const closed = new Promise<string>((resolve) => {
      socket.once('close', (_code, reason) => resolve(String(reason)));
    });
    socket.on('message', (data) => {
      const { type, name, args } = JSON.parse(String(data));
      if (type === 'command' && name === 'replaceToken') told.resolve(args.token);
    });
    await new Promise((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('error', reject);
    });
    socket.send(JSON.stringify({ type: 'listen', id: 1, commands: true }));
    return { socket, told: told.promise, closed };
  };
  const old = await open(made.token);
  // it is connected when it begins
  await rotate(made);
  const renewed = await open(await old.told);
  assert.equal(await old.closed, 'TOKEN_REPLACED');
  assert.equal(renewed.socket.readyState, WebSocket.OPEN);
  renewed.socket.close();
});

test('a Xiaozhi board gets its new token with its boot request, the same one until it used it', async () => {
  const board = createXiaozhiDevice({
    otaUrl: muster.otaUrl,
    hardwareId: '02:00:00:00:03:01',
    clientId: '6ba7b810-9dad-11d1-80b4-00c04fd430c1',
  });
  let deviceId = '';
  await board.activateWith(async (code) => {
    deviceId = await muster.activate(code);
  });
  await board.connect();
  const boot = async (): Promise<string> => {
    const reply = await fetch(muster.otaUrl, {
      method: 'POST',
      headers: {
        'device-id': board.options.hardwareId,
        'client-id': board.options.clientId ?? '',
        'content-type': 'application/json',
      },
      body: '{}',
    });
    return ((await reply.json()) as { websocket: { token: string } }).websocket.token;
  };
  await muster.call('POST', `/api/devices/${deviceId}/credentials/rotate`, {});
  const token = await boot();
  assert.equal(await boot(), token);
  const credentials = await muster.call<DeviceCredentials>('GET', `/api/devices/${deviceId}/credentials`);
  assert.equal(credentials.rotation?.state, 'told');
  assert.ok(credentials.credentials.some(({ state }) => state === 'ending'));
  const old = board.closed();
  const url = `${muster.url.replace('http', 'ws')}/xiaozhi/v1/`;
  const headers = {
    authorization: `Bearer ${token}`,
    'device-id': board.options.hardwareId,
    'client-id': board.options.clientId ?? '',
    'protocol-version': '1',
  };
  const socket = new WebSocket(url, { headers });
  await new Promise((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });
  await old;
  const done = await muster.call<DeviceCredentials>('GET', `/api/devices/${deviceId}/credentials`);
  assert.equal(done.rotation?.state, 'confirmed');
  assert.equal(done.credentials.length, 1);
  assert.equal(socket.readyState, WebSocket.OPEN);
  socket.close();
});

test('a board whose memory was erased while a new token was on its way gets one that works', async () => {
  const options = { otaUrl: muster.otaUrl, hardwareId: '02:00:00:00:03:02' };
  const activate = async (clientId: string) => {
    const board = createXiaozhiDevice({ ...options, clientId });
    let deviceId = '';
    await board.activateWith(async (code) => {
      deviceId = await muster.activate(code);
    });
    return { board, deviceId };
  };
  const { deviceId } = await activate(crypto.randomUUID());
  await muster.call('POST', `/api/devices/${deviceId}/credentials/rotate`, {});
  const again = await activate(crypto.randomUUID());
  assert.equal(again.deviceId, deviceId);
  await again.board.connect();
  again.board.close();
  const { rotation } = await muster.call<DeviceCredentials>('GET', `/api/devices/${deviceId}/credentials`);
  assert.equal(rotation?.state, 'cancelled');
});

test('one at a time; taken back, the new token ends and the old one goes on', async () => {
  const made = await make('Cancelled');
  await rotate(made);
  await assert.rejects(rotate(made), { code: 'CONFLICT' });
  const device = await connect(made.token);
  const { token } = await device.token;
  const path = `/api/devices/${made.device.deviceId}/credentials/rotation/cancel`;
  const { credentials, rotation } = await muster.call<DeviceCredentials>('POST', path);
  assert.equal(rotation?.state, 'cancelled');
  assert.deepEqual(
    credentials.map(({ state, endsAt }) => [state, endsAt]),
    [['active', null]],
  );
  await refused(token);
  assert.equal(device.open, true);
  await assert.rejects(muster.call('POST', path), { code: 'CONFLICT' });
  await device.end();
});

test('a device that refuses keeps its old token', async () => {
  const made = await make('Refuses');
  const device = await connect(made.token);
  await rotate(made);
  const { token, rotationId } = await device.token;
  const reply = { commandId: rotationId, state: 'rejected', error: { code: 'COMMAND_UNKNOWN', message: 'no such' } };
  await device.publish('devices/me/commands/reply', JSON.stringify(reply), 1);
  const { rotation } = await shown(made);
  assert.deepEqual([rotation?.state, rotation?.fault], ['refused', 'COMMAND_UNKNOWN no such']);
  await refused(token);
  assert.equal(await ask(made.token), 200);
  await device.end();
});

test('at the end of the grace the old token ends, used or not', async () => {
  const made = await make('Never uses it');
  const device = await connect(made.token);
  await rotate(made, { graceMs: 60_000 });
  const { token } = await device.token;
  const past = Date.now() - 1;
  await muster.sql('UPDATE token_rotations SET grace_ends_at = $1 WHERE device_id = $2', [past, made.device.deviceId]);
  await muster.sql('UPDATE device_tokens SET ends_at = $1 WHERE ends_at IS NOT NULL AND device_id = $2', [
    past,
    made.device.deviceId,
  ]);
  await refused(made.token);
  await device.closed;
  assert.equal((await shown(made)).rotation?.state, 'graceEnded');
  // one that stored it and was away for long still gets in
  const back = await connect(token);
  await back.end();
  for (const graceMs of [59_999, 90 * 86_400_000 + 1]) {
    await assert.rejects(rotate(made, { graceMs }), { code: 'REQUEST_INVALID' });
  }
});

test('a person gets the token only while no connection can take it, once; no store and no record has it in plain', async () => {
  const made = await make('By hand');
  const device = await connect(made.token);
  await assert.rejects(rotate(made, { deliver: 'person' }), { code: 'CONFLICT' });
  await device.end();
  while ((await muster.call<{ connected: boolean }>('GET', `/api/devices/${made.device.deviceId}`)).connected);
  const { token } = await rotate(made, { deliver: 'person' });
  assert.ok(token !== null);
  const back = await connect(made.token);
  const other = await make('By wire');
  await rotate(other);
  const told = await connect(other.token);
  const secrets = [token, (await told.token).token];
  for (const table of ['audit_entries', 'token_rotations', 'device_tokens', 'commands', 'credential_ends']) {
    const rows = JSON.stringify(await muster.sql(`SELECT t::text FROM ${table} AS t`));
    for (const secret of secrets) {
      assert.ok(!rows.includes(secret), table);
      assert.ok(!rows.includes(Buffer.from(secret).toString('hex')), table);
    }
  }
  assert.ok(JSON.stringify(await muster.sql('SELECT t::text FROM audit_entries AS t')).includes('device.rotate'));
  const used = await connect(token);
  await back.closed;
  for (const one of [told, used]) await one.end();
});

test('what a revoked device had ends; one that was revoked gets no new token', async () => {
  const made = await make('Revoked');
  await rotate(made);
  const device = await connect(made.token);
  const { token } = await device.token;
  await muster.call('POST', `/api/devices/${made.device.deviceId}/revoke`);
  await device.closed;
  for (const one of [made.token, token]) await refused(one);
  assert.equal((await shown(made)).rotation?.state, 'cancelled');
  const error = await rotate(made).catch((cause: unknown) => cause);
  assert.equal(codeOf(error), 'CONFLICT');
});
