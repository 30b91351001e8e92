import { type DeviceHealth, HEALTH_PARTS, type HealthPart, type Severity } from '@muster/contract';
import { commands } from './commands.ts';
import { errors } from './errors.ts';
import type { HealthFacts, HealthLimits, Scored } from './facts.ts';
import { freshness } from './freshness.ts';
import { link } from './link.ts';
import { resources } from './resources.ts';
import { safety } from './safety.ts';

const PARTS: Readonly<Record<HealthPart, (facts: HealthFacts, limits: HealthLimits) => Scored>> = {
  link,
  freshness,
  errors,
  resources,
  commands,
  safety,
};

/** The least score of each state. */
const GOOD = 80;
const FAIR = 60;

/**
 * The worst part is the score: an average would hide a broken brake behind a good network. `critical` exactly when a
 * critical alert is open, whatever the score.
 */
export function scoreOf(
  facts: HealthFacts,
  limits: HealthLimits,
  open: readonly Severity[],
): Omit<DeviceHealth, 'deviceId' | 'at'> {
  const parts = HEALTH_PARTS.map((part) => ({ part, ...PARTS[part](facts, limits) }));
  let worst: { part: HealthPart; score: number } | null = null;
  for (const { part, score } of parts) {
    if (score !== null && (worst === null || score < worst.score)) worst = { part, score };
  }
  const score = worst?.score ?? null;
  return { score, state: stateOf(score, open), limitedBy: worst?.part ?? null, parts };
}

function stateOf(score: number | null, open: readonly Severity[]): DeviceHealth['state'] {
  if (open.includes('critical')) return 'critical';
  if (score === null) return 'unknown';
  if (score >= GOOD) return 'good';
  return score >= FAIR ? 'fair' : 'poor';
}
