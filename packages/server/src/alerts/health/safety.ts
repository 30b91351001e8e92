import type { HealthFacts, HealthLimits, Scored } from './facts.ts';

/** 0 as soon as one series has a value that is not safe. */
export function safety({ latest }: HealthFacts, limits: HealthLimits): Scored {
  let known: string | null = null;
  for (const [series, safe] of Object.entries(limits.safety)) {
    const point = latest.get(series);
    if (point === undefined) continue;
    const fact = `${series} is ${JSON.stringify(point.value)}`;
    if (!safe.includes(point.value))
      return { score: 0, fact: `${fact}; safe: ${safe.map((one) => JSON.stringify(one)).join(', ')}` };
    known ??= fact;
  }
  return known === null ? { score: null, fact: 'none of its series says' } : { score: 100, fact: known };
}
