import type { CommandState } from '@muster/contract';
import { Type } from 'typebox';
import { defineRule, type Firing } from './define.ts';
import { figure, span, told } from './params.ts';
import { MOST_INSTANTS, within, withMore } from './recent.ts';

interface State extends Firing {
  readonly failed: readonly number[];
  readonly done: readonly number[];
}

/** How a command may end without being done. A person who cancels one is no fault of the device. */
const FAILURES: ReadonlySet<CommandState> = new Set(['failed', 'rejected', 'expired', 'unknown']);

/** Commands that a device does not do. */
export const rule = defineRule<State>()({
  kind: 'command-failures',
  title: 'Commands of a device fail',
  params: Type.Object(
    {
      failures: Type.Integer({
        minimum: 1,
        maximum: MOST_INSTANTS,
        default: 3,
        description: 'Failures within the window that are too many',
      }),
      percent: Type.Number({
        minimum: 0,
        maximum: 100,
        default: 0,
        description: 'and the part of all commands within it that they must be, percent',
      }),
      withinMs: span('The window', 900_000),
    },
    { additionalProperties: false },
  ),
  subscribes: ['commands', 'tick'],
  severity: 'minor',
  init: (kept) => kept ?? { firing: false, failed: [], done: [] },
  step(state, input, params, now) {
    let failed = within(state.failed, params.withinMs, now);
    let done = within(state.done, params.withinMs, now);
    if (input.on === 'commands' && FAILURES.has(input.state)) failed = withMore(failed, now);
    if (input.on === 'commands' && input.state === 'confirmed') done = withMore(done, now);
    const all = failed.length + done.length;
    const firing = failed.length >= params.failures && failed.length * 100 >= params.percent * all;
    return firing === state.firing && failed === state.failed && done === state.done ? state : { firing, failed, done };
  },
  keep: (state) => (state.failed.length > 0 || state.done.length > 0 || state.firing ? state : null),
  fact({ failed, done }, params) {
    const all = failed.length + done.length;
    const percent = params.percent > 0 ? ` and ${figure(params.percent)} %` : '';
    return `${failed.length} of ${all} commands failed within ${told(params.withinMs)}; limit ${params.failures}${percent}`;
  },
});
