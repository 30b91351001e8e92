import {
  type DutyDone,
  type DutyName,
  type Incident,
  type IncidentChange,
  type IncidentCreate,
  type IncidentDetail,
  MusterError,
} from '@muster/contract';
import type { Clock } from '../../platform/clock.ts';
import { type Database, inOneUnit } from '../../platform/db/index.ts';
import { newId } from '../../platform/ids.ts';
import type { Metrics } from '../../platform/metrics.ts';
import { type Clockwork, dutiesOf } from './duties.ts';
import { createIncidentStore, type IncidentRow, type IncidentTables } from './store.ts';

/** The record of what must be reported, with its clocks. Every change adds a line to a timeline that stays. */
export interface Incidents {
  list(closed: boolean): Promise<Incident[]>;
  /** NOT_FOUND. */
  get(incidentId: string): Promise<Incident>;
  detail(incidentId: string): Promise<IncidentDetail>;
  /** REQUEST_INVALID for an instant in the future. `by` names the person in the timeline. */
  open(wanted: IncidentCreate, by: string | null): Promise<Incident>;
  change(incidentId: string, change: IncidentChange, by: string | null): Promise<Incident>;
  /** It was submitted; said again, it is put right. CONFLICT while its clock has not begun. */
  done(incidentId: string, duty: DutyName, done: DutyDone, by: string | null): Promise<Incident>;
  note(incidentId: string, note: string, by: string | null): Promise<Incident>;
  /** Nothing more is due; `note` says why. CONFLICT when it is closed. */
  close(incidentId: string, note: string, by: string | null): Promise<Incident>;
  reopen(incidentId: string, note: string, by: string | null): Promise<Incident>;
  /** For the alerts of the server: how many reports of open records are `soon` or `overdue`. */
  measures(): Promise<{ readonly 'server/reportsDue': number }>;
}

export interface IncidentDeps {
  readonly db: Database<IncidentTables>;
  readonly clock: Clock;
  readonly metrics: Metrics;
}

export function createIncidents(deps: IncidentDeps): Incidents {
  const { clock } = deps;
  const reportsDue = deps.metrics.gauge('muster_reports_due', 'Reports to the authority that are due soon or overdue');
  const store = createIncidentStore(deps.db);

  const found = (row: IncidentRow | undefined, incidentId: string): IncidentRow => {
    if (row === undefined) throw new MusterError('NOT_FOUND', { incidentId });
    return row;
  };
  const past = (at: number, what: string): number => {
    if (at > clock.now()) throw new MusterError('REQUEST_INVALID', {}, { say: `${what} lies in the future.` });
    return at;
  };
  const get = async (incidentId: string): Promise<Incident> =>
    toIncident(found(await store.find(incidentId), incidentId), clock.now());

  /** Changes one record and adds its line, together. */
  const edit = (
    incidentId: string,
    by: string | null,
    task: (row: IncidentRow) => { readonly row: IncidentRow; readonly deed: string; readonly note: string },
  ): Promise<Incident> =>
    inOneUnit(async () => {
      const before = found(await store.findForChange(incidentId), incidentId);
      const { row, deed, note } = task(before);
      if (row !== before) await store.replace(row);
      await store.addEvent({ incident_id: incidentId, at: clock.now(), by_name: by, deed, note });
      return toIncident(row, clock.now());
    });

  return {
    get,
    list: async (closed) => (await store.list(closed)).map((row) => toIncident(row, clock.now())),
    detail: async (incidentId) => ({ incident: await get(incidentId), timeline: await store.events(incidentId) }),

    open: (wanted, by) =>
      inOneUnit(async () => {
        const now = clock.now();
        const row: IncidentRow = {
          incident_id: newId(now),
          kind: wanted.kind,
          title: wanted.title,
          known_at: past(wanted.knownAt ?? now, 'knownAt'),
          corrective_at: null,
          releases: wanted.releases ?? [],
          components: wanted.components ?? [],
          facts: wanted.facts ?? {},
          done: {},
          opened_at: now,
          closed_at: null,
        };
        await store.insert(row);
        const note = `known since ${iso(row.known_at)}`;
        await store.addEvent({ incident_id: row.incident_id, at: now, by_name: by, deed: 'opened', note });
        return toIncident(row, now);
      }),

    change: (incidentId, change, by) =>
      edit(incidentId, by, (before) => {
        const { title, knownAt, correctiveAt, releases, components, facts } = change;
        const row: IncidentRow = {
          ...before,
          title: title ?? before.title,
          known_at: past(knownAt ?? before.known_at, 'knownAt'),
          corrective_at: correctiveAt === undefined ? before.corrective_at : correctiveAt,
          releases: releases ?? before.releases,
          components: components ?? before.components,
          facts: { ...before.facts, ...facts },
        };
        if (row.corrective_at !== null) past(row.corrective_at, 'correctiveAt');
        return { row, deed: 'changed', note: differences(before, row) };
      }),

    done: (incidentId, duty, { doneAt = clock.now(), reference }, by) =>
      edit(incidentId, by, (before) => {
        const at = past(doneAt, 'doneAt');
        if (at < before.known_at) {
          const say = 'doneAt is before anybody knew of it.';
          throw new MusterError('REQUEST_INVALID', {}, { say });
        }
        if (dueAt(before, duty, at) === null)
          throw new MusterError('CONFLICT', { duty }, { say: WAITING[before.kind] });
        const again = before.done[duty] !== undefined;
        const said = { at, reference: reference ?? before.done[duty]?.reference ?? null };
        const note = `${duty} submitted at ${iso(at)}${said.reference === null ? '' : `, reference ${said.reference}`}`;
        return {
          row: { ...before, done: { ...before.done, [duty]: said } },
          deed: again ? 'put right' : 'submitted',
          note,
        };
      }),

    note: (incidentId, note, by) => edit(incidentId, by, (row) => ({ row, deed: 'noted', note })),

    close: (incidentId, note, by) =>
      edit(incidentId, by, (before) => {
        if (before.closed_at !== null) throw new MusterError('CONFLICT', {}, { say: 'It is closed.' });
        return { row: { ...before, closed_at: clock.now() }, deed: 'closed', note };
      }),

    reopen: (incidentId, note, by) =>
      edit(incidentId, by, (before) => {
        if (before.closed_at === null) throw new MusterError('CONFLICT', {}, { say: 'It is open.' });
        return { row: { ...before, closed_at: null }, deed: 'opened again', note };
      }),

    async measures() {
      const now = clock.now();
      const duties = (await store.list(false)).flatMap((row) => dutiesOf(clockwork(row), now));
      const due = duties.filter(({ state }) => state === 'soon' || state === 'overdue').length;
      reportsDue.set(due);
      return { 'server/reportsDue': due };
    },
  };
}

const WAITING = {
  'exploited-vulnerability': 'The final report follows a fix: say first since when there is one (correctiveAt).',
  'severe-incident': 'The final report follows the notification: say first when that was submitted.',
} as const;

const iso = (at: number): string => new Date(at).toISOString();

function clockwork({ kind, known_at, corrective_at, closed_at, done }: IncidentRow): Clockwork {
  return { kind, knownAt: known_at, correctiveAt: corrective_at, closedAt: closed_at, done };
}

const dueAt = (row: IncidentRow, duty: DutyName, now: number): number | null =>
  dutiesOf(clockwork(row), now).find((one) => one.duty === duty)?.dueAt ?? null;

function toIncident(row: IncidentRow, now: number): Incident {
  return {
    incidentId: row.incident_id,
    kind: row.kind,
    title: row.title,
    knownAt: row.known_at,
    correctiveAt: row.corrective_at,
    releases: row.releases,
    components: row.components,
    facts: row.facts,
    openedAt: row.opened_at,
    closedAt: row.closed_at,
    duties: dutiesOf(clockwork(row), now),
  };
}

/** What a change did, for the timeline: old and new of what moves the clocks, names of the rest. */
function differences(before: IncidentRow, after: IncidentRow): string {
  const when = (at: number | null): string => (at === null ? 'not known' : iso(at));
  const lines: string[] = [];
  if (before.known_at !== after.known_at) lines.push(`knownAt ${when(before.known_at)} -> ${when(after.known_at)}`);
  if (before.corrective_at !== after.corrective_at)
    lines.push(`correctiveAt ${when(before.corrective_at)} -> ${when(after.corrective_at)}`);
  if (before.title !== after.title) lines.push(`title "${before.title}" -> "${after.title}"`);
  for (const list of ['releases', 'components'] as const) {
    const [was, is] = [before[list].join(', '), after[list].join(', ')];
    if (was !== is) lines.push(`${list} ${was || 'none'} -> ${is || 'none'}`);
  }
  const facts = new Map(Object.entries(before.facts));
  for (const [fact, value] of Object.entries(after.facts)) {
    if (JSON.stringify(facts.get(fact)) !== JSON.stringify(value)) lines.push(`${fact}: ${JSON.stringify(value)}`);
  }
  return lines.length === 0 ? 'nothing' : lines.join('\n');
}
