import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { test } from 'node:test';
import { createVirtualClock } from '@muster/testkit';
import { createPlaces } from './places.ts';

/** A connection of which only what `take` looks at is there. */
function connection(destroyed = false) {
  const socket = { bytesWritten: 0, bytesRead: 0, writableLength: 0, destroyed };
  const one = Object.assign(new EventEmitter(), {
    socket,
    destroyed,
    destroy() {
      one.destroyed = true;
      one.emit('close');
    },
  });
  return one;
}
const raw = (one: ReturnType<typeof connection>): ServerResponse => one as unknown as ServerResponse;

test('one site leaves places to the others', () => {
  const places = createPlaces(createVirtualClock());
  for (let nth = 0; nth < 4; nth++) places.take('greedy', raw(connection()));
  assert.throws(() => places.take('greedy', raw(connection())), { code: 'RATE_LIMITED' });
  places.take('other', raw(connection()));
});

test('a place of a connection that has ended already is free', () => {
  const places = createPlaces(createVirtualClock());
  for (let nth = 0; nth < 40; nth++) places.take('site', raw(connection(true)));
});

test('a client that takes nothing is cut off; one that takes a little is waited for', async () => {
  const clock = createVirtualClock();
  const places = createPlaces(clock);
  const stalled = connection();
  const slow = connection();
  places.take('site', raw(stalled));
  places.take('site', raw(slow));
  const idle = connection();
  places.take('site', raw(idle));
  for (let seconds = 0; seconds < 120; seconds += 10) {
    slow.socket.bytesWritten += 200;
    slow.socket.writableLength += 100;
    // what waits to leave is not taken yet
    stalled.socket.bytesWritten += 100;
    stalled.socket.writableLength += 100;
    await clock.advance(10_000);
  }
  assert.equal(stalled.destroyed, true);
  assert.equal(slow.destroyed, false);
  assert.equal(idle.destroyed, false);
});
