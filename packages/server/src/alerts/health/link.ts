import { told } from '../rules/params.ts';
import { along, type HealthFacts, type HealthLimits, type Scored } from './facts.ts';

/** Connected: 100. Away: falls from 100 at once to 0 at the limit. */
export function link({ connected, lastSeenAt, now }: HealthFacts, { awayMs }: HealthLimits): Scored {
  if (connected) return { score: 100, fact: 'connected' };
  if (lastSeenAt === null) return { score: null, fact: 'never connected' };
  const away = Math.max(0, now - lastSeenAt);
  const score = along(away, { good: 0, bad: awayMs });
  return { score, fact: `last seen ${told(away)} ago; limit ${told(awayMs)}` };
}
