import { told } from '../rules/params.ts';
import { along, type HealthFacts, type HealthLimits, type Scored } from './facts.ts';

/**
 * Connected: 100. Away: falls from 100 at once to 0 at the limit. A device that connects only when it has something to say
 * is not away without a connection: its silence is another part.
 */
export function link({ connected, keepsConnection, lastSeenAt, now }: HealthFacts, { awayMs }: HealthLimits): Scored {
  if (connected) return { score: 100, fact: 'connected' };
  if (lastSeenAt === null) return { score: null, fact: 'never connected' };
  const away = Math.max(0, now - lastSeenAt);
  if (keepsConnection === false) return { score: null, fact: `keeps no connection; last seen ${told(away)} ago` };
  const score = along(away, { good: 0, bad: awayMs });
  return { score, fact: `last seen ${told(away)} ago; limit ${told(awayMs)}` };
}
