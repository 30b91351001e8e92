import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DutyName, IncidentKind } from '@muster/contract';
import { aMonthAfter, type Clockwork, dutiesOf } from './duties.ts';

const at = (iso: string): number => Date.parse(iso);
const MINUTE = 60_000;

function duty(name: DutyName, now: string, over: Partial<Clockwork> & { kind?: IncidentKind } = {}) {
  const incident = {
    kind: 'exploited-vulnerability' as const,
    knownAt: at('2027-03-27T10:15:00Z'),
    correctiveAt: null,
    closedAt: null,
    done: {},
    ...over,
  };
  const found = dutiesOf(incident, at(now)).find((one) => one.duty === name);
  assert.ok(found !== undefined);
  return { ...found, due: found.dueAt === null ? null : new Date(found.dueAt).toISOString() };
}

test('24 and 72 hours are hours, also over the night in which the clocks are put forward', () => {
  // Sunday, 28 March 2027, 01:00 UTC
  assert.equal(duty('early-warning', '2027-03-27T12:00:00Z').due, '2027-03-28T10:15:00.000Z');
  assert.equal(duty('notification', '2027-03-27T12:00:00Z').due, '2027-03-30T10:15:00.000Z');
});

test('what is due at a minute is in time at that minute, and overdue after it', () => {
  assert.equal(duty('early-warning', '2027-03-28T10:15:00.000Z').state, 'soon');
  assert.equal(duty('early-warning', '2027-03-28T10:15:00.001Z').state, 'overdue');
  const done = (iso: string) => ({ done: { 'early-warning': { at: at(iso), reference: null } } });
  const onTime = duty('early-warning', '2027-04-01T00:00:00Z', done('2027-03-28T10:15:00.000Z'));
  assert.deepEqual([onTime.state, onTime.late], ['done', false]);
  assert.equal(duty('early-warning', '2027-04-01T00:00:00Z', done('2027-03-28T10:15:00.001Z')).late, true);
});

test('a duty is soon 12 hours, 24 hours and 2 days before it is due', () => {
  const known = at('2027-03-27T10:15:00Z');
  for (const [name, hours, over] of [
    ['early-warning', 24 - 12, {}],
    ['notification', 72 - 24, {}],
    ['final-report', (14 - 2) * 24, { correctiveAt: known }],
  ] as const) {
    const turn = known + hours * 60 * MINUTE;
    assert.equal(duty(name, new Date(turn - 1).toISOString(), over).state, 'open', name);
    assert.equal(duty(name, new Date(turn).toISOString(), over).state, 'soon', name);
  }
});

test('the final report on a vulnerability waits for a fix and is due 14 days after it', () => {
  const now = '2028-02-20T00:00:00Z';
  const knownAt = at('2028-02-10T08:00:00Z');
  assert.deepEqual(
    [duty('final-report', now, { knownAt }).due, duty('final-report', now, { knownAt }).state],
    [null, 'waiting'],
  );
  // over the leap day
  const fixed = duty('final-report', now, { knownAt, correctiveAt: at('2028-02-20T08:30:00Z') });
  assert.equal(fixed.due, '2028-03-05T08:30:00.000Z');
  const before = duty('final-report', now, { knownAt, correctiveAt: at('2028-01-01T00:00:00Z') });
  assert.equal(before.due, '2028-02-24T08:00:00.000Z', 'a fix older than the knowledge');
});

test('the final report on an incident is due a month after the notification, whatever the length of the month', () => {
  const kind = 'severe-incident';
  const now = '2027-04-01T00:00:00Z';
  assert.equal(duty('final-report', now, { kind }).due, null);
  assert.equal(
    duty('final-report', now, { kind, correctiveAt: at('2027-03-28T00:00:00Z') }).due,
    null,
    'a fix begins nothing',
  );
  const done = { notification: { at: at('2027-03-29T22:30:00Z'), reference: null } };
  assert.equal(duty('final-report', now, { kind, done }).due, '2027-04-29T22:30:00.000Z');
  for (const [from, to] of [
    ['2027-01-31T12:00:00.000Z', '2027-02-28T12:00:00.000Z'],
    ['2028-01-31T12:00:00.000Z', '2028-02-29T12:00:00.000Z'],
    ['2028-01-29T12:00:00.000Z', '2028-02-29T12:00:00.000Z'],
    ['2028-02-29T23:59:59.999Z', '2028-03-29T23:59:59.999Z'],
    ['2027-05-31T00:00:00.000Z', '2027-06-30T00:00:00.000Z'],
    ['2027-12-31T23:59:00.000Z', '2028-01-31T23:59:00.000Z'],
  ] as const) {
    assert.equal(new Date(aMonthAfter(at(from))).toISOString(), to, from);
  }
});

test('nothing is due of a closed record', () => {
  const closed = { closedAt: at('2027-03-27T11:00:00Z') };
  assert.equal(duty('early-warning', '2027-04-27T00:00:00Z', closed).state, 'dropped');
  const done = { 'early-warning': { at: at('2027-03-27T10:30:00Z'), reference: 'A-1' } };
  assert.equal(duty('early-warning', '2027-04-27T00:00:00Z', { ...closed, done }).state, 'done');
});
