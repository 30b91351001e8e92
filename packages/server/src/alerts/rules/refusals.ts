import { Type } from 'typebox';
import { defineRule, type Firing } from './define.ts';
import { span, told } from './params.ts';
import { MOST_INSTANTS, within, withMore } from './recent.ts';

interface State extends Firing {
  readonly times: readonly number[];
  readonly code: string;
}

/** A device whose messages are refused: broken, misused, or hostile. Take-overs are no refusals: see `clone`. */
export const rule = defineRule<State>()({
  kind: 'refusals',
  title: 'Messages of a device are refused',
  params: Type.Object(
    {
      code: Type.Optional(
        Type.String({ pattern: '^[A-Z0-9_]{1,64}$', description: 'Only those with this error code; any without it' }),
      ),
      times: Type.Integer({
        minimum: 1,
        maximum: MOST_INSTANTS,
        default: 20,
        description: 'Refusals within the window that are too many',
      }),
      withinMs: span('The window', 300_000),
    },
    { additionalProperties: false },
  ),
  subscribes: ['refused', 'tick'],
  severity: 'minor',
  init: (kept) => kept ?? { firing: false, times: [], code: '' },
  step(state, input, params, now) {
    const left = within(state.times, params.withinMs, now);
    const counts =
      input.on === 'refused' &&
      (params.code === undefined ? input.code !== 'SESSION_REPLACED' : input.code === params.code);
    const times = counts ? withMore(left, now, input.count) : left;
    const firing = state.firing ? times.length > 0 : times.length >= params.times;
    if (firing === state.firing && times === state.times) return state;
    return { firing, times, code: counts ? input.code : state.code };
  },
  keep: (state) => (state.times.length > 0 || state.firing ? state : null),
  fact: ({ times, code }, params) =>
    `${times.length} messages refused within ${told(params.withinMs)}, the last with ${code}; limit ${params.times}`,
});
