import type { Slot } from './slot.ts';

/**
 * Every server runs every rule on what it sees: points that it stored itself, and what the bus brings. Of the alerts
 * the database has the last word, one open for each rule and subject. So when a device goes to another server, and the
 * alert opens or ends there, this one has to take that over; it does so when both differ for two looks in a row, by
 * which time the other server has written what its rules remember.
 */
export interface Others {
  /** Compares with what is open in the database. */
  look(): Promise<void>;
}

/** Alerts that are compared. */
const MOST_OPEN = 100_000;
/** Devices that are read anew in one look; the rest has its turn in the next. */
const RENEWED = 500;

export function createOthers(deps: {
  readonly slots: () => Iterable<Slot>;
  /** `rule id/subject` of what is open. */
  readonly open: (limit: number) => Promise<ReadonlySet<string>>;
  /** A verdict of the slot is not written yet. */
  readonly isWaiting: (slot: Slot) => boolean;
  readonly renew: (deviceId: string) => Promise<void>;
}): Others {
  let before = new Set<Slot>();
  return {
    async look() {
      const open = await deps.open(MOST_OPEN);
      const differs = new Set<Slot>();
      const stale = new Set<string>();
      for (const slot of deps.slots()) {
        const { key, deviceId } = slot.subject;
        // what a server measures of itself no other server knows
        if (deviceId === null || deps.isWaiting(slot)) continue;
        if (slot.state.firing === open.has(`${slot.rule.row.rule_id}/${key}`)) continue;
        differs.add(slot);
        if (before.has(slot) && stale.size < RENEWED) stale.add(deviceId);
      }
      before = differs;
      for (const deviceId of stale) await deps.renew(deviceId);
    },
  };
}
