import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createTurn, TurnEnded, type TurnEvent } from './turn.ts';

function after(...events: TurnEvent[]) {
  const turn = createTurn();
  for (const event of events) assert.ok(turn.send(event), `${event} in ${turn.state}`);
  return turn;
}

test('a spoken turn goes from listening to idle on one signal', () => {
  const turn = after('listen', 'speech', 'pause');
  const { signal } = turn;
  for (const [event, state] of [
    ['end', 'thinking'],
    ['sound', 'speaking'],
  ] as const) {
    turn.send(event);
    assert.equal(turn.state, state);
    assert.equal(turn.signal, signal);
    assert.equal(signal.aborted, false);
  }
  turn.send('finished');
  assert.equal(turn.state, 'idle');
});

test('going on after a pause voids what was prepared', () => {
  const turn = after('listen', 'speech', 'pause');
  const { signal } = turn;
  turn.send('resume');
  assert.equal(turn.state, 'hearing');
  assert.ok(signal.reason instanceof TurnEnded);
  assert.equal(signal.reason.event, 'resume');
});

test('interrupting, closing and typing end the turn at work', () => {
  for (const event of ['interrupt', 'close', 'text', 'listen'] as const) {
    const turn = after('listen', 'speech', 'pause', 'end', 'sound');
    const { signal } = turn;
    turn.send(event);
    assert.ok(signal.aborted, event);
    assert.equal(turn.signal.aborted, event !== 'text', event);
  }
});

test('events without a meaning change nothing', () => {
  const turn = after('listen');
  assert.equal(turn.send('sound'), false);
  assert.equal(turn.state, 'listening');
  turn.send('close');
  assert.equal(turn.send('listen'), false);
  assert.equal(turn.state, 'closed');
});

test('property: the signal is live exactly while a turn is at work, and closed is for ever', () => {
  const events: TurnEvent[] = [
    'listen',
    'mute',
    'speech',
    'pause',
    'resume',
    'end',
    'text',
    'sound',
    'finished',
    'interrupt',
    'close',
  ];
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...events), { maxLength: 60 }), (sequence) => {
      const turn = createTurn();
      let closed = false;
      for (const event of sequence) {
        turn.send(event);
        closed ||= event === 'close';
        assert.equal(turn.state === 'closed', closed);
        assert.equal(!turn.signal.aborted, ['guessing', 'thinking', 'speaking'].includes(turn.state), turn.state);
      }
    }),
  );
});
