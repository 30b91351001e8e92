import { Type } from 'typebox';
import { defineRule, type Firing } from './define.ts';
import { series, span, told } from './params.ts';

interface State extends Firing {
  /** Server time of the newest point, or of the moment when the rule began to watch a device that never sent any. */
  readonly heardAt: number;
  /** Whether a point was ever seen: then the database knows the time of the last one. */
  readonly heard: boolean;
}

/**
 * Nothing came for a while. Counts by the clock of the server, from the last point that is in the database: a restart
 * changes nothing. Points of the past count too: a device that sends those is not silent.
 */
export const rule = defineRule<State>()({
  kind: 'no-data',
  title: 'A device sends nothing',
  params: Type.Object(
    {
      series: Type.Optional(series),
      forMs: span('How long it may be silent', 300_000),
    },
    { additionalProperties: false },
  ),
  subscribes: ['points', 'tick'],
  looksBack: true,
  severity: 'major',
  series: (params) => params.series ?? null,
  init(kept, facts, params, now) {
    const heardAt = params.series === undefined ? facts.lastPointAt : (facts.latest(params.series)?.receivedAt ?? null);
    return { firing: kept?.firing ?? false, heardAt: heardAt ?? kept?.heardAt ?? now, heard: heardAt !== null };
  },
  step(state, input, params, now) {
    if (input.on === 'points') {
      if (input.receivedAt <= state.heardAt) return state;
      return { firing: false, heardAt: input.receivedAt, heard: true };
    }
    const firing = input.on === 'tick' ? now - state.heardAt >= params.forMs : state.firing;
    return firing === state.firing ? state : { ...state, firing };
  },
  keep: (state) => (state.firing || !state.heard ? state : null),
  fact: ({ heardAt }, params, now) =>
    `${params.series ?? 'anything'} was last heard ${told(now - heardAt)} ago; limit ${told(params.forMs)}`,
});
