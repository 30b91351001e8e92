import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import type { CommandMessage, Decommission, DeviceCreated } from '@muster/contract';
import { connectLightMqtt, createXiaozhiDevice, type LightMqtt } from '@muster/testkit';
import { WebSocket } from 'ws';
import { startTestServer, type TestServer } from '../../testing.ts';
import { ERASED, KEPT } from './erasure.ts';

let muster: TestServer;
before(async () => {
  muster = await startTestServer();
});
after(() => muster.stop());

const make = (name: string): Promise<DeviceCreated> =>
  muster.call('POST', '/api/devices', { siteId: muster.siteId, name });
const decommission = (deviceId: string, body: object = {}): Promise<Decommission> =>
  muster.call('POST', `/api/devices/${deviceId}/decommission`, body);
const shown = (deviceId: string): Promise<Decommission> => muster.call('GET', `/api/devices/${deviceId}/decommission`);

async function ended(deviceId: string): Promise<Decommission> {
  const until = performance.now() + 30_000;
  for (;;) {
    const one = await shown(deviceId);
    if (one.state === 'done') return one;
    assert.ok(performance.now() < until, `still ${one.state}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function connect(
  token: string,
  onReset: (client: LightMqtt, commandId: string) => void,
): Promise<{ readonly closed: Promise<void> }> {
  const closed = Promise.withResolvers<void>();
  const client = await connectLightMqtt({
    host: '127.0.0.1',
    port: muster.server.mqtt.port ?? 0,
    username: 'me',
    password: token,
    onMessage(_topic, payload) {
      const { name, commandId } = JSON.parse(String(payload)) as CommandMessage;
      if (name === 'factoryReset') onReset(client, commandId);
    },
    onClose: () => closed.resolve(),
  });
  await client.subscribe(['devices/me/commands'], 1);
  return { closed: closed.promise };
}

const ask = async (token: string): Promise<{ status: number; code: string }> => {
  const reply = await fetch(`${muster.url}/device/v1/time`, { headers: { authorization: `Bearer ${token}` } });
  return { status: reply.status, code: ((await reply.json()) as { error?: { code: string } }).error?.code ?? '' };
};

test('every table with something of a device is erased, or kept for a reason that is written down', async () => {
  const rows = await muster.sql<{ table_name: string; column_name: string }>(
    `SELECT c.table_name, column_name FROM information_schema.columns c
     JOIN pg_class ON relname = c.table_name AND relnamespace = 'public'::regnamespace AND NOT relispartition
     WHERE table_schema = 'public' AND column_name IN ('device_id', 'series_id', 'subject')`,
  );
  assert.ok(rows.length >= 25, String(rows.length));
  const erased = new Set([...ERASED.map(({ table }) => table), ...Object.keys(KEPT)]);
  // measurements are in tables of their class; subjects of authorities and of people who sign in elsewhere are no devices
  const left = rows
    .map(({ table_name }) => table_name)
    .filter((name) => !erased.has(name) && !/^(points|rollup_1[mhd])_\d+$/.test(name))
    .filter((name) => !['certificate_authorities', 'user_identities'].includes(name));
  assert.deepEqual(left, []);
  // what hangs on a table of a device hangs on the device
  const references = await muster.sql<{ child: string; parent: string }>(
    `SELECT conrelid::regclass::text AS child, confrelid::regclass::text AS parent FROM pg_constraint
     WHERE contype = 'f' AND confrelid::regclass::text = ANY($1)`,
    [ERASED.map(({ table }) => table)],
  );
  const known = new Set([...erased, 'alert_notifications']);
  assert.deepEqual(
    references.filter(({ child }) => !known.has(child)),
    [],
  );
});

test('a connected device is told to reset, its keys are wiped, its data goes, and its old token hears why', async () => {
  const made = await make('Leaves');
  const { deviceId } = made.device;
  const headers = { authorization: `Bearer ${made.token}` };
  for (const [path, body] of [
    ['telemetry', { values: { heat: 21, words: 'private' } }],
    ['events', { name: 'opened', data: { by: 'somebody' } }],
  ] as const) {
    await fetch(`${muster.url}/device/v1/${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
  }
  await fetch(`${muster.url}/device/v1/twin`, { method: 'PATCH', headers, body: '{"reported":{"where":"bedroom"}}' });
  await muster.call('POST', '/api/groups', { siteId: muster.siteId, name: 'With it', deviceIds: [deviceId] });
  await muster.call('POST', '/api/maintenance', {
    siteId: muster.siteId,
    deviceId,
    beginsAt: Date.now(),
    endsAt: Date.now() + 60_000,
  });
  await muster.call('POST', `/api/devices/${deviceId}/commands`, { name: 'blink' });
  const { closed } = await connect(made.token, (client, commandId) => {
    client
      .publish('devices/me/commands/reply', JSON.stringify({ commandId, state: 'acked' }), 1)
      .catch(() => undefined);
  });
  const socket = new WebSocket(`${muster.url.replace('http', 'ws')}/device/v1/socket`, { headers });
  await once(socket, 'open');
  const reason = once(socket, 'close');
  assert.equal((await shown(deviceId)).state, 'none');

  const begun = await decommission(deviceId);
  assert.equal(begun.state, 'resetting');
  await assert.rejects(decommission(deviceId), { code: 'CONFLICT' });
  await closed;
  assert.equal(String((await reason)[1]), 'DEVICE_DECOMMISSIONED');
  assert.deepEqual(await ask(made.token), { status: 410, code: 'DEVICE_DECOMMISSIONED' });
  await assert.rejects(connect(made.token, () => undefined));
  const { resetConfirmed, erasedRows } = await ended(deviceId);
  assert.equal(resetConfirmed, true);
  assert.ok(erasedRows >= 10, String(erasedRows));

  await assert.rejects(muster.call('GET', `/api/devices/${deviceId}`), { code: 'NOT_FOUND' });
  const tables = await muster.sql<{ name: string; holds: boolean }>(
    `SELECT table_name AS name, (xpath('/row/c/text()', query_to_xml(
       format('SELECT count(*) AS c FROM %I AS t WHERE t::text LIKE %L', table_name, '%' || $1 || '%'), false, true, '')))[1]::text <> '0' AS holds
     FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'`,
    [deviceId],
  );
  const holders = tables.filter(({ holds }) => holds).map(({ name }) => name);
  assert.deepEqual(holders.filter((name) => !/^audit_/.test(name)).sort(), ['decommissions']);
  // after its data went, too
  assert.deepEqual(await ask(made.token), { status: 410, code: 'DEVICE_DECOMMISSIONED' });
});

test('a device that is away, or says nothing, is decommissioned all the same; the answer says that it was not confirmed', async () => {
  const away = await make('Away');
  await decommission(away.device.deviceId);
  const silent = await make('Silent');
  const { closed } = await connect(silent.token, () => undefined);
  while (!(await muster.call<{ connected: boolean }>('GET', `/api/devices/${silent.device.deviceId}`)).connected);
  await decommission(silent.device.deviceId, { resetMs: 200 });
  await closed;
  for (const { device } of [away, silent]) assert.equal((await ended(device.deviceId)).resetConfirmed, false);
});

test('a board that was decommissioned shows a fresh code, and is another device when it is typed', async () => {
  const options = { otaUrl: muster.otaUrl, hardwareId: '02:00:00:00:06:01', clientId: crypto.randomUUID() };
  const board = createXiaozhiDevice(options);
  let first = '';
  await board.activateWith(async (code) => {
    first = await muster.activate(code);
  });
  await board.connect();
  await muster.call('PATCH', `/api/devices/${first}`, { name: 'Old name', tags: ['old'] });
  await decommission(first, { resetMs: 0 });
  await board.closed();
  await ended(first);
  const again = createXiaozhiDevice(options);
  let second = '';
  await again.activateWith(async (code) => {
    second = await muster.activate(code);
  });
  await again.connect();
  assert.notEqual(second, first);
  const device = await muster.call<{ name: string; tags: string[] }>('GET', `/api/devices/${second}`);
  assert.notEqual(device.name, 'Old name');
  assert.deepEqual(device.tags, []);
  again.close();
});

test('it asks for a fresh proof of who one is', async () => {
  const owner = await muster.person('owner');
  const made = await make('Guarded');
  await muster.sql('UPDATE sessions SET proved_at = 0 WHERE user_id = $1', [owner.userId]);
  await assert.rejects(owner.call('POST', `/api/devices/${made.device.deviceId}/decommission`, {}), {
    code: /STEP_UP_REQUIRED|SECOND_FACTOR_REQUIRED/,
  });
});
