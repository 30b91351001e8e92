import { Type } from 'typebox';
import { defineRule, type Firing } from './define.ts';
import { figure, series, span, told } from './params.ts';

interface State extends Firing {
  readonly value: number | null;
  /** When the device measured it: older points that come later say nothing. */
  readonly at: number;
  /** Server time since which the value has been on the other side than the verdict; null while it is not. */
  readonly since: number | null;
}

/**
 * A number beyond its limit for a while. It ends when the number came back past the limit by the hysteresis. The last
 * value stands until the next one comes: a device that reports changes only is still hot in between.
 */
export const rule = defineRule<State>()({
  kind: 'threshold',
  title: 'A number is above or below a limit',
  params: Type.Object(
    {
      series,
      side: Type.String({ enum: ['above', 'below'], default: 'above', description: 'Which side of the limit is bad' }),
      limit: Type.Number({ description: 'The last good value' }),
      hysteresis: Type.Number({ minimum: 0, default: 0, description: 'How far it must come back to be good again' }),
      forMs: span('How long it must be bad before anybody is told', 0, 0),
      clearForMs: span('How long it must be good before the alert ends', 0, 0),
    },
    { additionalProperties: false },
  ),
  subscribes: ['points', 'tick'],
  looksBack: true,
  severity: 'major',
  series: (params) => params.series,
  init: (kept, facts, params) => {
    const last = facts.latest(params.series);
    const known = last !== null && typeof last.value === 'number';
    const value = known ? (last.value as number) : null;
    return { firing: kept?.firing ?? false, since: kept?.since ?? null, value, at: known ? last.at : 0 };
  },
  step(state, input, params, now) {
    let { value, at } = state;
    if (input.on === 'points') {
      if (input.late || input.at < at || typeof input.value !== 'number') return state;
      value = input.value;
      at = input.at;
    }
    if (value === null) return state;
    const sign = params.side === 'above' ? 1 : -1;
    const beyond = (value - params.limit) * sign;
    const turned = state.firing ? beyond <= -params.hysteresis : beyond > 0;
    if (!turned) {
      if (input.on === 'tick' && state.since === null) return state;
      return { firing: state.firing, value, at, since: null };
    }
    const since = state.since ?? now;
    if (now - since >= (state.firing ? params.clearForMs : params.forMs)) {
      return { firing: !state.firing, value, at, since: null };
    }
    if (input.on === 'tick' && state.since !== null) return state;
    return { firing: state.firing, value, at, since };
  },
  keep: (state) => (state.firing || state.since !== null ? { ...state, value: null, at: 0 } : null),
  fact: ({ value }, { series: name, side, limit, forMs }) => {
    const span = forMs > 0 ? ` for ${told(forMs)}` : '';
    return `${name} is ${value === null ? 'unknown' : figure(value)}; limit: ${side} ${figure(limit)}${span}`;
  },
});
