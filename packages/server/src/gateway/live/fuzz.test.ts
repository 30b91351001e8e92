import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { Duplex } from 'node:stream';
import { after, before, test } from 'node:test';
import { LIVE_PATH, LIVE_TOPICS, readLiveTopic } from '@muster/contract';
import { createVirtualClock } from '@muster/testkit';
import fc from 'fast-check';
import type { WebSocket } from 'ws';
import { createLogger } from '../../platform/log.ts';
import { createFeeds } from './feeds.ts';
import { DEVICE, OTHER_SITE, SITE, startLive, type TestLive } from './live.fixture.ts';
import { openSession } from './session.ts';

let live: TestLive;
before(async () => {
  live = await startLive();
});
after(() => live.stop());

const name = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.constantFrom('__proto__', 'constructor', `${LIVE_PATH}`, 'device//telemetry', `device/${DEVICE}/`),
  fc
    .tuple(fc.constantFrom(...Object.values(LIVE_TOPICS)), fc.constantFrom(DEVICE, SITE, OTHER_SITE, '', '*', '#'))
    .map(([{ topic }, id]) => topic.replace('{id}', id)),
);
const anything = fc.oneof(fc.anything(), fc.constantFrom('hello', 'subscribe', 'unsubscribe', null, -1, Infinity));
const request = fc.oneof(
  fc.record({ type: fc.constantFrom('subscribe', 'unsubscribe', 'hello'), topic: name }),
  fc.record({
    type: fc.constant('subscribe'),
    topic: name,
    from: fc.oneof(anything, fc.record({ epoch: fc.string(), seq: fc.oneof(fc.integer(), fc.double()) })),
  }),
  fc.record({ type: anything, topic: anything, token: anything, from: anything }),
);
const bytes = fc.oneof(
  request.map((value) => Buffer.from(JSON.stringify(value) ?? '')),
  request.chain((value) => {
    const text = Buffer.from(JSON.stringify(value) ?? '');
    return fc.nat(text.length).map((at) => text.subarray(0, at));
  }),
  fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array)),
  fc.nat(2_000).map((depth) => Buffer.from('['.repeat(depth))),
);

test('20,000 frames of any bytes: each is answered or closes the connection, and nothing is left behind', async () => {
  const clock = createVirtualClock();
  const inbox = {
    viewerOf: async () => null,
    viewersOf: async () => new Map(),
    siteOf: async () => SITE,
    read: async () => [],
    readSome: async () => [],
  };
  const feeds = createFeeds({ epoch: 'now', clock, log: createLogger('silent'), inbox, onFollowed: () => undefined });
  const faults: unknown[] = [];
  let closes = 0;
  let answers = 0;

  /** A session on a socket that takes everything. */
  function open() {
    const socket = Object.assign(new EventEmitter(), {
      readyState: 1,
      OPEN: 1,
      isPaused: false,
      send: () => void answers++,
      pause: () => undefined,
      resume: () => undefined,
    });
    const session = openSession({
      socket: socket as unknown as WebSocket,
      stream: new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() }),
      epoch: 'now',
      clock,
      feeds,
      inbox,
      counters: { sent: () => undefined, merged: () => undefined, refused: () => undefined },
      onHello: () => undefined,
      onClose: () => void closes++,
      onFault: (error) => faults.push(error),
    });
    session.know({ sessionId: 's', userId: SITE, may: () => 'allowed' });
    return { socket, session };
  }

  let { socket, session } = open();
  for (const frame of fc.sample(fc.tuple(bytes, fc.boolean()), 20_000)) {
    const closed = closes;
    socket.emit('message', frame[0], frame[1] && frame[0].length % 7 === 0);
    if (closes > closed) {
      session.ended();
      ({ socket, session } = open());
    }
  }
  await new Promise((resolve) => setImmediate(resolve));
  session.ended();
  assert.deepEqual(faults, []);
  assert.ok(answers > 10_000 && closes > 0);
  // at most the topics that exist by name are followed: none was made up
  assert.ok(feeds.count() <= Object.keys(LIVE_TOPICS).length * 3, `${feeds.count()} topics`);
  await feeds.stop();
});

test('a frame that is too large, or none of text, ends or is refused on a proper socket, and others go on', async () => {
  const [bad, good] = [await live.connect('ada'), await live.connect('ada')];
  bad.socket.send(Buffer.from([1, 2, 3]), { binary: true });
  const refused = await bad.next();
  assert.ok(refused.type === 'error' && refused.code === 'MESSAGE_MALFORMED');
  bad.socket.send('x'.repeat(5_000));
  assert.equal((await bad.closed()).code, 1009);
  good.send({ type: 'subscribe', topic: `device/${DEVICE}/telemetry` });
  assert.equal((await good.next()).type, 'snapshot');
});

test('a connection with nothing but wrong frames is closed', async () => {
  const bad = await live.connect('ada');
  for (let nth = 0; nth < 64; nth++) bad.socket.send('{');
  assert.equal((await bad.closed()).reason, 'MESSAGE_MALFORMED');
});

test('a name is a topic only in its one form', () => {
  assert.deepEqual(readLiveTopic(`device/${DEVICE}/telemetry`), { kind: 'telemetry', id: DEVICE });
  assert.deepEqual(readLiveTopic(`command/${DEVICE}`), { kind: 'command', id: DEVICE });
  for (const wrong of [
    `device/${DEVICE.toUpperCase()}/twin`,
    `command/${DEVICE}/`,
    `/device/${DEVICE}/twin`,
    `site/${SITE}`,
  ])
    assert.equal(readLiveTopic(wrong), null, wrong);
});
