import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COMMAND_STATES, type CommandState, FINAL_COMMAND_STATES } from '@muster/contract';
import fc from 'fast-check';
import { type CommandEvent, isFinal, movesOf, next, TRANSITIONS } from './life-cycle.ts';

const EVENTS: CommandEvent[] = ['send', 'unsend', 'ack', 'confirm', 'reject', 'fail', 'cancel', 'deadline'];

test('whatever happens in whatever order, the deadline ends it, and a final state stays', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...EVENTS), { maxLength: 30 }), (events) => {
      let state: CommandState = 'queued';
      let ended: CommandState | null = null;
      for (const event of [...events, 'deadline' as const]) {
        state = next(state, event) ?? state;
        if (ended !== null) assert.equal(state, ended);
        if (isFinal(state)) ended = state;
      }
      assert.notEqual(ended, null);
    }),
  );
});

test('what was never sent expires, what was sent and not answered is unknown, never failed or confirmed', () => {
  assert.equal(next('queued', 'deadline'), 'expired');
  assert.equal(next('sent', 'deadline'), 'unknown');
  assert.equal(next('acked', 'deadline'), 'unknown');
});

test('only what was not sent can be cancelled, and an acked one cannot be sent again', () => {
  assert.deepEqual(movesOf('cancel'), [['queued', 'cancelled']]);
  assert.equal(next('acked', 'unsend'), null);
});

test('every state can be reached and every path ends', () => {
  const reached = new Set<CommandState>(['queued']);
  for (const state of reached) for (const to of Object.values(TRANSITIONS[state])) reached.add(to);
  assert.equal(reached.size, Object.keys(TRANSITIONS).length);
});

test('the states without a way out are those that the contract calls final', () => {
  assert.deepEqual(new Set(COMMAND_STATES.filter(isFinal)), FINAL_COMMAND_STATES);
});
