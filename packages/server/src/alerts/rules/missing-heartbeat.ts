import { SeriesName } from '@muster/contract';
import { Type } from 'typebox';
import { defineRule, type Firing } from './define.ts';
import { span, told } from './params.ts';

interface State extends Firing {
  /** Server time of the last beat, or of the moment when the rule began to wait for the first one. */
  readonly beatAt: number;
}

/** Something that a device should say every so often did not come: a point of a series, or an event of that name. */
export const rule = defineRule<State>()({
  kind: 'missing-heartbeat',
  title: 'A regular event or point does not come',
  params: Type.Object(
    {
      of: Type.String({ enum: ['events', 'points'], default: 'events', description: 'What the beat is' }),
      name: Type.String({ ...SeriesName, description: 'Name of the event or the series' }),
      everyMs: span('How often it should come', 60_000),
      missed: Type.Integer({ minimum: 1, maximum: 100, default: 2, description: 'How many may be missed' }),
    },
    { additionalProperties: false },
  ),
  subscribes: ['points', 'events', 'tick'],
  looksBack: true,
  severity: 'major',
  series: (params) => params.name,
  init(kept, facts, params, now) {
    const last = params.of === 'points' ? (facts.latest(params.name)?.receivedAt ?? null) : null;
    return { firing: kept?.firing ?? false, beatAt: last ?? kept?.beatAt ?? now };
  },
  step(state, input, params, now) {
    const beat =
      (input.on === 'points' && params.of === 'points' && input.series === params.name) ||
      (input.on === 'events' && params.of === 'events' && input.name === params.name);
    if (beat) {
      const beatAt = input.on === 'points' ? input.receivedAt : now;
      return beatAt <= state.beatAt ? state : { firing: false, beatAt };
    }
    const firing = input.on === 'tick' ? now - state.beatAt > params.everyMs * params.missed : state.firing;
    return firing === state.firing ? state : { ...state, firing };
  },
  fact: ({ beatAt }, params, now) =>
    `${params.name} last came ${told(now - beatAt)} ago; expected every ${told(params.everyMs)}, ${params.missed} may be missed`,
});
