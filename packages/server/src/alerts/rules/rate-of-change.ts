import { Type } from 'typebox';
import { defineRule, type Firing } from './define.ts';
import { figure, series, span, told } from './params.ts';

interface Sample {
  readonly at: number;
  readonly value: number;
}
interface State extends Firing {
  /** The oldest first, all within the window but the first one, thinned to {@link MOST}. */
  readonly samples: readonly Sample[];
  readonly change: number;
}

/** Samples kept in the window. Faster series are thinned: of two that are closer than a 32nd of it, the newer stays. */
const MOST = 32;

/** A number that moves too fast: from one end of the window to the other, by the times of the device. */
export const rule = defineRule<State>()({
  kind: 'rate-of-change',
  title: 'A number rises or falls too fast',
  params: Type.Object(
    {
      series,
      direction: Type.String({
        enum: ['rise', 'fall', 'either'],
        default: 'either',
        description: 'Which change is bad',
      }),
      change: Type.Number({ exclusiveMinimum: 0, description: 'The greatest good change within the window' }),
      withinMs: span('The window', 60_000),
    },
    { additionalProperties: false },
  ),
  subscribes: ['points'],
  severity: 'minor',
  series: (params) => params.series,
  init: (kept) => kept ?? { firing: false, samples: [], change: 0 },
  step(state, input, params) {
    if (input.on !== 'points' || input.late || typeof input.value !== 'number') return state;
    const last = state.samples.at(-1);
    if (last !== undefined && input.at <= last.at) return state;
    const { at, value } = input;
    const recent = state.samples.filter((sample) => at - sample.at <= params.withinMs);
    const before = recent.at(-2);
    const crowded = before !== undefined && at - before.at < params.withinMs / MOST;
    const samples = [...(crowded ? recent.slice(0, -1) : recent), { at, value }].slice(-MOST);
    const change = value - (samples[0]?.value ?? value);
    const size = params.direction === 'rise' ? change : params.direction === 'fall' ? -change : Math.abs(change);
    return { firing: size > params.change, samples, change };
  },
  keep: (state) => (state.firing ? state : null),
  fact: ({ change }, params) =>
    `${params.series} changed by ${figure(change)} within ${told(params.withinMs)}; limit ${figure(params.change)}`,
});
