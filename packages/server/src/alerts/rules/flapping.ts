import { Type } from 'typebox';
import { defineRule, type Firing, type RuleInput } from './define.ts';
import { span, told } from './params.ts';
import { MOST_INSTANTS, within, withMore } from './recent.ts';

interface State extends Firing {
  readonly changes: readonly number[];
}

/**
 * A device that connects and goes again and again. A connection that ended as expected counts for nothing. It ends when half as many changes are left in the window.
 */
export const rule = defineRule<State>()({
  kind: 'flapping',
  title: 'A device connects and goes again and again',
  params: Type.Object(
    {
      changes: Type.Integer({
        minimum: 2,
        maximum: MOST_INSTANTS,
        default: 10,
        description: 'Connections and losses within the window that are too many',
      }),
      withinMs: span('The window', 600_000),
    },
    { additionalProperties: false },
  ),
  subscribes: ['link', 'tick'],
  severity: 'minor',
  init: (kept) => kept ?? { firing: false, changes: [] },
  step(state, input, params, now) {
    const left = within(state.changes, params.withinMs, now);
    const changes = input.on === 'link' ? changed(left, input, now) : left;
    const firing = state.firing ? changes.length > params.changes / 2 : changes.length >= params.changes;
    return firing === state.firing && changes === state.changes ? state : { firing, changes };
  },
  keep: (state) => (state.changes.length > 0 || state.firing ? state : null),
  fact: ({ changes }, params) =>
    `connected or lost ${changes.length} times within ${told(params.withinMs)}; limit ${params.changes}`,
});

function changed(changes: readonly number[], link: Extract<RuleInput, { on: 'link' }>, now: number): readonly number[] {
  // its beginning was counted before anybody knew
  return link.connected || !link.expected ? withMore(changes, now) : changes.slice(0, -1);
}
