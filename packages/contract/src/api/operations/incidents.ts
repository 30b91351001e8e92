import { type Static, Type } from 'typebox';
import { At, Id, literals, Name, nullable } from '../fields.ts';

/** What a manufacturer must report under article 14 of the Cyber Resilience Act, Regulation (EU) 2024/2847. */
export const INCIDENT_KINDS = ['exploited-vulnerability', 'severe-incident'] as const;
export type IncidentKind = (typeof INCIDENT_KINDS)[number];

export const DUTIES = ['early-warning', 'notification', 'final-report'] as const;
export type DutyName = (typeof DUTIES)[number];

/**
 * `waiting`: its clock has not begun. `open`: there is time. `soon`: it should be done now. `overdue`: it was due before
 * now. `done`: it was submitted. `dropped`: the record was closed without it.
 */
export const DUTY_STATES = ['waiting', 'open', 'soon', 'overdue', 'done', 'dropped'] as const;
export type DutyState = (typeof DUTY_STATES)[number];

/** Longest text of a report, characters. */
const Text = Type.String({ maxLength: 20_000 });
const Part = Type.String({ minLength: 1, maxLength: 200 });
const Parts = Type.Array(Part, { maxItems: 200 });

export const Duty = Type.Object({
  duty: literals(DUTIES),
  state: literals(DUTY_STATES),
  dueAt: nullable(At),
  doneAt: nullable(At),
  /** What the authority calls it. */
  reference: nullable(Part),
  /** Done after it was due. */
  late: Type.Boolean(),
});
export type Duty = Static<typeof Duty>;

/** What the forms of the authority ask for. */
export const IncidentFacts = Type.Object(
  {
    description: Type.Optional(Text),
    impact: Type.Optional(Type.String({ maxLength: 20_000, description: 'Severity, and what it does to whom' })),
    cause: Type.Optional(Type.String({ maxLength: 20_000, description: 'Root cause or kind of threat; who does it' })),
    measures: Type.Optional(Type.String({ maxLength: 20_000, description: 'What was done and what is under way' })),
    advice: Type.Optional(Type.String({ maxLength: 20_000, description: 'What users can do' })),
    unlawful: Type.Optional(
      nullable(Type.Boolean({ description: 'Whether unlawful or malicious acts are suspected; null: not known' })),
    ),
    memberStates: Type.Optional(
      Type.Array(Type.String({ pattern: '^[A-Z]{2}$' }), { maxItems: 30, description: 'Where it is sold: DE, FR' }),
    ),
  },
  { additionalProperties: false },
);
export type IncidentFacts = Static<typeof IncidentFacts>;

export const Incident = Type.Object({
  incidentId: Id,
  kind: literals(INCIDENT_KINDS),
  title: Name,
  /** When the manufacturer became aware of it: the clocks begin. */
  knownAt: At,
  /** Since when there is a fix, or something that makes it harmless. */
  correctiveAt: nullable(At),
  releases: Parts,
  components: Parts,
  facts: IncidentFacts,
  openedAt: At,
  closedAt: nullable(At),
  duties: Type.Array(Duty),
});
export type Incident = Static<typeof Incident>;
export const IncidentList = Type.Object({ incidents: Type.Array(Incident) });
export type IncidentList = Static<typeof IncidentList>;

/** One line of what happened to the record. It is never changed. */
export const IncidentEvent = Type.Object({
  at: At,
  by: nullable(Type.String()),
  deed: Type.String(),
  note: Type.String(),
});
export type IncidentEvent = Static<typeof IncidentEvent>;
export const IncidentDetail = Type.Object({ incident: Incident, timeline: Type.Array(IncidentEvent) });
export type IncidentDetail = Static<typeof IncidentDetail>;

export const IncidentCreate = Type.Object(
  {
    kind: literals(INCIDENT_KINDS),
    title: Name,
    knownAt: Type.Optional(At),
    releases: Type.Optional(Parts),
    components: Type.Optional(Parts),
    facts: Type.Optional(IncidentFacts),
  },
  { additionalProperties: false },
);
export type IncidentCreate = Static<typeof IncidentCreate>;

/** Members of `facts` that are given replace those that were there. */
export const IncidentChange = Type.Object(
  {
    title: Type.Optional(Name),
    knownAt: Type.Optional(At),
    correctiveAt: Type.Optional(nullable(At)),
    releases: Type.Optional(Parts),
    components: Type.Optional(Parts),
    facts: Type.Optional(IncidentFacts),
  },
  { additionalProperties: false },
);
export type IncidentChange = Static<typeof IncidentChange>;

export const DutyDone = Type.Object(
  { doneAt: Type.Optional(At), reference: Type.Optional(Part) },
  { additionalProperties: false },
);
export type DutyDone = Static<typeof DutyDone>;

export const IncidentNote = Type.Object(
  { note: Type.String({ minLength: 1, maxLength: 20_000 }) },
  { additionalProperties: false },
);
export type IncidentNote = Static<typeof IncidentNote>;

export const INCIDENT_FORMATS = ['json', 'markdown'] as const;
export type IncidentFormat = (typeof INCIDENT_FORMATS)[number];
