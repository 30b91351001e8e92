import { told } from '../rules/params.ts';
import { type HealthFacts, RECENT_MS, type Scored } from './facts.ts';

/** Fewer commands than this say nothing. */
const FEWEST = 5;

/** The part of the commands that were done. */
export function commands({ commandsDone, commandsFailed }: HealthFacts): Scored {
  const failed = commandsFailed ?? 0;
  const all = (commandsDone ?? 0) + failed;
  if (all < FEWEST) return { score: null, fact: `${all} commands ended in ${told(RECENT_MS)}: too few to say` };
  return {
    score: Math.round(100 - (100 * failed) / all),
    fact: `${failed} of ${all} commands failed in ${told(RECENT_MS)}`,
  };
}
