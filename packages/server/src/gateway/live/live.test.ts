import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { LIMITS, LIVE_CLOSE_CODES } from '@muster/contract';
import { createVirtualClock } from '@muster/testkit';
import {
  COOKIE,
  DEVICE,
  FOREIGN_DEVICE,
  OTHER_SITE,
  openViewer,
  SECURE_COOKIE,
  SITE,
  startLive,
  type TestLive,
} from './live.fixture.ts';

const TELEMETRY = `device/${DEVICE}/telemetry`;
const ALERTS = `site/${SITE}/alerts`;
let live: TestLive;

beforeEach(async () => {
  live = await startLive();
});
afterEach(() => live.stop());

test('a first state comes before the changes, and only what is watched is told', async () => {
  live.measure(1, 20);
  const viewer = await live.connect('ada');
  viewer.send({ type: 'subscribe', topic: TELEMETRY });
  const snapshot = await viewer.next();
  assert.ok(snapshot.type === 'snapshot');
  assert.deepEqual(snapshot.items, [{ series: 'temp', kind: 'number', at: 1, value: 20 }]);
  live.bus.publish('device.connected', { deviceId: DEVICE, siteId: SITE });
  live.measure(2, 21);
  const change = await viewer.next();
  assert.deepEqual(change, {
    type: 'change',
    topic: TELEMETRY,
    seq: snapshot.seq + 1,
    items: [{ series: 'temp', kind: 'number', at: 2, value: 21 }],
  });
});

test('after unsubscribing nothing more comes', async () => {
  const viewer = await live.connect('ada');
  viewer.send({ type: 'subscribe', topic: TELEMETRY });
  await viewer.next(({ type }) => type === 'snapshot');
  viewer.send({ type: 'unsubscribe', topic: TELEMETRY });
  assert.equal((await viewer.next()).type, 'unsubscribed');
  live.measure(2, 21);
  viewer.send({ type: 'subscribe', topic: `site/${SITE}/presence` });
  assert.equal((await viewer.next()).type, 'snapshot');
});

test('unknown, foreign and forbidden topics are refused with a code, and the connection goes on', async () => {
  live.sessions.set('bo', { sites: [SITE], forbidden: [OTHER_SITE] });
  const ada = await live.connect('ada');
  const bo = await live.connect('bo');
  const refused = async (viewer: typeof ada, topic: string): Promise<unknown> => {
    viewer.send({ type: 'subscribe', topic });
    const frame = await viewer.next();
    assert.ok(frame.type === 'error' && frame.topic === topic);
    return frame.code;
  };
  assert.equal(await refused(ada, 'weather'), 'TOPIC_UNKNOWN');
  assert.equal(await refused(ada, `device/${DEVICE}/secrets`), 'TOPIC_UNKNOWN');
  assert.equal(await refused(ada, `device/${DEVICE}/telemetry/more`), 'TOPIC_UNKNOWN');
  assert.equal(await refused(ada, `device/${OTHER_SITE.replace('bb', 'cc')}/telemetry`), 'NOT_FOUND');
  assert.equal(await refused(ada, `device/${FOREIGN_DEVICE}/telemetry`), 'NOT_FOUND');
  assert.equal(await refused(bo, `device/${FOREIGN_DEVICE}/telemetry`), 'FORBIDDEN');
  ada.send({ type: 'subscribe', topic: TELEMETRY });
  assert.equal((await ada.next()).type, 'snapshot');
});

test('one connection watches so many topics and no more', async () => {
  const viewer = await live.connect('ada');
  const topics = Array.from({ length: LIMITS.liveTopicsPerSocket + 1 }, (_, nth) => `command/${id(nth)}`);
  for (const topic of topics) {
    live.stored.set(topic, []);
    viewer.send({ type: 'subscribe', topic });
  }
  const refused = await viewer.next(({ type }) => type === 'error');
  assert.ok(refused.type === 'error' && refused.code === 'WATCH_LIMIT' && refused.topic === topics.at(-1));
  for (const _ of topics.slice(1)) assert.equal((await viewer.next()).type, 'snapshot');
});

test('over https only the cookie counts that no page of another host can set', async (t) => {
  const secure = await startLive({ publicUrl: 'https://muster.example' });
  t.after(() => secure.stop());
  const cookies = { guarded: `${SECURE_COOKIE}=ada`, plain: `${COOKIE}=ada` };
  await (await secure.connect(null, { headers: { cookie: cookies.guarded } })).next(({ type }) => type === 'welcome');
  const viewer = await secure.connect(null, { headers: { cookie: cookies.plain } });
  viewer.send({ type: 'subscribe', topic: `site/${SITE}/presence` });
  const refused = await viewer.next();
  assert.ok(refused.type === 'error' && refused.code === 'SIGN_IN_REQUIRED', JSON.stringify(refused));
});

test('the token comes in a header, a cookie of our own page, or the first frame; never in the address', async () => {
  const origin = new URL(live.url.replace('ws:', 'http:')).origin;
  const cookie = `${COOKIE}=ada`;
  await (await live.connect(null, { headers: { cookie, origin } })).next(({ type }) => type === 'welcome');
  const browser = await live.connect(null, { headers: { origin } });
  browser.send({ type: 'hello', token: 'ada' });
  assert.equal((await browser.next()).type, 'welcome');
  await assert.rejects(openViewer(live.url, null, { cookie, origin: 'https://evil.example' }), /403/);
  await assert.rejects(openViewer(live.url, 'nobody'), /401/);
  const addressed = await openViewer(`${live.url}?token=ada`, null);
  addressed.send({ type: 'subscribe', topic: TELEMETRY });
  const frame = await addressed.next();
  assert.ok(frame.type === 'error' && frame.code === 'SIGN_IN_REQUIRED');
  addressed.end();
});

test('a wrong token, and none in time, close the connection', async () => {
  const wrong = await live.connect(null);
  wrong.send({ type: 'hello', token: 'nobody' });
  assert.deepEqual(await wrong.closed(), { code: LIVE_CLOSE_CODES.SIGN_IN_REQUIRED, reason: 'SIGN_IN_REQUIRED' });
  const clock = createVirtualClock();
  const other = await startLive({ clock });
  try {
    const silent = await other.connect(null);
    await clock.advance(LIMITS.liveHelloMs + 1);
    assert.equal((await silent.closed()).code, LIVE_CLOSE_CODES.SIGN_IN_REQUIRED);
  } finally {
    await other.stop();
  }
});

test('who signs out is shut out within 5 s; who loses a site loses its topics', async () => {
  const clock = createVirtualClock();
  const other = await startLive({ clock });
  try {
    other.sessions.set('bo', { sites: [SITE] });
    const [ada, bo] = [await other.connect('ada'), await other.connect('bo')];
    bo.send({ type: 'subscribe', topic: ALERTS });
    await bo.next(({ type }) => type === 'snapshot');
    other.sessions.delete('ada');
    other.sessions.set('bo', { sites: [] });
    await clock.advance(5_000);
    assert.equal((await ada.closed()).reason, 'SIGN_IN_REQUIRED');
    const lost = await bo.next();
    assert.ok(lost.type === 'error' && lost.topic === ALERTS && lost.code === 'NOT_FOUND');
    other.bus.publish('alert.changed', alertChanged('1'));
    assert.equal(bo.frames.length, 0);
  } finally {
    await other.stop();
  }
});

test('whoever answers no ping is gone; whoever answers stays', async () => {
  const clock = createVirtualClock();
  const other = await startLive({ clock });
  try {
    const dead = await other.connect('ada', { autoPong: false });
    const alive = await other.connect('ada');
    for (let round = 0; round < 4; round++) {
      const pinged = new Promise((resolve) => alive.socket.once('ping', resolve));
      await clock.advance(20_000);
      await pinged;
      // its answer is here once a later frame is
      alive.send({ type: 'unsubscribe', topic: 'none' });
      await alive.next(({ type }) => type === 'error');
    }
    assert.equal((await dead.closed()).code, 1006);
    assert.equal(other.gateway.count(), 1);
  } finally {
    await other.stop();
  }
});

test('one user has so many connections and no more', async () => {
  const other = await startLive({ config: { socketsPerUser: 2 } });
  try {
    await other.connect('ada');
    await other.connect('ada');
    await assert.rejects(openViewer(other.url, 'ada'), /429/);
  } finally {
    await other.stop();
  }
});

test('a stop tells every viewer, and takes no new one', async () => {
  const [one, two] = [await live.connect('ada'), await live.connect('ada')];
  const drained = live.gateway.drain();
  assert.deepEqual(await one.closed(), { code: 1001, reason: 'SERVER_STOPPING' });
  assert.deepEqual(await two.closed(), { code: 1001, reason: 'SERVER_STOPPING' });
  await drained;
  await assert.rejects(openViewer(live.url, 'ada'), /503/);
});

function id(nth: number): string {
  return `019a0000-0000-7000-9000-${nth.toString(16).padStart(12, '0')}`;
}

function alertChanged(alertId: string) {
  return { alertId, siteId: SITE, deviceId: null, severity: 'major', state: 'open', at: 1 } as const;
}
