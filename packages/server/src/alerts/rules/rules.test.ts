import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { CommandState, PointValue } from '@muster/contract';
import fc from 'fast-check';
import type { Facts, Firing, Rule, RuleInput } from './define.ts';
import { rules } from './index.gen.ts';

const NOTHING: Facts = {
  connected: null,
  keepsConnection: null,
  lastSeenAt: null,
  latest: () => null,
  lastPointAt: null,
};
const START = 1_000_000_000;

function kind(name: string): Rule {
  const rule = rules.find((one) => one.kind === name);
  assert.ok(rule !== undefined, name);
  return rule;
}

/** `[at s, input]`: what happens so many seconds after the start. */
type Step = readonly [number, RuleInput];
const tick: RuleInput = { on: 'tick' };
function point(second: number, value: PointValue, options: { ageMs?: number; series?: string } = {}): Step {
  const receivedAt = START + second * 1_000;
  const at = receivedAt - (options.ageMs ?? 0);
  const late = (options.ageMs ?? 0) > 300_000;
  const of = typeof value as 'number' | 'string' | 'boolean';
  return [second, { on: 'points', series: options.series ?? 's', kind: of, at, receivedAt, value, late }];
}
const link = (second: number, connected: boolean): Step => [second, changedTo(connected, false)];
const hungUp = (second: number): Step => [second, changedTo(false, true)];
function changedTo(connected: boolean, expected: boolean): RuleInput {
  return connected ? { on: 'link', connected } : { on: 'link', connected, expected };
}
const refused = (second: number, code: string, count = 1): Step => [second, { on: 'refused', code, count }];
const ended = (second: number, state: CommandState): Step => [second, { on: 'commands', state, name: 'go' }];
const event = (second: number, name: string): Step => [second, { on: 'events', name, level: 'info' }];
const ends = (second: number, atSecond: number | null): Step => [
  second,
  { on: 'certificate', endsAt: atSecond === null ? null : START + atSecond * 1_000 },
];
const at = (second: number): Step => [second, tick];

/** The verdict after each step: `#` firing, `.` quiet. With a restart after every step when `restarts`. */
function run(name: string, given: object, steps: readonly Step[], facts: Facts = NOTHING, restarts = false): string {
  const rule = kind(name);
  const params = rule.read(given as Record<string, unknown>);
  let state: Firing = rule.init(null, facts, params, START);
  let known = facts;
  let out = '';
  for (const [second, input] of steps) {
    const now = START + second * 1_000;
    const before = JSON.stringify(state);
    const next = rule.step(state, input, params, now);
    assert.equal(JSON.stringify(state), before, 'a step changes no state in place');
    state = next;
    // as the database has it
    if (input.on === 'link' && !input.connected) known = { ...known, keepsConnection: !input.expected };
    if (restarts) {
      const kept = rule.keep(state);
      state = {
        ...rule.init(kept === null ? null : JSON.parse(JSON.stringify(kept)), known, params, now),
        firing: state.firing,
      };
    }
    if (state.firing) assert.match(rule.fact(state, params, now), /\w/);
    out += state.firing ? '#' : '.';
  }
  return out;
}

const hot = { series: 's', limit: 80, hysteresis: 5, forMs: 10_000 };
const cases: readonly [kind: string, what: string, params: object, steps: readonly Step[], expected: string][] = [
  [
    'certificate-ends',
    'in time, until it is renewed or gone',
    { withinMs: 30_000 },
    [at(0), ends(1, 100), at(69), at(70), at(200), ends(201, 900), at(870), ends(871, null)],
    '...##.#.',
  ],
  ['threshold', 'at the limit is good', { series: 's', limit: 80 }, [point(0, 80), point(1, 80.1)], '.#'],
  ['threshold', 'below', { series: 's', side: 'below', limit: 10 }, [point(0, 10), point(1, 9), point(2, 10)], '.#.'],
  ['threshold', 'duration by the clock', hot, [point(0, 90), at(9), at(10)], '..#'],
  ['threshold', 'a dip begins it anew', hot, [point(0, 90), point(5, 70), point(6, 90), at(15), at(16)], '....#'],
  ['threshold', 'hysteresis', hot, [point(0, 90), at(10), point(11, 76), point(12, 75)], '.##.'],
  [
    'threshold',
    'good for a while',
    { ...hot, forMs: 0, clearForMs: 5_000 },
    [point(0, 90), point(1, 60), at(5), at(6)],
    '###.',
  ],
  ['threshold', 'old news', { series: 's', limit: 80 }, [point(9, 20), point(10, 99, { ageMs: 5_000 })], '..'],
  ['threshold', 'late', { series: 's', limit: 80 }, [point(9, 99, { ageMs: 400_000 })], '.'],
  ['threshold', 'text is no number', { series: 's', limit: 80 }, [point(0, '99')], '.'],
  ['no-data', 'silence', { forMs: 10_000 }, [point(0, 1), at(9), at(10), at(11), point(12, 1)], '..##.'],
  [
    'no-data',
    'an old point is no silence',
    { forMs: 10_000 },
    [point(0, 1), point(9, 1, { ageMs: 9e6 }), at(18), at(19)],
    '...#',
  ],
  [
    'rate-of-change',
    'within the window',
    { series: 's', change: 10, withinMs: 60_000 },
    [point(0, 0), point(59, 11)],
    '.#',
  ],
  [
    'rate-of-change',
    'slower than the window',
    { series: 's', change: 10, withinMs: 60_000 },
    [point(0, 0), point(61, 11)],
    '..',
  ],
  [
    'rate-of-change',
    'only falls',
    { series: 's', change: 10, direction: 'fall' },
    [point(0, 0), point(1, 50), point(2, 30)],
    '...',
  ],
  ['state', 'equals', { series: 's', equals: 'fault' }, [point(0, 'ok'), point(1, 'fault'), point(2, 'ok')], '.#.'],
  [
    'state',
    'for a while',
    { series: 's', equals: true, forMs: 5_000 },
    [point(0, true), at(4), at(5), point(6, false)],
    '..#.',
  ],
  ['offline', 'never connected is not offline', { forMs: 5_000 }, [at(100)], '.'],
  ['offline', 'gone', { forMs: 5_000 }, [link(0, true), link(1, false), at(5), at(6), link(7, true)], '...#.'],
  ['offline', 'hung up', { forMs: 5_000 }, [link(0, true), hungUp(1), at(6), at(100), link(101, true)], '.....'],
  [
    'offline',
    'hung up and later kept a connection that it lost',
    { forMs: 5_000 },
    [link(0, true), hungUp(1), link(2, true), link(3, false), at(7), at(8)],
    '.....#',
  ],
  [
    'offline',
    'away and heard without one',
    { forMs: 5_000 },
    [link(0, false), at(4), hungUp(4), at(5), at(99)],
    '.....',
  ],
  [
    'offline',
    'ends when it is heard without one',
    { forMs: 5_000 },
    [link(0, false), at(5), hungUp(6), at(99)],
    '.#..',
  ],
  [
    'flapping',
    'hanging up is none',
    { changes: 4, withinMs: 10_000 },
    [link(0, true), hungUp(1), link(2, true), hungUp(3), link(4, true), link(5, false), link(6, true), link(7, false)],
    '.......#',
  ],
  [
    'flapping',
    'four in ten',
    { changes: 4, withinMs: 10_000 },
    [link(0, true), link(1, false), link(2, true), link(3, false), at(11), at(13)],
    '...##.',
  ],
  [
    'command-failures',
    'three',
    { failures: 3 },
    [ended(0, 'failed'), ended(1, 'confirmed'), ended(2, 'unknown'), ended(3, 'expired')],
    '...#',
  ],
  [
    'command-failures',
    'a share',
    { failures: 1, percent: 50 },
    [ended(0, 'confirmed'), ended(1, 'confirmed'), ended(2, 'failed'), ended(3, 'rejected')],
    '...#',
  ],
  ['command-failures', 'cancelled is no failure', { failures: 1 }, [ended(0, 'cancelled')], '.'],
  ['clock-off', 'ahead', { forMs: 0 }, [point(0, 1), point(1, 1, { ageMs: -40_000 }), point(2, 1)], '.#.'],
  [
    'clock-off',
    'a back-fill is no slow clock',
    {},
    [point(0, 1), point(1, 1, { ageMs: 9e6 }), point(600, 1, { ageMs: 8e6 }), point(700, 1)],
    '....',
  ],
  [
    'clock-off',
    'nothing fresh for long',
    { forMs: 60_000 },
    [point(0, 1, { ageMs: 9e6 }), point(59, 1, { ageMs: 9e6 }), point(60, 1, { ageMs: 9e6 })],
    '..#',
  ],
  [
    'missing-heartbeat',
    'two missed',
    { name: 'beat', everyMs: 10_000 },
    [event(0, 'beat'), at(20), at(21), event(22, 'other'), event(23, 'beat')],
    '..##.',
  ],
  [
    'clone',
    'take-overs',
    { takeOvers: 3 },
    [
      refused(0, 'SESSION_REPLACED', 2),
      refused(1, 'MESSAGE_INVALID', 9),
      refused(2, 'SESSION_REPLACED'),
      at(601),
      at(603),
    ],
    '..##.',
  ],
  [
    'refusals',
    'a flood',
    { times: 10 },
    [refused(0, 'SESSION_REPLACED', 50), refused(1, 'MESSAGE_INVALID', 9), refused(2, 'TOPIC_FORBIDDEN')],
    '..#',
  ],
];

describe('alert rules', () => {
  for (const [name, what, params, steps, expected] of cases) {
    it(`${name}: ${what}`, () => assert.equal(run(name, params, steps), expected));
  }

  it('each kind has a table of cases and describes its params', () => {
    for (const rule of rules) {
      assert.ok(
        cases.some(([name]) => name === rule.kind),
        `${rule.kind} has no case`,
      );
      for (const schema of Object.values(rule.params.properties)) {
        assert.ok((schema as { description?: string }).description, `${rule.kind} has a param without a description`);
      }
    }
  });

  it('go on after a restart where they were: durations, counts and hysteresis', () => {
    for (const [name, what, params, steps, expected] of cases) {
      // what a restart cannot know is the last value: it is read from the database, which these cases have not
      if (['threshold', 'rate-of-change', 'state', 'no-data'].includes(name)) continue;
      assert.equal(run(name, params, steps, NOTHING, true), expected, `${name}: ${what}`);
    }
  });

  it('offline: what begins with a device that is away waits for those that keep a connection only', () => {
    const away = { connected: false, lastSeenAt: START - 9e6 };
    const begin = (keepsConnection: boolean | null): string =>
      run('offline', { forMs: 5_000 }, [at(4), at(5)], { ...NOTHING, ...away, keepsConnection });
    assert.deepEqual([begin(true), begin(false), begin(null)], ['.#', '..', '..']);
  });

  it('threshold: never fires on the good side, never ends within the hysteresis, never before its time', () => {
    const values = fc.array(fc.tuple(fc.double({ min: -50, max: 200, noNaN: true }), fc.integer({ min: 1, max: 20 })));
    fc.assert(
      fc.property(values, fc.integer({ min: 0, max: 30 }), (points, forS) => {
        const params = { ...hot, forMs: forS * 1_000 };
        const rule = kind('threshold');
        const read = rule.read(params);
        let state = rule.init(null, NOTHING, read, START);
        let second = 0;
        let badSince: number | null = null;
        for (const [value, pause] of points) {
          second += pause;
          const before = state.firing;
          state = rule.step(state, point(second, value)[1], read, START + second * 1_000);
          if (value <= 80) badSince = null;
          else badSince ??= second;
          if (state.firing && !before) assert.ok(badSince !== null && second - badSince >= forS);
          if (before && value > 75) assert.ok(state.firing);
          if (before && value <= 75) assert.ok(!state.firing);
        }
      }),
    );
  });

  it('keep a bounded state whatever comes', () => {
    const step = fc.oneof(
      fc.double({ noNaN: true }).map((value): RuleInput => point(0, value)[1]),
      fc.string().map((value): RuleInput => point(0, value)[1]),
      fc.tuple(fc.boolean(), fc.boolean()).map(([connected, expected]) => changedTo(connected, expected)),
      fc.integer({ min: 1, max: 1e9 }).map((count): RuleInput => ({ on: 'refused', code: 'SESSION_REPLACED', count })),
      fc.constant<RuleInput>({ on: 'commands', state: 'failed', name: 'x' }),
    );
    const given: Record<string, object> = {
      threshold: hot,
      'rate-of-change': { series: 's', change: 1 },
      state: { series: 's', equals: 1 },
      'missing-heartbeat': { name: 's' },
    };
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400, minLength: 300 }), (inputs) => {
        for (const rule of rules) {
          const params = rule.read((given[rule.kind] ?? {}) as Record<string, unknown>);
          let state = rule.init(null, NOTHING, params, START);
          inputs.forEach((input, index) => {
            state = rule.step(
              state,
              input.on === 'points' ? { ...input, at: START + index } : input,
              params,
              START + index,
            );
          });
          assert.ok(JSON.stringify(state).length < 8_000, `${rule.kind} keeps too much`);
        }
      }),
      { numRuns: 10 },
    );
  });
});
