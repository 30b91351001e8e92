import { Type } from 'typebox';
import { defineRule, type Firing } from './define.ts';
import { series, span, told } from './params.ts';

interface State extends Firing {
  /** Whether the last value is the bad one; null while none is known. */
  readonly bad: boolean | null;
  readonly at: number;
  /** Server time since which it is bad; null while it is not. */
  readonly since: number | null;
}

/** A series that has a value which it should not have: `estop` is true, `mode` is "fault". */
export const rule = defineRule<State>()({
  kind: 'state',
  title: 'A series has a value that is bad',
  params: Type.Object(
    {
      series,
      equals: Type.Union([Type.String({ maxLength: 200 }), Type.Boolean(), Type.Number()], {
        description: 'The bad value',
      }),
      forMs: span('How long it must be bad before anybody is told', 0, 0),
    },
    { additionalProperties: false },
  ),
  subscribes: ['points', 'tick'],
  looksBack: true,
  severity: 'major',
  series: (params) => params.series,
  init(kept, facts, params, now) {
    const last = facts.latest(params.series);
    const bad = last === null ? null : last.value === params.equals;
    const firing = kept?.firing ?? false;
    return { firing, bad, at: last?.at ?? 0, since: bad === true ? (kept?.since ?? now) : null };
  },
  step(state, input, params, now) {
    let { bad, at, since } = state;
    if (input.on === 'points') {
      if (input.late || input.at < at) return state;
      bad = input.value === params.equals;
      at = input.at;
      since = bad ? (since ?? now) : null;
    }
    const firing = bad === null ? state.firing : bad && since !== null && now - since >= params.forMs;
    if (firing === state.firing && bad === state.bad && since === state.since && at === state.at) return state;
    return { firing, bad, at, since };
  },
  keep: (state) => (state.firing || state.since !== null ? { ...state, at: 0 } : null),
  fact: (_state, params) =>
    `${params.series} is ${JSON.stringify(params.equals)}${params.forMs > 0 ? ` for ${told(params.forMs)}` : ''}`,
});
