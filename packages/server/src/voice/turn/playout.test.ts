import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turnOfLoop } from 'node:timers/promises';
import { codeOf } from '@muster/contract';
import { createVirtualClock } from '@muster/testkit';
import { createPlayout, START_GAP_MS } from './playout.ts';

const FRAME = 1_440;
const sound = (frames: number): Int16Array => new Int16Array(FRAME * frames).fill(1_000);

/** `lateMs`: how late the timers of the schedule fire. */
function setUp(accept = () => true, lateMs = 0) {
  const clock = createVirtualClock();
  const paced: number[] = [];
  const sent: { what: string; at: number }[] = [];
  const note = (what: string): void => void sent.push({ what, at: clock.monotonic() });
  const playout = createPlayout({
    clock: { ...clock, after: (ms, task) => clock.after(ms + lateMs, task) },
    link: {
      speechStart: () => note('start'),
      sentence: (text) => note(`"${text}"`),
      audio: () => {
        note('audio');
        return accept();
      },
      speechStop: () => note('stop'),
    },
    encode: (frame) => new Uint8Array(frame.length),
    onSound: () => note('sound'),
    onPaced: (late) => void paced.push(late),
  });
  const times = (what: string): number[] =>
    sent.filter((entry) => entry.what === what).map((entry) => entry.at - startedAt);
  const startedAt = clock.monotonic();
  return { clock, playout, sent, times, paced };
}

test('nothing leaves before the turn is certain', async () => {
  const { clock, playout, sent } = setUp();
  await playout.write(sound(10));
  await clock.advance(2_000);
  assert.deepEqual(sent, []);
});

test('trap 11: audio comes a frame after tts start; trap 12: five frames at once, then one each 60 ms', async () => {
  const { clock, playout, times } = setUp();
  playout.sentence('Hello.');
  await playout.write(sound(10));
  playout.open();
  await clock.advance(2_000);
  assert.deepEqual(times('start'), [0]);
  const first = START_GAP_MS;
  assert.deepEqual(times('audio'), [first, first, first, first, first, 120, 180, 240, 300, 360]);
  assert.deepEqual(times('"Hello."'), [first]);
  assert.deepEqual(times('sound'), [first]);
});

test('trap 13: tts stop waits until the device has played the last syllable', async () => {
  const { clock, playout, times } = setUp();
  playout.open();
  await playout.write(sound(9).subarray(0, 8 * FRAME + 10));
  const finished = playout.finish();
  await clock.advance(5_000);
  assert.equal(await finished, true);
  const lastAudio = times('audio').at(-1) ?? 0;
  assert.equal(times('audio').length, 9);
  assert.deepEqual(times('stop'), [lastAudio + 420]);
});

test('stopping drops what waits and tells the device at once', async () => {
  const { clock, playout, times } = setUp();
  playout.open();
  await playout.write(sound(50));
  await clock.advance(200);
  const before = times('audio').length;
  playout.stop(new Error('barge-in'));
  await clock.advance(5_000);
  assert.equal(times('audio').length, before);
  assert.deepEqual(times('stop'), [200]);
  await assert.rejects(playout.write(sound(1)), /barge-in/);
});

test('sound that comes after the device ran dry is played late, again with a lead of five frames', async () => {
  const { clock, playout, times, paced } = setUp();
  playout.open();
  await playout.write(sound(6));
  await clock.advance(1_000);
  await playout.write(sound(7));
  await clock.advance(1_000);
  assert.deepEqual(times('audio').slice(6), [1_000, 1_000, 1_000, 1_000, 1_000, 1_060, 1_120]);
  assert.deepEqual(
    paced.filter((late) => late !== 0),
    [],
    'a late writer is no late timer',
  );
});

test('sound that comes late while the device still plays leaves at once until the lead is whole again', async () => {
  const { clock, playout, times } = setUp();
  playout.open();
  // the device plays from 60 ms to 420 ms; frame 6 was due at 180 ms
  await playout.write(sound(6));
  await clock.advance(330);
  await playout.write(sound(6));
  await clock.advance(1_000);
  assert.deepEqual(times('audio').slice(6), [330, 330, 330, 360, 420, 480]);
});

test('a late timer is told, and does not add up', async () => {
  const { clock, playout, times, paced } = setUp(() => true, 25);
  playout.open();
  await playout.write(sound(8));
  await clock.advance(1_000);
  assert.deepEqual(times('audio').slice(5), [145, 205, 265]);
  assert.deepEqual(paced.slice(4), [25, 25, 25]);
});

test('a writer that is far ahead waits, and goes on when there is room', async () => {
  const { clock, playout } = setUp();
  playout.open();
  let done = false;
  const written = playout.write(sound(200)).then(() => {
    done = true;
  });
  await turnOfLoop();
  assert.equal(done, false);
  await clock.advance(4_000);
  await written;
});

test('a device that is gone ends it', async () => {
  const { clock, playout } = setUp(() => false);
  playout.open();
  await playout.write(sound(10));
  const finished = playout.finish();
  await clock.advance(1_000);
  assert.equal(await finished, false);
  await assert.rejects(playout.write(sound(1)), (error) => codeOf(error) === 'DEVICE_NOT_CONNECTED');
});
