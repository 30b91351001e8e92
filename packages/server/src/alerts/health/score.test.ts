import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { profiles } from '@muster/profiles';
import fc from 'fast-check';
import { DEFAULT_LIMITS, type HealthFacts } from './facts.ts';
import { limitsOf } from './limits.ts';
import { scoreOf } from './score.ts';

const NOW = 2_000_000_000;
const UNKNOWN: HealthFacts = {
  now: NOW,
  connected: false,
  keepsConnection: null,
  lastSeenAt: null,
  latest: new Map(),
  refused: null,
  errorEvents: null,
  commandsDone: null,
  commandsFailed: null,
};

/** One device in numbers of which more is worse. */
interface Trouble {
  readonly awayMs: number;
  readonly silentMs: number;
  readonly refused: number;
  readonly errorEvents: number;
  readonly failed: number;
  readonly cpu: number;
  readonly drained: number;
  readonly stopped: number;
}
function factsOf(trouble: Trouble): HealthFacts {
  const receivedAt = NOW - trouble.silentMs;
  const series = { cpuPercent: trouble.cpu, batteryPercent: 100 - trouble.drained, estop: trouble.stopped > 0 };
  return {
    now: NOW,
    connected: trouble.awayMs === 0,
    keepsConnection: true,
    lastSeenAt: NOW - trouble.awayMs,
    latest: new Map(Object.entries(series).map(([name, value]) => [name, { at: receivedAt, receivedAt, value }])),
    refused: trouble.refused,
    errorEvents: trouble.errorEvents,
    commandsDone: 10,
    commandsFailed: trouble.failed,
  };
}
const up = (max: number) => fc.integer({ min: 0, max });
const trouble = fc.record({
  awayMs: up(1_000_000),
  silentMs: up(2_000_000),
  refused: up(100),
  errorEvents: up(100),
  failed: up(30),
  cpu: up(120),
  drained: up(100),
  stopped: up(1),
});

describe('the health score', () => {
  it('never gets better when anything gets worse', () => {
    const member = fc.constantFrom<keyof Trouble>(
      'awayMs',
      'silentMs',
      'refused',
      'errorEvents',
      'failed',
      'cpu',
      'drained',
      'stopped',
    );
    fc.assert(
      fc.property(trouble, member, up(1_000_000), (before, what, more) => {
        const after = { ...before, [what]: before[what] + more };
        const scores = [before, after].map((one) => scoreOf(factsOf(one), DEFAULT_LIMITS, []).score ?? 100);
        assert.ok((scores[1] ?? 0) <= (scores[0] ?? 0), `${what} got worse and the score better`);
      }),
    );
  });

  it('is the worst of its parts, between 0 and 100, and names that part', () => {
    fc.assert(
      fc.property(trouble, (one) => {
        const { score, limitedBy, parts } = scoreOf(factsOf(one), DEFAULT_LIMITS, []);
        const known = parts.map((part) => part.score).filter((value) => value !== null);
        assert.equal(score, Math.min(...known));
        assert.ok(score >= 0 && score <= 100);
        assert.equal(parts.find(({ part }) => part === limitedBy)?.score, score);
      }),
    );
  });

  it('is unknown when nothing is known, and critical exactly when a critical alert is open', () => {
    const nothing = scoreOf(UNKNOWN, DEFAULT_LIMITS, []);
    assert.deepEqual([nothing.score, nothing.state, nothing.limitedBy], [null, 'unknown', null]);
    fc.assert(
      fc.property(trouble, fc.subarray(['info', 'minor', 'major', 'critical'] as const), (one, open) => {
        const { state } = scoreOf(factsOf(one), DEFAULT_LIMITS, open);
        assert.equal(state === 'critical', open.includes('critical'));
      }),
    );
  });

  it('says what limits it', () => {
    const well: Trouble = {
      awayMs: 0,
      silentMs: 0,
      refused: 0,
      errorEvents: 0,
      failed: 0,
      cpu: 0,
      drained: 0,
      stopped: 0,
    };
    assert.equal(scoreOf(factsOf(well), DEFAULT_LIMITS, []).score, 100);
    const facts = (change: Partial<Trouble>) => {
      const { score, limitedBy, parts } = scoreOf(factsOf({ ...well, ...change }), DEFAULT_LIMITS, []);
      return [score, limitedBy, parts.find(({ part }) => part === limitedBy)?.fact];
    };
    const talker = { ...UNKNOWN, keepsConnection: false, lastSeenAt: NOW - 9e6 };
    const [linked] = scoreOf(talker, DEFAULT_LIMITS, []).parts.filter(({ part }) => part === 'link');
    assert.deepEqual([linked?.score, linked?.fact], [null, 'keeps no connection; last seen 3 h ago']);
    assert.deepEqual(facts({ silentMs: 450_000 }), [50, 'freshness', 'last heard 8 min ago; limit 5 min']);
    assert.deepEqual(facts({ stopped: 1 }), [0, 'safety', 'estop is true; safe: false']);
    assert.deepEqual(facts({ cpu: 90 }), [50, 'resources', 'cpuPercent is 90; limit 100']);
    assert.deepEqual(facts({ failed: 10 }), [50, 'commands', '10 of 20 commands failed in 15 min']);
  });

  it('takes the limits of every profile', () => {
    for (const [name, profile] of profiles) {
      const limits = limitsOf(name);
      assert.deepEqual(Object.keys(limits.resources), Object.keys(profile.health.resources));
      assert.equal(limits.silentMs === null, profile.health.silentMs === null);
    }
    assert.equal(limitsOf('nobody-knows-it'), DEFAULT_LIMITS);
  });
});
