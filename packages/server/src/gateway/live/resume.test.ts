import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { createVirtualClock, type VirtualClock } from '@muster/testkit';
import { DEVICE, startLive, type TestLive, type TestViewer } from './live.fixture.ts';

const TELEMETRY = `device/${DEVICE}/telemetry`;
let clock: VirtualClock;
let live: TestLive;

beforeEach(async () => {
  clock = createVirtualClock();
  live = await startLive({ clock });
});
afterEach(() => live.stop());

/** Watches, sees one change, and goes; gives where it was. */
async function watchAndGo(): Promise<{ epoch: string; seq: number }> {
  const viewer = await live.connect('ada');
  viewer.send({ type: 'subscribe', topic: TELEMETRY });
  const snapshot = await viewer.next();
  assert.ok(snapshot.type === 'snapshot');
  live.measure(1, 1);
  const change = await viewer.next();
  assert.ok(change.type === 'change');
  viewer.end();
  await viewer.closed();
  return { epoch: snapshot.epoch, seq: change.seq };
}

async function comeBack(from: { epoch: string; seq: number }): Promise<TestViewer> {
  const viewer = await live.connect('ada');
  viewer.send({ type: 'subscribe', topic: TELEMETRY, from });
  return viewer;
}

test('who comes back goes on after the last change that was seen', async () => {
  const from = await watchAndGo();
  for (let at = 2; at <= 5; at++) live.measure(at, at);
  const viewer = await comeBack(from);
  assert.deepEqual(await viewer.next(), { type: 'resumed', topic: TELEMETRY, ...from });
  for (let nth = 1; nth <= 4; nth++) {
    const change = await viewer.next();
    assert.ok(change.type === 'change' && change.seq === from.seq + nth);
    assert.deepEqual(change.items, [{ series: 'temp', kind: 'number', at: nth + 1, value: nth + 1 }]);
  }
  live.measure(9, 9);
  const next = await viewer.next();
  assert.ok(next.type === 'change' && next.seq === from.seq + 5);
});

const gaps: Record<string, (from: { epoch: string; seq: number }) => Promise<{ epoch: string; seq: number }>> = {
  'more happened than is kept': async (from) => {
    for (let at = 2; at <= 400; at++) live.measure(at, at);
    return from;
  },
  'it is the epoch of another run': async (from) => ({ ...from, epoch: 'another' }),
  'the number is of the future': async (from) => ({ ...from, seq: from.seq + 1 }),
  'the topic was left for longer than it is followed': async (from) => {
    await clock.advance(70_000);
    live.measure(2, 2);
    return from;
  },
  'another has begun the topic anew': async (from) => {
    await clock.advance(70_000);
    const other = await live.connect('ada');
    other.send({ type: 'subscribe', topic: TELEMETRY });
    await other.next(({ type }) => type === 'snapshot');
    for (let at = 2; at <= 5; at++) live.measure(at, at);
    return from;
  },
};
for (const [what, happens] of Object.entries(gaps)) {
  test(`a gap is told, and a new first state follows, when ${what}`, async () => {
    const viewer = await comeBack(await happens(await watchAndGo()));
    assert.deepEqual(await viewer.next(), { type: 'gap', topic: TELEMETRY });
    const snapshot = await viewer.next();
    assert.ok(snapshot.type === 'snapshot');
    assert.deepEqual(snapshot.items, live.stored.get(TELEMETRY));
  });
}
