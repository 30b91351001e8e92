import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/log.ts';
import type { RuleRow } from '../tables.ts';
import type { Slot, Subject } from './slot.ts';

/** What a rule found. */
export interface Verdict {
  readonly rule: RuleRow;
  readonly subject: Subject;
  readonly firing: boolean;
  readonly fact: string;
  /** Epoch ms */
  readonly at: number;
}

export interface VerdictQueueDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** Opens or closes the alert; it is tried again until it resolves. */
  readonly report: (verdict: Verdict) => Promise<void>;
  /** Looks once more at what the database knows; false when the verdict is another then. */
  readonly confirm: (slot: Slot, firing: boolean) => Promise<boolean>;
}

/** Verdicts of one slot that wait. Of a slot that turns faster than they are written, the middle is left out. */
const MOST_OF_SLOT = 4;
/** Slots whose verdicts are written at once: each takes a database connection. */
const AT_ONCE = 4;
const RETRY_MS = 1_000;

interface Waiting extends Verdict {
  /** The rule turned because time passed: another server may know better. */
  readonly doubtful: boolean;
}

/** Between the rules, which never wait, and the database. Bounded by the number of slots. */
export function createVerdictQueue({ clock, log, report, confirm }: VerdictQueueDeps) {
  const waiting = new Map<Slot, Waiting[]>();
  let running: Promise<void> | null = null;
  let cancelRetry: (() => void) | null = null;
  let stopped = false;

  function add(slot: Slot, verdict: Omit<Verdict, 'rule' | 'subject'>, doubtful: boolean): void {
    const list = waiting.get(slot) ?? [];
    list.push({ ...verdict, rule: slot.rule.row, subject: slot.subject, doubtful });
    if (list.length > MOST_OF_SLOT) list.splice(1, 2);
    waiting.set(slot, list);
    if (cancelRetry === null) wake();
  }

  function wake(): void {
    if (stopped) return;
    running ??= drain().finally(() => {
      running = null;
      if (waiting.size > 0 && cancelRetry === null) wake();
    });
  }

  async function drain(): Promise<void> {
    while (waiting.size > 0 && cancelRetry === null) {
      const slots = [...waiting.keys()].slice(0, AT_ONCE);
      const done = await Promise.all(slots.map(deliver));
      if (done.includes(false)) {
        cancelRetry = clock.after(RETRY_MS, () => {
          cancelRetry = null;
          wake();
        });
      }
    }
  }

  async function deliver(slot: Slot): Promise<boolean> {
    const list = waiting.get(slot) ?? [];
    const first = list[0];
    try {
      if (first !== undefined && (!first.doubtful || (await confirm(slot, first.firing)))) await report(first);
    } catch (error) {
      log.warn({ err: error, kind: slot.rule.kind.kind }, 'an alert could not be written; trying again');
      return false;
    }
    const left = waiting.get(slot)?.filter((one) => one !== first) ?? [];
    if (left.length === 0) waiting.delete(slot);
    else waiting.set(slot, left);
    return true;
  }

  return {
    add,
    size: (): number => waiting.size,
    has: (slot: Slot): boolean => waiting.has(slot),
    /** Resolves when nothing waits, or when writing failed and will be tried later. */
    async settled(): Promise<void> {
      while (running !== null) await running;
    },
    async stop(): Promise<void> {
      cancelRetry?.();
      cancelRetry = null;
      // one last try: what is not written then is found again from the kept states
      if (waiting.size > 0) await Promise.allSettled([...waiting.keys()].slice(0, 100).map(deliver));
      stopped = true;
      if (running !== null) await running;
    },
  };
}
