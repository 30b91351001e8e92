import assert from 'node:assert/strict';
import { test } from 'node:test';
import { completenessOf, createEndpointer, type Endpointer, WINDOW_MS } from './endpoint.ts';

const config = { minMs: 320, maxMs: 700 };

/** Feeds windows and gives the events with the silence at which they came. */
function feed(endpointer: Endpointer, probability: number, windows: number) {
  const events: { event: string; silenceMs: number }[] = [];
  for (let i = 0; i < windows; i++) {
    const event = endpointer.push(probability);
    if (event !== null) events.push({ event, silenceMs: endpointer.silenceMs });
  }
  return events;
}

function spoken(): Endpointer {
  const endpointer = createEndpointer(config);
  assert.deepEqual(
    feed(endpointer, 0.9, 10).map((e) => e.event),
    ['speech'],
  );
  return endpointer;
}

test('one loud window is a click, not speech', () => {
  const endpointer = createEndpointer(config);
  assert.deepEqual(feed(endpointer, 0.9, 1), []);
  assert.deepEqual(feed(endpointer, 0.1, 60), []);
});

test('a pause comes before the end, and the middle wait holds while the words are not known', () => {
  const events = feed(spoken(), 0.1, 40);
  assert.deepEqual(
    events.map((e) => e.event),
    ['pause', 'end'],
  );
  assert.equal(events[0]?.silenceMs, 192);
  assert.ok(Math.abs((events[1]?.silenceMs ?? 0) - 510) <= WINDOW_MS);
});

test('finished words end the turn at the shortest silence, at once when it has passed', () => {
  const early = spoken();
  feed(early, 0.1, 6);
  assert.equal(early.hint('complete'), null);
  assert.equal(feed(early, 0.1, 40)[0]?.silenceMs, 320);

  const late = spoken();
  feed(late, 0.1, 12);
  assert.equal(late.hint('complete'), 'end');
});

test('words that break off get the longest wait', () => {
  const endpointer = spoken();
  feed(endpointer, 0.1, 6);
  endpointer.hint('open');
  const [end] = feed(endpointer, 0.1, 40);
  assert.equal(end?.event, 'end');
  assert.ok((end?.silenceMs ?? 0) >= 700);
});

test('speech after a pause resumes, and who paused long is waited for longer', () => {
  const endpointer = spoken();
  feed(endpointer, 0.1, 14);
  assert.deepEqual(
    feed(endpointer, 0.9, 3).map((e) => e.event),
    ['resume'],
  );
  feed(endpointer, 0.1, 6);
  endpointer.hint('complete');
  const [end] = feed(endpointer, 0.1, 40);
  assert.ok((end?.silenceMs ?? 0) >= 14 * WINDOW_MS * 1.25 - 1, String(end?.silenceMs));
});

test('a breath between the thresholds goes on as speech, not as silence', () => {
  const endpointer = spoken();
  assert.deepEqual(feed(endpointer, 0.4, 60), []);
});

test('which words sound finished', () => {
  for (const text of ['What time is it?', 'Set a timer for ten minutes.', 'Stop.']) {
    assert.equal(completenessOf(text, 'en'), 'complete', text);
  }
  for (const text of ['Set a timer for.', 'I want to', 'Turn the', '', '...']) {
    assert.equal(completenessOf(text, 'en'), 'open', text);
  }
  assert.equal(completenessOf('Bật đèn', 'vi'), null);
});
