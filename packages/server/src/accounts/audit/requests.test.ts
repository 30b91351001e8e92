import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { codeOf, type DeviceCreated, type Group, type Site } from '@muster/contract';
import { startTestServer, type TestServer } from '../../testing.ts';

/** What the audit keeps of requests to the real server. */
let muster: TestServer;
before(async () => {
  muster = await startTestServer();
});
after(() => muster.stop());

interface Row {
  readonly action: string;
  readonly outcome: string;
  readonly actor_kind: string;
  readonly actor_name: string | null;
  readonly site_id: string | null;
  readonly target_kind: string | null;
  readonly target_id: string | null;
  readonly before: Record<string, unknown> | null;
  readonly after: Record<string, unknown> | null;
  readonly reason: string | null;
  readonly request_id: string | null;
  readonly address: string | null;
}

const rows = (action: string): Promise<Row[]> =>
  muster.sql<Row>('SELECT * FROM audit_entries WHERE action = $1 ORDER BY entry_id', [action]);

test('a change has one row: who, what, and only what differs', async () => {
  const { siteId } = muster;
  await muster.call<Site>('PATCH', `/api/sites/${siteId}`, { name: 'Harbour' });
  const [row, ...more] = await rows('site.change');
  assert.ok(row !== undefined);
  assert.equal(more.length, 0);
  assert.deepEqual([row.actor_kind, row.actor_name, row.outcome], ['user', 'ada@example.com', 'succeeded']);
  assert.deepEqual([row.site_id, row.target_kind, row.target_id], [siteId, 'site', siteId]);
  assert.deepEqual([row.before, row.after], [{ name: 'Home' }, { name: 'Harbour' }]);
  assert.match(row.request_id ?? '', /^[0-9a-f-]{36}$/);
  assert.equal(row.address, '127.0.0.1');
});

test('what was made is kept without its secret, what was deleted as it was', async () => {
  const { device, token } = await muster.call<DeviceCreated>('POST', '/api/devices', { name: 'Pump' });
  const [made] = (await rows('device.create')).slice(-1);
  assert.equal((made?.after?.device as { name: string } | undefined)?.name, 'Pump');
  assert.ok(!JSON.stringify(made).includes(token));
  const group = await muster.call<Group>('POST', '/api/groups', { name: 'Pumps', deviceIds: [device.deviceId] });
  await muster.call('DELETE', `/api/groups/${group.groupId}`);
  const [gone] = (await rows('group.change')).slice(-1);
  assert.equal(gone?.before?.name, 'Pumps');
  assert.equal(gone?.after, null);
});

test('a change that fails leaves no row and no trace', async () => {
  const before = (await rows('site.change')).length;
  await assert.rejects(muster.call('PATCH', `/api/sites/${muster.siteId}`, { timeZone: 'Mars/Olympus' }));
  await assert.rejects(muster.call('POST', '/api/groups', { name: 'Void', deviceIds: [muster.siteId] }));
  assert.equal((await rows('site.change')).length, before);
  const { groups } = await muster.call<{ groups: Group[] }>('GET', '/api/groups');
  assert.ok(!groups.some(({ name }) => name === 'Void'));
});

test('a stranger who is refused is written down once a minute, not once a request', async () => {
  for (let nth = 0; nth < 5; nth++) {
    const reply = await fetch(`${muster.url}/api/devices`, { headers: { authorization: 'Bearer nothing' } });
    assert.equal(reply.status, 401);
  }
  const denied = await rows('device.list');
  assert.deepEqual(
    denied.map(({ actor_kind, outcome, reason }) => [actor_kind, outcome, reason]),
    [['anonymous', 'denied', 'signIn']],
  );
});

test('nobody changes or deletes a row, not even the server', async () => {
  for (const sql of ["UPDATE audit_entries SET reason = 'x'", 'DELETE FROM audit_entries', 'TRUNCATE audit_entries']) {
    await assert.rejects(muster.sql(sql), /never changed or deleted/);
  }
});

test('words of people that were read have a row before they leave', async () => {
  const { device } = await muster.call<DeviceCreated>('POST', '/api/devices', { name: 'Kitchen' });
  await muster.call('GET', `/api/devices/${device.deviceId}/turns`);
  const [row] = await rows('turn.read');
  assert.deepEqual([row?.target_kind, row?.target_id, row?.site_id], ['device', device.deviceId, muster.siteId]);
  await assert.rejects(
    muster.call('GET', `/api/devices/${muster.siteId}/turns`),
    (error) => codeOf(error) === 'NOT_FOUND',
  );
});
