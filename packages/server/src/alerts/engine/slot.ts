import type { Facts, Firing, Rule, RuleInput } from '../rules/define.ts';
import type { RuleRow } from '../tables.ts';

/** What a rule watches: a device, or this server (`deviceId` null). */
export interface Subject {
  /** The device id, or the name of the server. */
  readonly key: string;
  readonly deviceId: string | null;
  readonly siteId: string | null;
}

/** A rule with checked params. One object for all its subjects. */
export interface ActiveRule {
  readonly row: RuleRow;
  readonly kind: Rule;
  readonly params: unknown;
  /** The series it listens to; null: every one. */
  readonly series: string | null;
}

/** One rule at one subject. */
export interface Slot {
  readonly rule: ActiveRule;
  readonly subject: Subject;
  state: Firing;
  /** The state changed since it was last looked at for keeping. */
  dirty: boolean;
  /** What stands in the database, as JSON; null when nothing does. */
  saved: string | null;
}

export function createSlot(rule: ActiveRule, subject: Subject, kept: Firing | null, facts: Facts, now: number): Slot {
  const saved = kept === null ? null : JSON.stringify(kept);
  return { rule, subject, state: rule.kind.init(kept, facts, rule.params, now), dirty: true, saved };
}

/** Moves the state on. True when the verdict changed. */
export function stepSlot(slot: Slot, input: RuleInput, now: number): boolean {
  const before = slot.state;
  const next = slot.rule.kind.step(before, input, slot.rule.params, now);
  if (next === before) return false;
  slot.state = next;
  slot.dirty = true;
  return next.firing !== before.firing;
}
