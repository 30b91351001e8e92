import { MusterError } from '@muster/contract';
import type { Kysely } from 'kysely';
import type { Clock } from '../../platform/clock.ts';
import { newId } from '../../platform/ids.ts';
import type { Logger } from '../../platform/log.ts';
import { createScheduler, type Scheduler } from './scheduler.ts';
import { createReminderStore, type ReminderKind, type ReminderRow, type ReminderTables } from './store.ts';

export type { ReminderKind, ReminderTables } from './store.ts';

/** Waiting at once per device. */
export const MOST_WAITING = 50;
/** Furthest ahead, ms: a year and a day. */
export const FURTHEST_MS = 366 * 24 * 3_600_000;
/** Longest label, characters: about 15 s of speech. */
export const LABEL_CHARS = 200;

export interface Reminder {
  readonly reminderId: string;
  readonly deviceId: string;
  readonly kind: ReminderKind;
  /** Epoch ms */
  readonly dueAt: number;
  /** What it is for, as the person said it: personal words. */
  readonly label: string | null;
}

/** A reminder that is due now. */
export interface Ringing extends Reminder {
  /** How long ago it was due, ms. */
  readonly lateMs: number;
}

export interface RemindersDeps {
  readonly db: Kysely<ReminderTables>;
  readonly clock: Clock;
  readonly log: Logger;
  /**
   * Speaks it on the device. True when it was spoken; false when the device is busy or gone, and it is tried again. It
   * is waited for and kept from other servers for 60 s, and not ended then: past that, and when the server stops before
   * the answer, it counts as not spoken and rings again.
   */
  readonly ring: (ringing: Ringing) => Promise<boolean>;
}

export interface Reminders extends Pick<Scheduler, 'start' | 'stop' | 'deviceConnected' | 'deviceGone'> {
  /**
   * Sets one. Throws REQUEST_INVALID when it is in the past or more than a year ahead, CONFLICT when 50 wait already;
   * both say so in words for the person.
   */
  add(reminder: Omit<Reminder, 'reminderId'>): Promise<Reminder>;
  /** What waits on the device, the next one first. */
  list(deviceId: string): Promise<Reminder[]>;
  /** Cancels those of the device. Gives the ids of those that still waited. */
  cancel(deviceId: string, reminderIds: readonly string[]): Promise<string[]>;
}

/** Timers, alarms and reminders: kept in the database, rung on the device when they are due. */
export function createReminders({ db, clock, log, ring }: RemindersDeps): Reminders {
  const store = createReminderStore(db);
  const scheduler = createScheduler({ store, clock, log, ring });

  return {
    ...scheduler,

    async add({ deviceId, kind, dueAt, label }) {
      const now = clock.now();
      if (!Number.isFinite(dueAt) || dueAt < now) {
        throw new MusterError('REQUEST_INVALID', { kind }, { say: 'That time has passed already.' });
      }
      if (dueAt > now + FURTHEST_MS) {
        throw new MusterError('REQUEST_INVALID', { kind }, { say: 'I can only remember things for one year.' });
      }
      const row = {
        reminder_id: newId(now),
        device_id: deviceId,
        kind,
        due_at: Math.round(dueAt),
        label: label?.slice(0, LABEL_CHARS) ?? null,
        created_at: now,
      };
      if (!(await store.add(row, MOST_WAITING))) {
        throw new MusterError(
          'CONFLICT',
          { limit: MOST_WAITING },
          { say: `${MOST_WAITING} are waiting already. Cancel one first.` },
        );
      }
      scheduler.wake();
      return toReminder(row);
    },

    list: async (deviceId) => (await store.waiting(deviceId)).map(toReminder),
    cancel: (deviceId, reminderIds) => store.cancel(deviceId, reminderIds),
  };
}

function toReminder(row: Pick<ReminderRow, 'reminder_id' | 'device_id' | 'kind' | 'due_at' | 'label'>): Reminder {
  return {
    reminderId: row.reminder_id,
    deviceId: row.device_id,
    kind: row.kind,
    dueAt: row.due_at,
    label: row.label,
  };
}
