import { DUTIES, type Duty, type DutyName, type IncidentKind } from '@muster/contract';

/** What the due times depend on. Instants are epoch ms. */
export interface Clockwork {
  readonly kind: IncidentKind;
  readonly knownAt: number;
  readonly correctiveAt: number | null;
  readonly closedAt: number | null;
  readonly done: Done;
}

export type Done = Readonly<Partial<Record<DutyName, { readonly at: number; readonly reference: string | null }>>>;

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** How long before it is due a duty should be on somebody's desk, ms. Ours: the law knows no such span. */
const SOON_MS: Readonly<Record<DutyName, number>> = {
  'early-warning': 12 * HOUR_MS,
  notification: 24 * HOUR_MS,
  'final-report': 2 * DAY_MS,
};

/** The three duties with their states at `now`. What is due at an instant is in time at that instant. */
export function dutiesOf(incident: Clockwork, now: number): Duty[] {
  return DUTIES.map((duty) => {
    const dueAt = dueAtOf(incident, duty);
    const done = incident.done[duty];
    const doneAt = done?.at ?? null;
    return {
      duty,
      dueAt,
      doneAt,
      reference: done?.reference ?? null,
      late: doneAt !== null && dueAt !== null && doneAt > dueAt,
      state: stateOf(duty, dueAt, doneAt, incident.closedAt !== null, now),
    };
  });
}

function stateOf(
  duty: DutyName,
  dueAt: number | null,
  doneAt: number | null,
  closed: boolean,
  now: number,
): Duty['state'] {
  if (doneAt !== null) return 'done';
  if (closed) return 'dropped';
  if (dueAt === null) return 'waiting';
  if (now > dueAt) return 'overdue';
  return dueAt - now <= SOON_MS[duty] ? 'soon' : 'open';
}

/**
 * Article 14 of Regulation (EU) 2024/2847, paragraphs 2 and 4: an early warning within 24 hours and a notification within
 * 72 hours of becoming aware; for a vulnerability a final report 14 days after a corrective or mitigating measure is
 * available, for an incident within one month of the notification. Null: its clock has not begun.
 *
 * Counted from the instant itself, days as 24 hours and the month in UTC. Regulation 1182/71 leaves out the hour or day
 * in which a period begins, so this is earlier than what is owed; only where the clocks are put forward within days or
 * a month that began in the last hour before midnight can the day of the place end up to an hour sooner.
 */
function dueAtOf({ kind, knownAt, correctiveAt, done }: Clockwork, duty: DutyName): number | null {
  switch (duty) {
    case 'early-warning':
      return knownAt + 24 * HOUR_MS;
    case 'notification':
      return knownAt + 72 * HOUR_MS;
    case 'final-report': {
      if (kind === 'severe-incident') return done.notification === undefined ? null : aMonthAfter(done.notification.at);
      // a fix from before anybody knew of the exploitation does not make the report older than the knowledge
      return correctiveAt === null ? null : Math.max(correctiveAt, knownAt) + 14 * DAY_MS;
    }
  }
}

/** The same day and time of the next month in UTC, or its last day where it has no such day. */
export function aMonthAfter(at: number): number {
  const date = new Date(at);
  const day = date.getUTCDate();
  date.setUTCDate(1);
  date.setUTCMonth(date.getUTCMonth() + 1);
  const days = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
  date.setUTCDate(Math.min(day, days));
  return date.getTime();
}
