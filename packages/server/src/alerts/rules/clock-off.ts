import { Type } from 'typebox';
import { defineRule, type Firing } from './define.ts';
import { span, told } from './params.ts';

interface State extends Firing {
  /** How far the last point was ahead of the server, ms; negative: behind. */
  readonly offMs: number;
  /** Server time since which every point was off; null while the last one was good. */
  readonly since: number | null;
}

/**
 * The clock of a device is wrong. Old points alone prove nothing: a device that was cut off sends what it measured
 * meanwhile. So the clock counts as slow when for a while not one point was fresh.
 */
export const rule = defineRule<State>()({
  kind: 'clock-off',
  title: 'The clock of a device is wrong',
  params: Type.Object(
    {
      aheadMs: span('How far it may be ahead', 30_000),
      behindMs: span('How far it may be behind', 300_000),
      forMs: span('How long every point must be off', 900_000, 0),
    },
    { additionalProperties: false },
  ),
  subscribes: ['points', 'refused', 'tick'],
  severity: 'minor',
  init: (kept) => kept ?? { firing: false, offMs: 0, since: null },
  step(state, input, params, now) {
    if (input.on === 'points') {
      const offMs = input.at - input.receivedAt;
      const good = offMs <= params.aheadMs && offMs >= -params.behindMs;
      if (good) return state.firing || state.since !== null ? { firing: false, offMs, since: null } : state;
      const since = state.since ?? now;
      return { firing: state.firing || now - since >= params.forMs, offMs, since };
    }
    // a point so far ahead that it was not taken at all
    if (input.on === 'refused' && input.code === 'TIME_IMPOSSIBLE') {
      const since = state.since ?? now;
      return { ...state, firing: state.firing || now - since >= params.forMs, since };
    }
    return state;
  },
  keep: (state) => (state.since === null ? null : state),
  fact({ offMs }, params) {
    const limit = `limit ${told(params.aheadMs)} ahead, ${told(params.behindMs)} behind`;
    if (offMs === 0) return `its points have impossible times; ${limit}`;
    return `its clock is ${told(Math.abs(offMs))} ${offMs > 0 ? 'ahead' : 'behind'}; ${limit}`;
  },
});
