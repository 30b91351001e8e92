import type { RuleInput, Topic } from '../rules/define.ts';
import { type Slot, type Subject, stepSlot } from './slot.ts';

const NONE: readonly Slot[] = [];

/** Everything that is watched of one subject, sorted by what wakes it. */
export interface Watch {
  readonly subject: Subject;
  readonly slots: readonly Slot[];
  /** Slots that listen to one series. */
  readonly bySeries: ReadonlyMap<string, readonly Slot[]>;
  /** Slots that listen to every series. */
  readonly anySeries: readonly Slot[];
  readonly byTopic: Readonly<Record<Exclude<Topic, 'points'>, readonly Slot[]>>;
}

export function createWatch(subject: Subject, slots: readonly Slot[]): Watch {
  const bySeries = new Map<string, Slot[]>();
  const anySeries: Slot[] = [];
  for (const slot of slots) {
    if (!slot.rule.kind.subscribes.includes('points')) continue;
    const { series } = slot.rule;
    if (series === null) anySeries.push(slot);
    else bySeries.set(series, [...(bySeries.get(series) ?? []), slot]);
  }
  const on = (topic: Topic): readonly Slot[] => slots.filter(({ rule }) => rule.kind.subscribes.includes(topic));
  return {
    subject,
    slots,
    bySeries,
    anySeries,
    byTopic: {
      link: on('link'),
      commands: on('commands'),
      refused: on('refused'),
      events: on('events'),
      certificate: on('certificate'),
      tick: on('tick'),
    },
  };
}

/** Steps the slots and tells of each whose verdict changed. */
export function stepAll(slots: readonly Slot[], input: RuleInput, now: number, turned: (slot: Slot) => void): void {
  for (const slot of slots) if (stepSlot(slot, input, now)) turned(slot);
}

export function slotsOf(watch: Watch, series: string): readonly Slot[] {
  return watch.bySeries.get(series) ?? NONE;
}
