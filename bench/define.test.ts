import assert from 'node:assert/strict';
import { test } from 'node:test';
import { missedGoals } from './define.ts';
import { formatRun } from './report/report.ts';

const goals = { p95Ms: { atMost: 10 }, perSecond: { atLeast: 100 }, lost: { atMost: 0 } } as const;

test('a goal is kept at its bound, and missed past it or when it was not measured', () => {
  assert.deepEqual(missedGoals(goals, { p95Ms: 10, perSecond: 100, lost: 0 }), []);
  assert.deepEqual(missedGoals(goals, { p95Ms: 10.1, perSecond: 99, lost: 0 }), ['p95Ms', 'perSecond']);
  assert.deepEqual(missedGoals(goals, { p95Ms: Number.NaN, perSecond: 200 }), ['p95Ms', 'lost']);
});

test('the table names what was not measured', () => {
  const run = { bench: 'x', at: 0, node: 'v24', cores: 2, figures: { p95Ms: 3.456 }, beside: { p95Ms: 7 } };
  const text = formatRun({ ...run, short: ['perSecond', 'lost'] }, goals);
  assert.match(text, /p95Ms +3\.46 +at most 10 +7 +ok/);
  assert.match(text, /lost +not measured +at most 0 +SHORT/);
});
