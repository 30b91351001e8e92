import { figure } from '../rules/params.ts';
import { along, type HealthFacts, type HealthLimits, type Scored } from './facts.ts';

/** The worst of the series that the profile names. Values that are no numbers say nothing. */
export function resources({ latest }: HealthFacts, limits: HealthLimits): Scored {
  let worst: Scored = { score: null, fact: 'none of its series says' };
  for (const [series, range] of Object.entries(limits.resources)) {
    const value = latest.get(series)?.value;
    if (typeof value !== 'number') continue;
    const score = along(value, range);
    if (worst.score !== null && worst.score <= score) continue;
    worst = { score, fact: `${series} is ${figure(value)}; limit ${figure(range.bad)}` };
  }
  return worst;
}
