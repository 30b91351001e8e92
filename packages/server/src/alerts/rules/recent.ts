/** Instants kept of what is counted within a window: limits of rules are far below. */
export const MOST_INSTANTS = 200;

/** Instants of the window that ends now, the oldest first. The same array when none has gone. */
export function within(times: readonly number[], windowMs: number, now: number): readonly number[] {
  const first = times[0];
  if (first === undefined || now - first <= windowMs) return times;
  return times.filter((at) => now - at <= windowMs);
}

/** With `count` more instants, of which the oldest go past {@link MOST_INSTANTS}. */
export function withMore(times: readonly number[], now: number, count = 1): readonly number[] {
  return [...times, ...Array.from({ length: Math.min(count, MOST_INSTANTS) }, () => now)].slice(-MOST_INSTANTS);
}
