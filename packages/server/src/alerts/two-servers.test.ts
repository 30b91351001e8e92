import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { createBuses } from '../devices/presence/two-servers.fixture.ts';
import { createTestDatabase } from '../platform/db/test-database.fixture.ts';
import { type AlertRig, createAlertRig } from './alerts.fixture.ts';

const MINUTE = 60_000;
let database: Awaited<ReturnType<typeof createTestDatabase>>;
before(async () => {
  database = await createTestDatabase();
});
after(() => database.stop());

/** Two servers on one database and one bus; `cut` loses all that they tell each other. */
async function withServers(run: (rig: AlertRig, cut: (is: boolean) => void) => Promise<void>): Promise<void> {
  const { buses, cut } = createBuses(2);
  const rig = await createAlertRig(database, [], buses);
  try {
    await run(rig, cut);
  } finally {
    await rig.stop();
  }
}

const deedsOf = async (rig: AlertRig) => {
  const alerts = await rig.alerts.list({ sites: null, siteId: rig.siteId, limit: 100 });
  const logs = await Promise.all(alerts.map(({ alertId }) => rig.alerts.get(alertId)));
  return logs.reverse().map(({ log }) => log.map(({ deed }) => deed));
};

describe('alerts of two servers on one database', () => {
  it('open once and close once for a device that goes from one to the other and back, without flapping', () =>
    withServers(async (rig) => {
      await rig.rule({ kind: 'threshold', params: { series: 'temp', limit: 80, hysteresis: 5 } });
      await rig.pass(MINUTE);
      rig.send('temp', 20, undefined, 1);
      await rig.pass(MINUTE);
      rig.send('temp', 90, undefined, 0);
      // the second server last saw a good value: it must not end what it adopts
      await rig.pass(5 * MINUTE);
      assert.deepEqual(await deedsOf(rig), [['opened']]);
      rig.send('temp', 91, undefined, 1);
      await rig.pass(MINUTE);
      assert.deepEqual(await deedsOf(rig), [['opened']]);
      rig.send('temp', 20, undefined, 1);
      await rig.pass(MINUTE);
      assert.deepEqual(await deedsOf(rig), [['opened', 'closed']]);
      // the first one last saw a bad value: it must not open what the other ended
      await rig.pass(5 * MINUTE);
      assert.deepEqual(await deedsOf(rig), [['opened', 'closed']]);
      rig.send('temp', 95, undefined, 0);
      await rig.pass(MINUTE);
      assert.deepEqual(await deedsOf(rig), [['opened', 'closed'], ['opened']]);
    }));

  it('say that a device is silent or away once, and not when it is heard or connected at the other', () =>
    withServers(async (rig, cut) => {
      await rig.rule({ kind: 'no-data', params: { forMs: 2 * MINUTE } });
      await rig.rule({ kind: 'offline', params: { forMs: 2 * MINUTE } });
      rig.link(true, 0);
      rig.send('temp', 1, undefined, 0);
      await rig.pass(MINUTE);
      // it goes to the other, and the first hears nothing of that
      cut(true);
      rig.link(false, 0);
      rig.link(true, 1);
      for (let minute = 0; minute < 5; minute += 1) {
        rig.send('temp', 1, undefined, 1);
        await rig.pass(MINUTE);
      }
      assert.deepEqual(await deedsOf(rig), [], 'it is well, at the other');
      cut(false);
      rig.link(false, 1);
      await rig.pass(5 * MINUTE);
      assert.deepEqual(await deedsOf(rig), [['opened'], ['opened']]);
      rig.link(true, 0);
      rig.send('temp', 1, undefined, 0);
      await rig.pass(5_000);
      assert.deepEqual(await deedsOf(rig), [
        ['opened', 'closed'],
        ['opened', 'closed'],
      ]);
    }));

  it('count what the bus brings at both, and still open once', () =>
    withServers(async (rig) => {
      const { deviceId } = rig.device;
      await rig.rule({ kind: 'refusals', params: { times: 5, withinMs: 2 * MINUTE } });
      await rig.pass(MINUTE);
      const refused = { deviceId, siteId: rig.siteId, code: 'MESSAGE_INVALID', count: 6 };
      rig.bus.publish('device.refused', refused);
      await rig.pass(1_000);
      assert.deepEqual(await deedsOf(rig), [['opened']]);
      await rig.pass(5 * MINUTE);
      assert.deepEqual(await deedsOf(rig), [['opened', 'closed']]);
    }));

  it('tell people once', () =>
    withServers(async (rig) => {
      const received: string[] = [];
      const receiver = await listen((body) => void received.push(body));
      try {
        const { port } = receiver.address() as AddressInfo;
        const { notifierId } = await rig.alerts.channels.create({
          siteId: rig.siteId,
          name: 'Hook',
          kind: 'webhook',
          settings: { url: `http://127.0.0.1:${port}/` },
        });
        await rig.rule({
          kind: 'threshold',
          params: { series: 'temp', limit: 80 },
          notifiers: [notifierId],
        });
        await rig.pass(MINUTE);
        rig.send('temp', 90, undefined, 0);
        rig.send('temp', 90, undefined, 1);
        await rig.pass(5 * MINUTE);
        assert.deepEqual(await deedsOf(rig), [['opened']]);
        assert.equal(received.length, 1);
      } finally {
        receiver.closeAllConnections();
        receiver.close();
      }
    }));

  it('follow a rule that was changed at the other server', () =>
    withServers(async (rig) => {
      const ruleId = await rig.rule({ kind: 'threshold', params: { series: 'temp', limit: 80 } });
      await rig.pass(MINUTE);
      rig.send('temp', 70, undefined, 1);
      await rig.pass(MINUTE);
      assert.deepEqual(await deedsOf(rig), []);
      await rig.alerts.rules.change(ruleId, { params: { series: 'temp', limit: 60 } });
      await rig.pass(MINUTE);
      rig.send('temp', 70, undefined, 1);
      await rig.pass(1_000);
      assert.deepEqual(await deedsOf(rig), [['opened']]);
    }));
});

async function listen(onBody: (body: string) => void): Promise<Server> {
  const server = createServer((request, reply) => {
    let body = '';
    request.on('data', (chunk) => {
      body += String(chunk);
    });
    request.on('end', () => {
      onBody(body);
      reply.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}
