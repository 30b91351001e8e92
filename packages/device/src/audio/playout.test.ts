import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createSpeaker } from './playout.ts';

const FRAME = new Int16Array(1_440);

/** A speaker on a clock that the test moves. */
function stage(t: TestContext) {
  t.mock.timers.enable({ apis: ['setInterval'] });
  let at = 1_000;
  const written: number[] = [];
  let flushes = 0;
  const sink = { write: () => written.push(at), flush: () => flushes++ };
  const speaker = createSpeaker(sink, () => at);
  const pass = (ms: number): void => {
    for (let step = 0; step < ms; step += 20) {
      at += 20;
      t.mock.timers.tick(20);
    }
  };
  return { speaker, written, pass, flushes: () => flushes };
}

test('a burst of five and then one each 60 ms is played without a gap', (t) => {
  const { speaker, written, pass } = stage(t);
  for (let i = 0; i < 5; i++) speaker.play(FRAME);
  for (let i = 0; i < 20; i++) {
    pass(60);
    speaker.play(FRAME);
  }
  pass(2_000);
  assert.equal(written.length, 25);
  assert.equal(speaker.counts.silences, 1);
  assert.equal(speaker.queuedMs(), 0);
});

test('jitter of 200 ms is ridden out once the burst is there', (t) => {
  const { speaker, pass } = stage(t);
  for (let i = 0; i < 5; i++) speaker.play(FRAME);
  pass(60);
  pass(200);
  for (let i = 0; i < 4; i++) speaker.play(FRAME);
  pass(60);
  assert.equal(speaker.counts.silences, 0);
});

test('never feeds the sink more than 180 ms ahead, so that a flush is silence', (t) => {
  const { speaker, written, pass, flushes } = stage(t);
  for (let i = 0; i < 100; i++) speaker.play(FRAME);
  pass(600);
  assert.ok(written.length <= 13, `${written.length} frames in 600 ms`);
  speaker.flush();
  assert.equal(flushes(), 1);
  const before = written.length;
  pass(500);
  assert.equal(written.length, before);
  assert.equal(speaker.queuedMs(), 0);
});

test('one lonely frame is played, and drained tells when', async (t) => {
  const { speaker, written, pass } = stage(t);
  const { signal } = new AbortController();
  await speaker.drained(signal);
  speaker.play(FRAME);
  let isDrained = false;
  const drained = speaker.drained(signal).then(() => {
    isDrained = true;
  });
  pass(140);
  await Promise.resolve();
  assert.equal(isDrained, false);
  pass(200);
  await drained;
  assert.equal(written.length, 1);
});

test('the queue is bounded, and waiting can be aborted', async (t) => {
  const { speaker } = stage(t);
  for (let i = 0; i < 1_010; i++) speaker.play(FRAME);
  assert.equal(speaker.counts.dropped, 10);
  const stopping = new AbortController();
  const drained = speaker.drained(stopping.signal);
  stopping.abort();
  await assert.rejects(drained);
});
