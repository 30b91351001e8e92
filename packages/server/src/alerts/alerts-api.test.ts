import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import type { Alert, AlertDetail, AlertList, AlertRule, DeviceCreated, DeviceHealth } from '@muster/contract';
import { connectAsync } from 'mqtt';
import { startTestServer, type TestServer } from '../testing.ts';

let test: TestServer;
before(async () => {
  test = await startTestServer();
});
after(() => test.stop());

async function until<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (let tries = 0; tries < 200; tries += 1) {
    const found = await look();
    if (found !== undefined) return found;
    await wait(50);
  }
  throw new assert.AssertionError({ message: 'it did not happen within 10 s' });
}

it('a point over MQTT opens an alert that the API shows, a person takes it, and a good point ends it', async () => {
  const { siteId } = test;
  const { rules } = await test.call<{ rules: AlertRule[] }>('GET', `/api/alert-rules?siteId=${siteId}`);
  assert.deepEqual(rules.map(({ kind }) => kind).sort(), [
    'certificate-ends',
    'clock-off',
    'clone',
    'offline',
    'refusals',
  ]);
  const all = await test.call<{ rules: AlertRule[] }>('GET', '/api/alert-rules');
  assert.equal(all.rules.filter((rule) => rule.siteId === null).length, 7);

  const { device, token } = await test.call<DeviceCreated>('POST', '/api/devices', { name: 'Oven', tags: ['kitchen'] });
  const rule = await test.call<AlertRule>('POST', '/api/alert-rules', {
    siteId,
    name: 'Too hot',
    kind: 'threshold',
    params: { series: 'temp', limit: 80 },
    severity: 'critical',
    scope: 'tag',
    scopeValue: 'kitchen',
  });
  const client = await connectAsync(`mqtt://127.0.0.1:${test.server.mqtt.port}`, {
    username: token,
    clientId: device.deviceId,
  });
  try {
    const alert = await until<Alert>(async () => {
      await client.publishAsync('devices/me/telemetry', JSON.stringify({ values: { temp: 95 } }), { qos: 1 });
      const { alerts } = await test.call<AlertList>('GET', `/api/alerts?state=open&deviceId=${device.deviceId}`);
      return alerts[0];
    });
    assert.equal(alert.ruleId, rule.ruleId);
    assert.equal(alert.fact, 'temp is 95; limit: above 80');
    const health = await test.call<DeviceHealth>('GET', `/api/devices/${device.deviceId}/health`);
    assert.equal(health.state, 'critical');
    await test.call('POST', `/api/alerts/${alert.alertId}/acknowledge`, { comment: 'on my way' });
    await client.publishAsync('devices/me/telemetry', JSON.stringify({ values: { temp: 20 } }), { qos: 1 });
    const detail = await until<AlertDetail>(async () => {
      const found = await test.call<AlertDetail>('GET', `/api/alerts/${alert.alertId}`);
      return found.alert.state === 'closed' ? found : undefined;
    });
    assert.deepEqual(
      detail.log.map(({ deed }) => deed),
      ['opened', 'acknowledged', 'closed'],
    );
    assert.equal(detail.log[1]?.note, 'on my way');
    assert.ok(detail.log[1]?.userId);
  } finally {
    await client.endAsync(true);
  }
});

it('what does not fit is refused by name', async () => {
  const { siteId } = test;
  await assert.rejects(
    test.call('POST', '/api/alert-rules', { siteId, name: 'x', kind: 'threshold' }),
    /RULE_INVALID|limit/,
  );
  await assert.rejects(
    test.call('POST', '/api/notifiers', { siteId, name: 'x', kind: 'webhook', settings: { url: 'ftp://x' } }),
    /settings: url must match/,
  );
});
