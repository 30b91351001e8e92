import { told } from '../rules/params.ts';
import { along, type HealthFacts, type HealthLimits, type Scored } from './facts.ts';

/** The newest point of any series: 100 within the limit, 0 at twice the limit. */
export function freshness({ latest, now }: HealthFacts, { quietMs }: HealthLimits): Scored {
  if (quietMs === null) return { score: null, fact: 'this kind of device need not send anything' };
  let newest: number | null = null;
  for (const { receivedAt } of latest.values()) newest = Math.max(newest ?? 0, receivedAt);
  if (newest === null) return { score: null, fact: 'never sent anything' };
  const age = Math.max(0, now - newest);
  const score = along(age, { good: quietMs, bad: 2 * quietMs });
  return { score, fact: `last heard ${told(age)} ago; limit ${told(quietMs)}` };
}
