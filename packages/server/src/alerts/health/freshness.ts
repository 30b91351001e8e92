import { told } from '../rules/params.ts';
import { along, type HealthFacts, type HealthLimits, type Scored } from './facts.ts';

/** The newest point of any series: 100 up to the first limit, 0 from the second on. */
export function freshness({ latest, now }: HealthFacts, { silentMs }: HealthLimits): Scored {
  if (silentMs === null) return { score: null, fact: 'this kind of device need not send anything' };
  let newest: number | null = null;
  for (const { receivedAt } of latest.values()) newest = Math.max(newest ?? 0, receivedAt);
  if (newest === null) return { score: null, fact: 'never sent anything' };
  const age = Math.max(0, now - newest);
  const score = along(age, silentMs);
  return { score, fact: `last heard ${told(age)} ago; limit ${told(silentMs.good)}` };
}
