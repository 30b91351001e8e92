const FIRST_MS = 1_000;
const LONGEST_MS = 60_000;

/**
 * How long to wait before try number `attempt` (0 is the first again): anywhere between nothing and 1, 2, 4 … 60 s, so
 * that a thousand devices that lost the same server do not come back in the same second (full jitter).
 */
export function fullJitterMs(attempt: number, random: () => number = Math.random): number {
  return random() * Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt, 16));
}
