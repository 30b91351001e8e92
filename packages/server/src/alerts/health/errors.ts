import { told } from '../rules/params.ts';
import { along, type HealthFacts, RECENT_MS, type Scored } from './facts.ts';

/** Refused messages and error events at which nothing is left of the score. */
const WORST = 50;

/** Messages that were refused and events of the level error. */
export function errors({ refused, errorEvents }: HealthFacts): Scored {
  if (refused === null && errorEvents === null) return { score: null, fact: 'nothing counted yet' };
  const count = (refused ?? 0) + (errorEvents ?? 0);
  const fact = `${refused ?? 0} refused messages and ${errorEvents ?? 0} errors in ${told(RECENT_MS)}; limit ${WORST}`;
  return { score: along(count, { good: 0, bad: WORST }), fact };
}
