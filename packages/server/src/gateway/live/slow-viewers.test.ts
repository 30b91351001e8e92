import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import type { LiveFrame } from '@muster/contract';
import { DEVICE, SITE, startLive, type TestLive } from './live.fixture.ts';

const TELEMETRY = `device/${DEVICE}/telemetry`;
const EVENTS = `device/${DEVICE}/events`;
/** More than the buffers of the system hold for one connection: what is written past them waits in the server. */
const FLOOD_BYTES = 24 * 1_048_576;
const VALUE = 'x'.repeat(4_000);
let live: TestLive;

beforeEach(async () => {
  live = await startLive();
});
afterEach(() => live.stop());

/** Gives the event loop its turns: a flood from one turn alone would find every socket full. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function flood(send: (nth: number) => void, bytesEach: number): Promise<number> {
  const count = Math.ceil(FLOOD_BYTES / bytesEach);
  for (let nth = 1; nth <= count; nth++) {
    send(nth);
    if (nth % 50 === 0) await turn();
  }
  return count;
}

function event(nth: number, data: unknown): void {
  const eventId = `019a0000-0000-7000-8000-${nth.toString(16).padStart(12, '0')}`;
  live.bus.publish('device.event', {
    deviceId: DEVICE,
    siteId: SITE,
    eventId,
    name: 'door',
    level: 'info',
    data,
    at: nth,
    receivedAt: nth,
  });
}

test('values that a slow viewer missed are merged: the newest of each series comes, and no number is left out', async () => {
  const slow = await live.connect('ada');
  const quick = await live.connect('ada');
  for (const viewer of [slow, quick]) {
    viewer.send({ type: 'subscribe', topic: TELEMETRY });
    await viewer.next(({ type }) => type === 'snapshot');
  }
  slow.socket.pause();
  const count = await flood((nth) => live.measure(nth, `${nth} ${VALUE}`, `series${nth % 3}`), 4_100);
  slow.socket.resume();
  const last = await slow.next((frame) => frame.type === 'change' && frame.seq === count);
  const seen = [...slow.frames, last].filter((frame) => frame.type === 'change');
  assert.ok(seen.length < count, 'nothing was merged');
  let next = 1;
  const newest = new Map<unknown, unknown>();
  for (const frame of seen) {
    assert.equal(frame.first ?? frame.seq, next);
    next = frame.seq + 1;
    for (const item of frame.items as { series: string; at: number }[]) newest.set(item.series, item.at);
  }
  assert.equal(next, count + 1);
  assert.deepEqual([...newest.values()].sort(), [count - 2, count - 1, count].sort());
  assert.notEqual((await live.metric('muster_live_merged_total')).split(' ')[1], '0');
  // who was not slow got each of them
  await quick.next((frame) => frame.type === 'change' && frame.seq === count);
});

test('events are never left out: a viewer that is too slow for them is closed with a code of its own, and counted', async () => {
  const slow = await live.connect('ada');
  const quick = await live.connect('ada');
  for (const viewer of [slow, quick]) {
    viewer.send({ type: 'subscribe', topic: EVENTS });
    await viewer.next(({ type }) => type === 'snapshot');
  }
  slow.socket.pause();
  const count = await flood((nth) => event(nth, { words: VALUE }), 4_200);
  const closed = await until(
    () => live.metric('muster_live_closed_total'),
    (line) => line.includes('VIEWER_SLOW'),
  );
  assert.match(closed, /reason="VIEWER_SLOW"\} 1$/);
  slow.socket.resume();
  await slow.closed();
  const seen = slow.frames.filter((frame) => frame.type === 'change').map(({ seq }) => seq);
  assert.deepEqual(
    seen,
    seen.map((_, nth) => nth + 1),
    'something before the close was left out',
  );
  assert.ok(seen.length < count);
  await quick.next((frame) => frame.type === 'change' && frame.seq === count);
  assert.deepEqual(
    sequence(quick.frames),
    Array.from({ length: count - 1 }, (_, nth) => nth + 1),
  );
});

test('a slow viewer within the bound gets every event, late and in order', async () => {
  const slow = await live.connect('ada');
  slow.send({ type: 'subscribe', topic: EVENTS });
  slow.send({ type: 'subscribe', topic: TELEMETRY });
  for (let nth = 0; nth < 2; nth++) await slow.next(({ type }) => type === 'snapshot');
  slow.socket.pause();
  // the values fill the socket and are merged; the events among them wait
  let events = 0;
  await flood((nth) => {
    live.measure(nth, `${nth} ${VALUE}`);
    if (nth % 100 === 0) event(++events, null);
  }, 4_100);
  slow.socket.resume();
  await slow.next((frame) => frame.type === 'change' && frame.topic === EVENTS && frame.seq === events);
  assert.deepEqual(
    sequence(slow.frames.filter((frame) => 'topic' in frame && frame.topic === EVENTS)),
    Array.from({ length: events - 1 }, (_, nth) => nth + 1),
  );
});

function sequence(frames: readonly LiveFrame[]): number[] {
  return frames.filter((frame) => frame.type === 'change').map(({ seq }) => seq);
}

async function until<T>(look: () => Promise<T>, is: (found: T) => boolean): Promise<T> {
  for (let round = 0; round < 500; round++) {
    const found = await look();
    if (is(found)) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return look();
}
