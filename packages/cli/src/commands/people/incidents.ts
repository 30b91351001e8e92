import {
  DUTIES,
  type DutyName,
  INCIDENT_FORMATS,
  INCIDENT_KINDS,
  type Incident,
  type IncidentFacts,
  type IncidentFormat,
  type IncidentKind,
} from '@muster/contract';
import { defineCommand } from '../../command.ts';
import { usage } from '../../command-line.ts';
import { harmless, type Sink, standardOutput, writeWhole } from '../../files/whole-file.ts';
import { readInstant } from '../../instant.ts';
import { tableOf } from '../../screen/terminal.ts';
import { isId } from '../../server/find.ts';
import { readName, readObject } from '../../typed.ts';

const incidentOperand = { required: true, summary: 'its id' } as const;
const TIME = 'a date, a date with a time, or how long ago: 30m, 24h';
const what = {
  known: { kind: 'text', value: 'TIME', summary: `since when it is known, ${TIME}` },
  releases: { kind: 'text', value: 'LIST', summary: 'affected releases, with commas: 0.1.0,0.2.0' },
  components: { kind: 'text', value: 'LIST', summary: 'affected components, with commas; purls of the SBOM are best' },
  facts: {
    kind: 'text',
    value: 'JSON',
    summary: 'what the forms ask: description, impact, cause, measures, advice, unlawful, memberStates',
  },
} as const;

const list = defineCommand({
  name: 'incidents list',
  summary: 'Show exploited vulnerabilities and severe incidents, with the report that is due next',
  operands: {},
  options: { closed: { kind: 'flag', summary: 'those that are closed instead' } },
  async run(_operands, { closed }, { terminal, json, signedIn }) {
    const { incidents } = await (await signedIn()).incidents(closed);
    if (json) return terminal.print(JSON.stringify(incidents));
    const rows = incidents.map((incident) => {
      const next = incident.duties.find(({ state }) => state !== 'done');
      return [
        next?.state ?? 'done',
        next?.duty ?? '',
        instant(next?.dueAt ?? null),
        incident.kind,
        incident.title,
        incident.incidentId,
      ];
    });
    terminal.print(tableOf(['STATE', 'NEXT', 'DUE', 'KIND', 'TITLE', 'ID'], rows, 'None.'));
  },
});

const show = defineCommand({
  name: 'incidents show',
  summary: 'Show one record with its clocks and its timeline',
  operands: { incident: incidentOperand },
  options: {},
  async run({ incident: id }, _options, { terminal, json, signedIn }) {
    const { incident, timeline } = await (await signedIn()).incident(readId(id));
    if (json) return terminal.print(JSON.stringify({ incident, timeline }));
    terminal.print(`${incident.title} (${incident.kind}), known since ${instant(incident.knownAt)}`);
    terminal.print(dutiesOf(incident));
    const rows = timeline.map(({ at, by, deed, note }) => [instant(at), harmless(by ?? ''), deed, harmless(note)]);
    terminal.print(tableOf(['WHEN', 'WHO', 'WHAT', 'NOTE'], rows, ''));
  },
});

const open = defineCommand({
  name: 'incidents open',
  summary: 'Open a record: its clocks run from the time at which it became known',
  operands: { title: { required: true, summary: 'what it is' } },
  options: { kind: { kind: 'text', value: 'KIND', summary: INCIDENT_KINDS.join(' or ') }, ...what },
  async run({ title }, { kind, known, releases, components, facts }, { terminal, json, signedIn }) {
    const wanted = {
      title: readName(title, 'The title'),
      kind: oneOf<IncidentKind>(INCIDENT_KINDS, kind, '--kind'),
      ...whatOf({ known, releases, components, facts }),
    };
    const incident = await (await signedIn()).openIncident(wanted);
    tell(incident, terminal, json);
  },
});

const change = defineCommand({
  name: 'incidents change',
  summary: 'Change what is known; --fixed begins the clock of the final report on a vulnerability',
  operands: { incident: incidentOperand },
  options: {
    title: { kind: 'text', value: 'TITLE', summary: 'what it is' },
    fixed: { kind: 'text', value: 'TIME', summary: `since when there is a fix or a mitigation, ${TIME}` },
    ...what,
  },
  async run({ incident: id }, { title, fixed, known, releases, components, facts }, { terminal, json, signedIn }) {
    const body = {
      ...(title === undefined ? {} : { title: readName(title, 'The title') }),
      ...(fixed === undefined ? {} : { correctiveAt: readInstant(fixed, '--fixed') }),
      ...whatOf({ known, releases, components, facts }),
    };
    if (Object.keys(body).length === 0) throw usage('Say what changes: --fixed, --known, --facts and so on.');
    tell(await (await signedIn()).changeIncident(readId(id), body), terminal, json);
  },
});

const done = defineCommand({
  name: 'incidents done',
  summary: 'Say that a report was submitted to the authority; again, to put that right',
  operands: { incident: incidentOperand, duty: { required: true, summary: DUTIES.join(', ') } },
  options: {
    at: { kind: 'text', value: 'TIME', summary: `when, ${TIME}; default: now` },
    reference: { kind: 'text', value: 'TEXT', summary: 'what the authority calls it' },
  },
  async run({ incident: id, duty }, { at, reference }, { terminal, json, signedIn }) {
    const body = {
      ...(at === undefined ? {} : { doneAt: readInstant(at, '--at') }),
      ...(reference === undefined ? {} : { reference: readName(reference, 'The reference') }),
    };
    const name = oneOf<DutyName>(DUTIES, duty, 'DUTY');
    tell(await (await signedIn()).incidentDuty(readId(id), name, body), terminal, json);
  },
});

const noted = (
  [
    ['note', 'notes', 'Add a note to the timeline'],
    ['close', 'close', 'Close a record and say why: nothing more is due'],
    ['reopen', 'reopen', 'Open a closed record again and say why'],
  ] as const
).map(([word, deed, summary]) =>
  defineCommand({
    name: `incidents ${word}`,
    summary,
    operands: { incident: incidentOperand, text: { required: true, summary: 'a sentence' } },
    options: {},
    async run({ incident: id, text }, _options, { terminal, json, signedIn }) {
      tell(await (await signedIn()).incidentNote(readId(id), deed, text), terminal, json);
    },
  }),
);

const exportCommand = defineCommand({
  name: 'incidents export',
  summary: 'Write a record to a file, or to standard output, for the form of the authority',
  operands: { incident: incidentOperand },
  options: {
    format: { kind: 'text', value: 'FORMAT', summary: `${INCIDENT_FORMATS.join(' or ')}; default: markdown` },
    out: { kind: 'text', value: 'FILE', summary: 'where to; it is there when it is whole' },
  },
  async run({ incident: id }, { format = 'markdown', out }, { signedIn }) {
    const api = await signedIn();
    const { chunks } = await api.exportIncident(
      readId(id),
      oneOf<IncidentFormat>(INCIDENT_FORMATS, format, '--format'),
    );
    const copy = async (sink: Sink): Promise<void> => {
      for await (const chunk of chunks) await sink.write(chunk);
    };
    await (out === undefined ? copy(standardOutput()) : writeWhole(out, copy));
  },
});

export const incidentCommands = [list, show, open, change, done, ...noted, exportCommand];

const instant = (at: number | null): string => (at === null ? '' : new Date(at).toISOString());

function dutiesOf({ duties }: Incident): string {
  const rows = duties.map(({ duty, state, late, dueAt, doneAt, reference }) => [
    duty,
    late ? `${state}, late` : state,
    instant(dueAt),
    instant(doneAt),
    harmless(reference ?? ''),
  ]);
  return tableOf(['REPORT', 'STATE', 'DUE', 'SUBMITTED', 'REFERENCE'], rows, '');
}

function tell(incident: Incident, terminal: { print(line: string): void }, json: boolean): void {
  terminal.print(json ? JSON.stringify(incident) : `${incident.incidentId}\n${dutiesOf(incident)}`);
}

function readId(typed: string): string {
  if (!isId(typed)) throw usage(`"${typed}" is no id of an incident; \`muster incidents\` shows them.`);
  return typed;
}

function oneOf<T extends string>(known: readonly T[], typed: string | undefined, option: string): T {
  const found = known.find((one) => one === typed);
  if (found === undefined) throw usage(`${option} is one of ${known.join(', ')}.`);
  return found;
}

function whatOf(given: {
  readonly known: string | undefined;
  readonly releases: string | undefined;
  readonly components: string | undefined;
  readonly facts: string | undefined;
}) {
  const { known, releases, components, facts } = given;
  const parts = (typed: string): string[] => typed.split(',').flatMap((part) => part.trim() || []);
  return {
    ...(known === undefined ? {} : { knownAt: readInstant(known, '--known') }),
    ...(releases === undefined ? {} : { releases: parts(releases) }),
    ...(components === undefined ? {} : { components: parts(components) }),
    // the server says what of it does not fit
    ...(facts === undefined ? {} : { facts: readObject(facts, '--facts') as IncidentFacts }),
  };
}
