import { profiles } from '@muster/profiles';
import { DEFAULT_LIMITS, type HealthLimits, type Range } from './facts.ts';

/** What devices of a profile should keep to; for one that is not known, what any device should. */
export function limitsOf(name: string | null): HealthLimits {
  const profile = name === null ? undefined : profiles.get(name);
  if (profile === undefined) return DEFAULT_LIMITS;
  const { silentMs } = profile.health;
  const resources: Record<string, Range> = {};
  for (const [series, { warning, critical }] of Object.entries(profile.health.resources)) {
    resources[series] = { good: warning, bad: critical };
  }
  return {
    awayMs: silentMs?.critical ?? DEFAULT_LIMITS.awayMs,
    silentMs: silentMs === null ? null : { good: silentMs.warning, bad: silentMs.critical },
    resources,
    safety: DEFAULT_LIMITS.safety,
  };
}
