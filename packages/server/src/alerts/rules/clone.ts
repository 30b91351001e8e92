import { Type } from 'typebox';
import { defineRule, type Firing } from './define.ts';
import { span, told } from './params.ts';
import { MOST_INSTANTS, within, withMore } from './recent.ts';

interface State extends Firing {
  readonly times: readonly number[];
}

/**
 * Two places that use one identity throw each other out again and again. One device that reconnects before the server
 * noticed its loss does so once, not five times in ten minutes.
 */
export const rule = defineRule<State>()({
  kind: 'clone',
  title: 'Two devices use one identity',
  params: Type.Object(
    {
      takeOvers: Type.Integer({
        minimum: 2,
        maximum: MOST_INSTANTS,
        default: 5,
        description: 'Connections thrown out by a newer one within the window',
      }),
      withinMs: span('The window', 600_000),
    },
    { additionalProperties: false },
  ),
  subscribes: ['refused', 'tick'],
  severity: 'major',
  init: (kept) => kept ?? { firing: false, times: [] },
  step(state, input, params, now) {
    const left = within(state.times, params.withinMs, now);
    // two connections at once, or two that claim one name, need no repetition to be told
    const isShared = input.on === 'refused' && input.code === 'IDENTITY_SHARED';
    const counts = input.on === 'refused' && input.code === 'SESSION_REPLACED';
    const more = isShared ? params.takeOvers : counts ? input.count : 0;
    const times = more > 0 ? withMore(left, now, more) : left;
    const firing = state.firing ? times.length > 0 : times.length >= params.takeOvers;
    return firing === state.firing && times === state.times ? state : { firing, times };
  },
  keep: (state) => (state.times.length > 0 || state.firing ? state : null),
  fact: ({ times }, params) =>
    `${times.length} times its identity was used by two within ${told(params.withinMs)}; limit ${params.takeOvers}`,
});
