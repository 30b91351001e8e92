import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { systemClock } from '../clock.ts';
import { createLogger } from '../log.ts';
import { createMetrics, type Metrics } from '../metrics.ts';
import { reached, reachedSoon, until } from './contract.fixture.ts';
import { type Bus, createNatsBus } from './index.ts';
import { natsMissing, startNats, type TestNats } from './nats-server.fixture.ts';
import { MESSAGE_BYTES } from './wire.ts';

const log = createLogger('silent');
const deviceId = 'd';
const siteId = 's';

describe('the bus over NATS', { skip: natsMissing() }, () => {
  let nats: TestNats;
  let open: (Bus | NatsConnection)[] = [];
  before(async () => {
    nats = await startNats();
  });
  after(() => nats.kill());
  afterEach(async () => {
    for (const one of open) await one.close();
    open = [];
  });

  async function server(settings: { url?: string; subject?: string } = {}): Promise<{ bus: Bus; metrics: Metrics }> {
    const metrics = createMetrics();
    const config = { url: nats.url, subject: 'test', ...settings };
    const bus = await createNatsBus({ clock: systemClock, log, metrics, config });
    open.push(bus);
    return { bus, metrics };
  }
  async function raw(): Promise<NatsConnection> {
    const connection = await connect({ servers: nats.url.slice('nats://'.length) });
    open.push(connection);
    return connection;
  }

  describe('between a hostile neighbour and a server', () => {
    let bus: Bus;
    let metrics: Metrics;
    let neighbour: NatsConnection;
    let heard: string[] = [];
    beforeEach(async () => {
      ({ bus, metrics } = await server());
      neighbour = await raw();
      heard = [];
      await until('connected', () => bus.state()?.connected === true);
      bus.subscribe('device.revoked', (event) => void heard.push(event.deviceId));
    });
    const say = (subject: string, message: unknown): void =>
      neighbour.publish(subject, typeof message === 'string' ? message : JSON.stringify(message));

    it('takes what has the shape of an event and nothing else, and lives', async () => {
      const own = { from: 'x', event: { deviceId: 'good' } };
      for (const bad of [
        '',
        'no JSON',
        'null',
        '[]',
        '{}',
        { from: 7, event: { deviceId: 'a' } },
        { from: 'x'.repeat(65), event: { deviceId: 'a' } },
        { from: 'x', event: null },
        { from: 'x', event: { deviceId: 7 } },
        { from: 'x', event: { deviceId: 'a'.repeat(200) } },
        `{"from":"x","event":${'['.repeat(200_000)}`,
        { from: 'x', event: { deviceId: 'a' }, filler: 'x'.repeat(MESSAGE_BYTES) },
      ]) {
        say('test.event.device.revoked', bad);
      }
      neighbour.publish('test.event.device.revoked', new Uint8Array([0x7b, 0xff, 0xfe, 0x7d]));
      for (const name of ['__proto__', 'constructor', 'toString', 'unknown.event']) say(`test.event.${name}`, own);
      say('test.points', { from: 'x', event: { batches: [{ deviceId, siteId, receivedAt: 1, points: 'many' }] } });
      for (const bad of ['', '{}', { from: 'x', event: { wants: 'yes', asks: 1 } }]) say('test.wants', bad);
      say('test.event.device.revoked', own);
      await until('the good one is heard', () => heard.length > 0);
      assert.deepEqual(heard, ['good']);
      assert.equal(await countOf(metrics, 'muster_bus_dropped_total', 'too large'), 1);
      // what is said on a subject that nobody here hears does not come
      assert.equal(await countOf(metrics, 'muster_bus_dropped_total', 'not understood'), 19);
    });
  });

  it('sends measurements only while another server wants them, in messages of a bounded size', async () => {
    const { bus: from, metrics } = await server();
    const { bus: to } = await server();
    await reachedSoon(from, to);
    const sizes: number[] = [];
    const spy = await raw();
    spy.subscribe('test.points', { callback: (_error, message) => void sizes.push(message.data.byteLength) });
    await spy.flush();
    const point = { series: 'temp', kind: 'number' as const, at: 1, value: 1 };
    const batch = { deviceId, siteId, receivedAt: 1, points: Array.from({ length: 500 }, () => point) };
    const many = { batches: Array.from({ length: 100 }, () => batch) };
    from.subscribe('telemetry.stored', () => undefined);
    const here = to.subscribe('telemetry.stored', () => undefined, 'here');
    from.publish('telemetry.stored', many);
    await reached(from, to);
    await spy.flush();
    assert.deepEqual(sizes, [], 'nobody else wants them');
    here();

    let points = 0;
    const end = to.subscribe('telemetry.stored', ({ batches }) => {
      for (const one of batches) points += one.points.length;
    });
    await until('the wish is heard', () => {
      if (points === 0) from.publish('telemetry.stored', { batches: [{ ...batch, points: [point] }] });
      return points > 0;
    });
    await reached(from, to);
    [points, sizes.length] = [0, 0];
    from.publish('telemetry.stored', many);
    await reached(from, to);
    await spy.flush();
    assert.equal(points, 50_000);
    assert.ok(sizes.length > 1 && sizes.every((size) => size <= MESSAGE_BYTES), String(sizes));

    // one message of a device that is larger than a message may be is lost, and said so
    const long = { ...point, kind: 'string' as const, value: 'x'.repeat(MESSAGE_BYTES) };
    from.publish('telemetry.stored', { batches: [{ ...batch, points: [long] }] });
    assert.equal(await countOf(metrics, 'muster_bus_dropped_total', 'too large'), 1);

    end();
    await reached(to, from);
    sizes.length = 0;
    from.publish('telemetry.stored', many);
    await reached(from, to);
    await spy.flush();
    assert.deepEqual(sizes, [], 'nobody wants them any more');
  });

  it('hears nothing of an installation with another subject', async () => {
    const { bus: ours } = await server();
    const { bus: same } = await server();
    const { bus: others } = await server({ subject: 'test-2' });
    await reachedSoon(ours, same);
    await until('connected', () => others.state()?.connected === true);
    let heard = 0;
    others.subscribe('device.revoked', () => {
      heard += 1;
    });
    ours.publish('device.revoked', { deviceId });
    await reached(ours, same);
    // the same way through NATS
    const probe = await raw();
    probe.publish('test-2.event.site.changed', JSON.stringify({ from: 'x', event: { siteId: 'last' } }));
    let isLast = false;
    others.subscribe('site.changed', () => {
      isLast = true;
    });
    probe.publish('test-2.event.site.changed', JSON.stringify({ from: 'x', event: { siteId: 'last' } }));
    await until('the last is heard', () => isLast);
    assert.equal(heard, 0);
  });

  it('begins and works without NATS, says so, drops what it cannot tell, and connects when NATS is there', async () => {
    const own = await startNats();
    try {
      await own.kill();
      const [first, second] = [await server({ url: own.url }), await server({ url: own.url })];
      assert.equal(first.bus.state()?.connected, false);
      assert.match(first.bus.state()?.detail ?? '', /^NATS is away/);
      let heardHere = 0;
      let heardThere = 0;
      first.bus.subscribe('device.changed', () => {
        heardHere += 1;
      });
      second.bus.subscribe('device.changed', () => {
        heardThere += 1;
      });
      for (let index = 0; index < 1_000; index++) first.bus.publish('device.changed', { deviceId });
      assert.equal(heardHere, 1_000);
      assert.equal(await countOf(first.metrics, 'muster_bus_dropped_total', 'away'), 1_000);

      await own.start();
      await reachedSoon(first.bus, second.bus);
      assert.equal(heardThere, 0, 'nothing was kept: no storm after a pause');
      assert.equal(first.bus.state()?.connected, true);

      await own.kill();
      await until('it notices', () => first.bus.state()?.connected === false);
      first.bus.publish('device.changed', { deviceId });
      await own.start();
      await reachedSoon(first.bus, second.bus);
      await reachedSoon(second.bus, first.bus);
      assert.equal(heardThere, 0);
      first.bus.publish('device.changed', { deviceId });
      await reached(first.bus, second.bus);
      assert.equal(heardThere, 1);
    } finally {
      await own.kill();
    }
  });

  it('signs in with the user of the URL; a wrong password is tried again and told without it', async () => {
    const own = await startNats(['--user', 'muster', '--pass', 'p@ss']);
    try {
      const at = own.url.slice('nats://'.length);
      const [{ bus: first }, { bus: second }, { bus: wrong }] = [
        await server({ url: `nats://muster:p%40ss@${at}` }),
        await server({ url: `nats://muster:p%40ss@${at}` }),
        await server({ url: `nats://muster:wrong-one@${at}` }),
      ];
      await reachedSoon(first, second);
      await until('it was refused', () => /uthori/.test(wrong.state()?.detail ?? ''));
      assert.equal(wrong.state()?.connected, false);
      assert.doesNotMatch(wrong.state()?.detail ?? '', /wrong-one/);
    } finally {
      await own.kill();
    }
  });

  it('demands TLS where the URL says so', async () => {
    const { bus } = await server({ url: nats.url.replace('nats:', 'tls:') });
    await until('it says why', () => /tls/i.test(bus.state()?.detail ?? ''));
    assert.equal(bus.state()?.connected, false);
  });

  it('refuses to begin with a file of credentials that is not there', async () => {
    const config = { url: nats.url, subject: 'test', credentialsFile: '/nowhere/muster.creds' };
    await assert.rejects(createNatsBus({ clock: systemClock, log, metrics: createMetrics(), config }), {
      code: 'CONFIG_INVALID',
    });
  });

  it('still serves its own listeners after it was closed', async () => {
    const { bus } = await server();
    await until('connected', () => bus.state()?.connected === true);
    await bus.close();
    let heard = 0;
    bus.subscribe('device.changed', () => {
      heard += 1;
    });
    bus.publish('device.changed', { deviceId });
    assert.equal(heard, 1);
  });
});

async function countOf(metrics: Metrics, name: string, label: string): Promise<number> {
  const found = await metrics.registry.getSingleMetric(name)?.get();
  return found?.values.find(({ labels }) => Object.values(labels).includes(label))?.value ?? 0;
}
