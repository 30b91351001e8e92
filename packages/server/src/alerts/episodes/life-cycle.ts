import type { AlertDeed, Severity } from '@muster/contract';
import type { AlertRow, RuleRow } from '../tables.ts';

/**
 * The life of an alert. One episode: from the moment a rule fires to the moment it is quiet again. What fires again
 * later is another one.
 *
 *   suppressed   nobody is told: maintenance, or another alert stands for this one
 *   open         people are told, reminded, and others after them
 *   snoozed      open, and nobody is told until an instant
 *   acknowledged somebody has it: no more reminders
 *   closed       the rule is quiet
 */
export type Phase = 'suppressed' | 'open' | 'snoozed' | 'acknowledged' | 'closed';

/** What may be done in each phase. `closed` is the end. */
const ALLOWED: Readonly<Record<Phase, readonly AlertDeed[]>> = {
  suppressed: ['released', 'acknowledged', 'assigned', 'commented', 'closed'],
  open: ['suppressed', 'acknowledged', 'assigned', 'commented', 'snoozed', 'reminded', 'escalated', 'closed'],
  snoozed: ['suppressed', 'acknowledged', 'assigned', 'commented', 'snoozed', 'closed'],
  acknowledged: ['assigned', 'commented', 'closed'],
  closed: ['commented'],
};

/** The members of a row that decide its phase and what is due. */
export type Episode = Pick<
  AlertRow,
  | 'state'
  | 'severity'
  | 'acknowledged_at'
  | 'snoozed_until'
  | 'escalated_at'
  | 'suppressed_by'
  | 'told'
  | 'remind_at'
  | 'escalate_at'
  | 'next_at'
>;
export type Plan = Pick<RuleRow, 'remind_ms' | 'escalate_ms' | 'escalate_to'>;

/** How often a suppressed alert looks whether it still is, ms: a window may be deleted. */
export const RECHECK_MS = 60_000;

export function phaseOf(episode: Episode, now: number): Phase {
  if (episode.state === 'closed') return 'closed';
  if (episode.acknowledged_at !== null) return 'acknowledged';
  if (episode.suppressed_by !== null) return 'suppressed';
  return episode.snoozed_until !== null && episode.snoozed_until > now ? 'snoozed' : 'open';
}

export function isAllowed(episode: Episode, deed: AlertDeed, now: number): boolean {
  return ALLOWED[phaseOf(episode, now)].includes(deed);
}

/** The first state of an episode. */
export function begin(severity: Severity, plan: Plan, suppressedBy: string | null, now: number): Episode {
  const fresh: Episode = {
    state: 'open',
    severity,
    acknowledged_at: null,
    snoozed_until: null,
    escalated_at: null,
    suppressed_by: suppressedBy,
    told: suppressedBy === null,
    remind_at: null,
    escalate_at: null,
    next_at: null,
  };
  return suppressedBy === null ? timed({ ...fresh, ...firstTimes(plan, now) }, now) : timed(fresh, now);
}

/** What time alone brings now: the gravest first. */
export function dueOf(episode: Episode, now: number): 'recheck' | 'escalated' | 'reminded' | null {
  const phase = phaseOf(episode, now);
  if (phase === 'suppressed') return 'recheck';
  if (phase !== 'open') return null;
  if (episode.escalate_at !== null && episode.escalate_at <= now) return 'escalated';
  if (episode.remind_at !== null && episode.remind_at <= now) return 'reminded';
  return null;
}

export function suppressed(episode: Episode, by: string, now: number): Episode {
  return timed({ ...episode, suppressed_by: by }, now);
}

/** People are told now: of the alert, or that it is still there when they knew it before. */
export function released(episode: Episode, plan: Plan, now: number): Episode {
  return timed({ ...episode, suppressed_by: null, told: true, ...firstTimes(plan, now) }, now);
}

export function reminded(episode: Episode, plan: Plan, now: number): Episode {
  const remindAt = plan.remind_ms === null ? null : now + plan.remind_ms;
  return timed({ ...episode, snoozed_until: null, remind_at: remindAt }, now);
}

/** Once only. The severity never falls. */
export function escalated(episode: Episode, plan: Plan, rank: (severity: Severity) => number, now: number): Episode {
  const to = plan.escalate_to;
  const severity = to !== null && rank(to) > rank(episode.severity) ? to : episode.severity;
  return timed({ ...episode, severity, escalated_at: now, escalate_at: null }, now);
}

export function acknowledged(episode: Episode, now: number): Episode {
  return timed({ ...episode, acknowledged_at: now, remind_at: null, escalate_at: null }, now);
}

/** Nobody is told before `until`; then people are reminded, whether or not the rule says so. */
export function snoozed(episode: Episode, until: number, now: number): Episode {
  const escalateAt = episode.escalate_at === null ? null : Math.max(episode.escalate_at, until);
  return timed({ ...episode, snoozed_until: until, remind_at: until, escalate_at: escalateAt }, now);
}

export function closed(episode: Episode): Episode {
  return { ...episode, state: 'closed', remind_at: null, escalate_at: null, next_at: null };
}

function firstTimes(plan: Plan, now: number): Pick<Episode, 'remind_at' | 'escalate_at'> {
  return {
    remind_at: plan.remind_ms === null ? null : now + plan.remind_ms,
    escalate_at: plan.escalate_ms === null ? null : now + plan.escalate_ms,
  };
}

/** With the instant at which somebody has to look again. */
function timed(episode: Episode, now: number): Episode {
  const phase = phaseOf(episode, now);
  if (phase === 'suppressed') return { ...episode, next_at: now + RECHECK_MS };
  if (phase === 'acknowledged' || phase === 'closed') return { ...episode, next_at: null };
  const times = [episode.remind_at, episode.escalate_at].filter((at) => at !== null);
  return { ...episode, next_at: times.length === 0 ? null : Math.min(...times) };
}
