import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { createTestDatabase } from '../platform/db/test-database.fixture.ts';
import { type AlertRig, createAlertRig } from './alerts.fixture.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY_MS = 24 * HOUR;
let database: Awaited<ReturnType<typeof createTestDatabase>>;
before(async () => {
  database = await createTestDatabase();
});
after(() => database.stop());

async function withRig(run: (rig: AlertRig) => Promise<void>, flags: readonly string[] = []): Promise<void> {
  const rig = await createAlertRig(database, flags);
  try {
    await run(rig);
  } finally {
    await rig.stop();
  }
}

async function alertsOf(rig: AlertRig) {
  return rig.alerts.list({ sites: null, siteId: rig.siteId, limit: 100 });
}
async function deedsOf(rig: AlertRig, alertId: string): Promise<string[]> {
  return (await rig.alerts.get(alertId)).log.map(({ deed }) => deed);
}

const HOT = { series: 'temp', limit: 80, hysteresis: 5, forMs: 2 * MINUTE };

describe('an alert', () => {
  it('opens after the duration, lives once, closes past the hysteresis, and opens anew as another one', () =>
    withRig(async (rig) => {
      await rig.rule({ kind: 'threshold', params: HOT, severity: 'critical' });
      const told: string[] = [];
      rig.bus.subscribe('alert.changed', ({ siteId, state, severity }) => {
        if (siteId === rig.siteId) told.push(`${state} ${severity}`);
      });
      rig.send('temp', 81);
      await rig.pass(MINUTE);
      assert.deepEqual(await alertsOf(rig), [], 'one minute is not two');
      await rig.pass(MINUTE);
      const [first, ...others] = await alertsOf(rig);
      assert.equal(others.length, 0);
      assert.equal(first?.state, 'open');
      assert.equal(first.fact, 'temp is 81; limit: above 80 for 2 min');
      rig.send('temp', 90);
      rig.send('temp', 78);
      await rig.pass(5 * MINUTE);
      assert.equal((await alertsOf(rig))[0]?.state, 'open', '78 is within the hysteresis');
      rig.send('temp', 74);
      await rig.pass(1_000);
      assert.equal((await alertsOf(rig))[0]?.state, 'closed');
      assert.deepEqual(told, ['open critical', 'closed critical']);
      rig.send('temp', 99);
      await rig.pass(3 * MINUTE);
      const all = await alertsOf(rig);
      assert.deepEqual(
        all.map(({ state }) => state),
        ['open', 'closed'],
      );
      assert.notEqual(all[0]?.alertId, first.alertId);
    }));

  it('counts its duration on over a restart', () =>
    withRig(async (rig) => {
      await rig.rule({ kind: 'threshold', params: HOT });
      rig.send('temp', 85);
      await rig.pass(MINUTE);
      assert.deepEqual(await alertsOf(rig), []);
      await rig.restart(50_000);
      // 60 s before, 50 s away: 10 s are left, and no new point comes
      await rig.pass(15_000);
      assert.equal((await alertsOf(rig)).length, 1);
    }));

  it('that is open when the server is killed is closed afterwards by what is true then', () =>
    withRig(async (rig) => {
      await rig.rule({ kind: 'threshold', params: { series: 'temp', limit: 80 } });
      rig.send('temp', 85);
      await rig.pass(1_000);
      assert.equal((await alertsOf(rig))[0]?.state, 'open');
      await database.pool.query('DELETE FROM alert_rule_states');
      await rig.restart(1_000);
      await database.pool.query('DELETE FROM alert_rule_states');
      rig.send('temp', 20);
      await rig.pass(5_000);
      assert.equal((await alertsOf(rig))[0]?.state, 'closed');
    }));

  it('is not raised by what a device measured long ago and sends now', () =>
    withRig(async (rig) => {
      await rig.rule({ kind: 'threshold', params: { series: 'temp', limit: 80 } });
      await rig.rule({ kind: 'rate-of-change', params: { series: 'temp', change: 5 } });
      await rig.rule({ kind: 'clock-off' });
      rig.send('temp', 20);
      const old = rig.clock.now() - 60 * MINUTE;
      for (let minute = 0; minute < 50; minute += 1) rig.send('temp', 90 + (minute % 2) * 50, old + minute * MINUTE);
      await rig.pass(MINUTE);
      assert.deepEqual(await alertsOf(rig), []);
    }));

  it('of silence counts from the data in the database, and asks it before anybody is told', () =>
    withRig(async (rig) => {
      await rig.rule({ kind: 'no-data', params: { forMs: 10 * MINUTE } });
      rig.send('temp', 20);
      await rig.pass(6 * MINUTE);
      await rig.restart(3 * MINUTE);
      await rig.pass(30_000);
      assert.deepEqual(await alertsOf(rig), [], 'nine and a half minutes');
      await rig.pass(MINUTE);
      assert.match((await alertsOf(rig))[0]?.fact ?? '', /^anything was last heard 1[01] min ago; limit 10 min$/);
      rig.send('temp', 21);
      await rig.pass(1_000);
      assert.equal((await alertsOf(rig))[0]?.state, 'closed');
      // stored by another server: no event here
      await rig.pass(9 * MINUTE);
      rig.latest.set('temp', { series: 'temp', at: rig.clock.now(), receivedAt: rig.clock.now(), value: 22 });
      await rig.pass(5 * MINUTE);
      assert.equal((await alertsOf(rig)).length, 1, 'the database knew of a newer point');
    }));

  it('is one, however many servers find it at once', () =>
    withRig(async (rig) => {
      const ruleId = await rig.rule({ kind: 'threshold', params: { series: 'temp', limit: 80 } });
      const subject = rig.device.deviceId;
      const insert = `INSERT INTO alerts (alert_id, rule_id, rule_kind, rule_name, site_id, device_id, subject, severity,
        state, fact, opened_at, told) VALUES (gen_random_uuid(), $1, 'threshold', 'x', $2, $3, $4, 'major', 'open', '', 0, true)`;
      await database.pool.query(insert, [ruleId, rig.siteId, subject, subject]);
      await assert.rejects(database.pool.query(insert, [ruleId, rig.siteId, subject, subject]), /alerts_one_open/);
      rig.send('temp', 99);
      await rig.pass(1_000);
      assert.equal((await alertsOf(rig)).length, 1);
    }));
});

describe('closed alerts', () => {
  it('are removed after their days, with what belongs to them; open ones never', () =>
    withRig(async (rig) => {
      const ruleId = await rig.rule({ kind: 'threshold', params: { series: 'temp', limit: 80 } });
      for (const value of [99, 20, 99]) {
        rig.send('temp', value);
        await rig.pass(1_000);
      }
      const [open, closed] = await alertsOf(rig);
      assert.deepEqual([open?.state, closed?.state], ['open', 'closed']);
      const old = rig.clock.now() - 366 * DAY_MS;
      await database.pool.query(
        `INSERT INTO alerts (alert_id, rule_id, rule_kind, rule_name, site_id, device_id, subject, severity, state, fact,
           opened_at, closed_at, told)
         SELECT gen_random_uuid(), $1, 'threshold', 'old', $2, $3::uuid, $3::uuid::text, 'major', 'closed', '', $4, $4, true
         FROM generate_series(1, 1500)`,
        [ruleId, rig.siteId, rig.device.deviceId, old],
      );
      await database.pool.query('UPDATE alerts SET opened_at = $2 WHERE alert_id = $1', [open?.alertId, old]);
      await database.pool.query(
        `INSERT INTO alert_log (alert_id, at, deed, note) SELECT alert_id, 0, 'opened', '' FROM alerts WHERE rule_name = 'old'`,
      );
      await rig.pass(HOUR);
      // they go some at a time, in the time of the database
      for (let tries = 0; tries < 200 && (await alertsOf(rig)).length > 2; tries++) await delay(50);
      assert.deepEqual(
        (await alertsOf(rig)).map(({ alertId }) => alertId),
        [open?.alertId, closed?.alertId],
      );
    }));
});

describe('people', () => {
  it('are reminded until somebody has it, and others are told when nobody does', () =>
    withRig(async (rig) => {
      await rig.rule({
        kind: 'threshold',
        params: { series: 'temp', limit: 80 },
        severity: 'minor',
        remindMs: 10 * MINUTE,
        escalateMs: 25 * MINUTE,
        escalateTo: 'critical',
      });
      rig.send('temp', 85);
      await rig.pass(21 * MINUTE);
      const alertId = (await alertsOf(rig))[0]?.alertId ?? '';
      assert.deepEqual(await deedsOf(rig, alertId), ['opened', 'reminded', 'reminded']);
      await rig.pass(5 * MINUTE);
      assert.deepEqual((await deedsOf(rig, alertId)).slice(3), ['escalated']);
      assert.equal((await alertsOf(rig))[0]?.severity, 'critical');
      await rig.alerts.acknowledge(alertId, rig.userId, 'I am on my way');
      await rig.pass(60 * MINUTE);
      const { alert, log } = await rig.alerts.get(alertId);
      assert.deepEqual(log.map(({ deed }) => deed).slice(4), ['acknowledged']);
      assert.equal(log.at(-1)?.note, 'I am on my way');
      assert.equal(alert.acknowledgedBy, rig.userId);
      await assert.rejects(rig.alerts.acknowledge(alertId, rig.userId, ''), { code: 'CONFLICT' });
    }));

  it('hear nothing while it is snoozed, also over a restart, and are reminded then', () =>
    withRig(async (rig) => {
      await rig.rule({ kind: 'threshold', params: { series: 'temp', limit: 80 }, remindMs: 5 * MINUTE });
      rig.send('temp', 85);
      await rig.pass(MINUTE);
      const alertId = (await alertsOf(rig))[0]?.alertId ?? '';
      await rig.alerts.snooze(alertId, rig.userId, rig.clock.now() + 30 * MINUTE);
      await rig.pass(14 * MINUTE);
      await rig.restart(MINUTE);
      await rig.pass(14 * MINUTE);
      assert.deepEqual(await deedsOf(rig, alertId), ['opened', 'snoozed']);
      await rig.pass(2 * MINUTE);
      assert.deepEqual(await deedsOf(rig, alertId), ['opened', 'snoozed', 'reminded']);
    }));

  it('are not told during maintenance, but afterwards when it is still there', () =>
    withRig(async (rig) => {
      await rig.rule({ kind: 'threshold', params: { series: 'temp', limit: 80 } });
      const beginsAt = rig.clock.now();
      await rig.alerts.addWindow({ siteId: rig.siteId, beginsAt, endsAt: beginsAt + 30 * MINUTE }, rig.userId);
      rig.send('temp', 85);
      await rig.pass(20 * MINUTE);
      const [alert] = await alertsOf(rig);
      assert.equal(alert?.suppressedBy, 'maintenance');
      assert.deepEqual(await deedsOf(rig, alert.alertId), ['opened', 'suppressed']);
      await rig.pass(12 * MINUTE);
      assert.deepEqual(await deedsOf(rig, alert.alertId), ['opened', 'suppressed', 'released']);
    }));

  it('hear of one cause once: the other alerts of an offline device wait for its return', () =>
    withRig(async (rig) => {
      await rig.rule({ kind: 'offline', params: { forMs: MINUTE } });
      await rig.rule({ kind: 'no-data', params: { forMs: 3 * MINUTE } });
      rig.send('temp', 20);
      rig.link(false);
      await rig.pass(4 * MINUTE);
      const all = await alertsOf(rig);
      const parent = all.find(({ ruleKind }) => ruleKind === 'offline');
      const child = all.find(({ ruleKind }) => ruleKind === 'no-data');
      assert.equal(child?.suppressedBy, parent?.alertId);
      rig.link(true);
      await rig.pass(3_000);
      assert.deepEqual(await deedsOf(rig, child?.alertId ?? ''), ['opened', 'suppressed', 'released']);
    }));
});

describe('a device without a connection', () => {
  const FOR = { kind: 'offline', params: { forMs: 10 * MINUTE } };
  const states = async (rig: AlertRig) => (await alertsOf(rig)).map(({ state }) => state);

  it('is no news when it hung up, and is when it lost a connection that it keeps', () =>
    withRig(async (rig) => {
      await rig.rule(FOR);
      rig.link(true, 0, false);
      rig.link(false, 0, false);
      await rig.pass(11 * MINUTE);
      assert.deepEqual(await states(rig), [], 'a conversation is over');
      await rig.restart(MINUTE);
      await rig.pass(11 * MINUTE);
      assert.deepEqual(await states(rig), [], 'also after a restart');
      rig.link(true);
      rig.link(false);
      await rig.pass(9 * MINUTE);
      assert.deepEqual(await states(rig), []);
      await rig.restart(1_000);
      await rig.pass(2 * MINUTE);
      assert.deepEqual(await states(rig), ['open'], 'a lost connection counts on over a restart');
    }));

  it('lives when it is heard without one: what is open ends', () =>
    withRig(async (rig) => {
      await rig.rule(FOR);
      rig.link(false);
      await rig.pass(11 * MINUTE);
      assert.deepEqual(await states(rig), ['open']);
      rig.link(false, 0, false);
      await rig.pass(1_000);
      assert.deepEqual(await states(rig), ['closed']);
      await rig.pass(11 * MINUTE);
      assert.deepEqual(await states(rig), ['closed']);
    }));

  it('was heard elsewhere, of which no word came: the database is asked before anybody is told', () =>
    withRig(async (rig) => {
      await rig.rule(FOR);
      rig.link(false);
      await rig.pass(5 * MINUTE);
      rig.unheard({ keepsConnection: false });
      await rig.pass(11 * MINUTE);
      assert.deepEqual(await states(rig), []);
    }));

  it('ends what was open over a restart in which it turned out to need none', () =>
    withRig(async (rig) => {
      await rig.rule(FOR);
      rig.link(false);
      await rig.pass(11 * MINUTE);
      rig.unheard({ keepsConnection: false });
      await rig.restart(MINUTE);
      await rig.pass(1_000);
      assert.deepEqual(await states(rig), ['closed']);
    }));
});

describe('a webhook', () => {
  let receiver: Server;
  let url: string;
  let answer = 200;
  const got: { readonly body: string; readonly signature: string; readonly id: string }[] = [];
  before(async () => {
    receiver = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        const { 'muster-signature': signature, 'muster-notification': id } = request.headers;
        got.push({ body, signature: String(signature), id: String(id) });
        response.statusCode = answer;
        response.end();
      });
    });
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`;
  });
  after(() => receiver.close());

  async function watched(rig: AlertRig): Promise<string> {
    const signingKey = 'a key that is long enough';
    const { notifierId } = await rig.alerts.channels.create({
      siteId: rig.siteId,
      kind: 'webhook',
      name: 'Hook',
      settings: { url },
      secrets: { signingKey },
    });
    await rig.rule({ kind: 'threshold', params: { series: 'temp', limit: 80 }, notifiers: [notifierId] });
    got.length = 0;
    rig.send('temp', 85);
    await rig.pass(1_000);
    return (await alertsOf(rig))[0]?.alertId ?? '';
  }

  it('that fails is tried again with growing pauses, signed, until it is taken', () =>
    withRig(async (rig) => {
      answer = 500;
      const alertId = await watched(rig);
      assert.equal(got.length, 1);
      await rig.pass(4_000);
      assert.equal(got.length, 1, 'the first pause is 10 s');
      await rig.pass(5_000);
      assert.equal(got.length, 2);
      answer = 204;
      await rig.restart(MINUTE);
      await rig.pass(1_000);
      assert.equal(got.length, 3);
      const [first] = got;
      const [time = '', mac = ''] = (got[2]?.signature ?? '').replace('t=', '').split(',v1=');
      const body = got[2]?.body ?? '';
      assert.equal(mac, createHmac('sha256', 'a key that is long enough').update(`${time}.${body}`).digest('hex'));
      assert.ok(Math.abs(Number(time) * 1_000 - rig.clock.now()) < 60_000);
      assert.equal(first?.id, got[2]?.id, 'one notification');
      const heard = JSON.parse(body) as { subjectName: string; alert: { alertId: string; fact: string } };
      assert.equal(heard.subjectName, 'Oven');
      assert.equal(heard.alert.alertId, alertId);
      const { alert } = await rig.alerts.get(alertId);
      const [row] = await rig.alerts.notificationsOf(alert);
      assert.deepEqual([row?.state, row?.attempts, row?.lastError], ['sent', 3, null]);
      await rig.pass(10 * MINUTE);
      assert.equal(got.length, 3);
    }));

  it('that never works is given up, and the alert says so', () =>
    withRig(
      async (rig) => {
        answer = 503;
        const alertId = await watched(rig);
        await rig.pass(5 * MINUTE);
        assert.equal(got.length, 3);
        const { alert, log } = await rig.alerts.get(alertId);
        assert.equal(log.at(-1)?.deed, 'undelivered');
        assert.match(log.at(-1)?.note ?? '', /webhook gave up after 3 tries: The receiver answered 503/);
        const [row] = await rig.alerts.notificationsOf(alert);
        assert.deepEqual([row?.state, row?.nextTryAt], ['dead', null]);
      },
      ['--attempts', '3'],
    ));

  it('says the true outcome of a test, shows no secret, and does not reach into our network unless allowed', () =>
    withRig(
      async (rig) => {
        answer = 200;
        const wanted = { siteId: rig.siteId, kind: 'webhook', name: 'Hook', settings: { url } };
        const made = await rig.alerts.channels.create({
          ...wanted,
          secrets: { signingKey: 'something to keep quiet' },
        });
        assert.ok(!JSON.stringify(await rig.alerts.channels.list(rig.siteId, null)).includes('something to keep'));
        got.length = 0;
        const outcome = await rig.alerts.channels.test(made.notifierId);
        assert.equal(outcome.delivered, false);
        assert.match(outcome.detail, /not on the public internet/);
        assert.equal(got.length, 0);
      },
      ['--allowedAddresses', '10.0.0.0/8'],
    ));
});

describe('a rule', () => {
  it('that does not fit its kind is refused, by name', () =>
    withRig(async (rig) => {
      const { rules } = rig.alerts;
      const wanted = { siteId: rig.siteId, name: 'x' };
      await assert.rejects(rules.create({ ...wanted, kind: 'nonsense' }), { code: 'RULE_INVALID' });
      await assert.rejects(rules.create({ ...wanted, kind: 'threshold', params: { series: 'temp' } }), {
        code: 'RULE_INVALID',
        message: /limit/,
      });
      await assert.rejects(rules.create({ ...wanted, kind: 'offline', scope: 'tag' }), { message: /which tag/ });
      await assert.rejects(rules.create({ ...wanted, kind: 'offline', notifiers: [rig.userId] }), {
        code: 'RULE_INVALID',
      });
      await assert.rejects(rules.create({ name: 'x', kind: 'offline' }), { message: /threshold only/ });
    }));

  it('that is deleted or switched off ends what it had open', () =>
    withRig(async (rig) => {
      const ruleId = await rig.rule({ kind: 'threshold', params: { series: 'temp', limit: 80 } });
      rig.send('temp', 85);
      await rig.pass(1_000);
      await rig.alerts.rules.change(ruleId, { enabled: false });
      const [first] = await alertsOf(rig);
      assert.equal(first?.state, 'closed');
      await rig.pass(2_000);
      await rig.alerts.rules.change(ruleId, { enabled: true });
      await rig.pass(3_000);
      assert.equal((await alertsOf(rig))[0]?.state, 'open', 'it is still hot');
      await rig.alerts.rules.delete(ruleId);
      const [second] = await alertsOf(rig);
      assert.equal(second?.state, 'closed');
      assert.equal((await rig.alerts.get(second.alertId)).log.at(-1)?.note, 'the rule was deleted');
    }));

  it('of the server is one of seven, and its disk is watched from the beginning', () =>
    withRig(async (rig) => {
      const rules = await rig.alerts.rules.list(null, null);
      assert.equal(rules.length, 7);
      await rig.alerts.rules.makeDefaults(null);
      assert.equal((await rig.alerts.rules.list(null, null)).length, 7, 'once');
      const disk = rules.find(({ params }) => params.series === 'server/diskFreePercent');
      await rig.alerts.rules.change(disk?.ruleId ?? '', { params: { ...disk?.params, limit: 100.5, forMs: 0 } });
      const found = async () =>
        (await rig.alerts.list({ sites: null, limit: 100 })).find(
          ({ subject, ruleId }) => subject === `server:${rig.siteId}` && ruleId === disk?.ruleId,
        );
      // the disk is asked for real, which may take a while of a hand-moved clock
      for (let times = 0; times < 50 && (await found()) === undefined; times++) await rig.pass(5_000);
      const alert = await found();
      assert.ok(alert !== undefined);
      assert.equal(alert.severity, 'critical');
      await rig.alerts.rules.change(disk?.ruleId ?? '', { params: disk?.params ?? {} });
      const stateOf = async () => (await rig.alerts.get(alert.alertId)).alert.state;
      for (let times = 0; times < 50 && (await stateOf()) === 'open'; times++) await rig.pass(5_000);
      assert.equal(await stateOf(), 'closed');
    }));
});

describe('the health of a device', () => {
  it('is critical exactly while a critical alert is open, and names what limits it', () =>
    withRig(async (rig) => {
      await rig.rule({ kind: 'threshold', params: { series: 'temp', limit: 80 }, severity: 'critical' });
      rig.send('temp', 20);
      const well = await rig.alerts.healthOf(rig.device);
      assert.deepEqual([well.score, well.state], [100, 'good']);
      rig.send('temp', 85);
      await rig.pass(1_000);
      assert.equal((await rig.alerts.healthOf(rig.device)).state, 'critical');
      rig.send('temp', 20);
      await rig.pass(1_000);
      assert.equal((await rig.alerts.healthOf(rig.device)).state, 'good');
      await rig.pass(7 * MINUTE);
      const stale = await rig.alerts.healthOf(rig.device);
      assert.equal(stale.limitedBy, 'freshness');
      assert.match(
        stale.parts.find(({ part }) => part === 'freshness')?.fact ?? '',
        /last heard 7 min ago; limit 5 min/,
      );
    }));
});
