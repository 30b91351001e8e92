import type { IncidentDetail } from '@muster/contract';

/** The record for whoever types it into the authority's form: Markdown, times in UTC. */
export function incidentReport({ incident, timeline }: IncidentDetail): string {
  const { facts } = incident;
  const unlawful = facts.unlawful === undefined || facts.unlawful === null ? null : facts.unlawful ? 'yes' : 'no';
  return `${[
    `# ${line(incident.title)}`,
    table(
      ['', ''],
      [
        ['kind', KINDS[incident.kind]],
        ['record', incident.incidentId],
        ['known since', when(incident.knownAt)],
        ['fix or mitigation available since', when(incident.correctiveAt)],
        ['closed', when(incident.closedAt)],
        ['affected releases', incident.releases.join(', ') || UNKNOWN],
        ['affected components', incident.components.join(', ') || UNKNOWN],
        ['member states where it is available', facts.memberStates?.join(', ') || UNKNOWN],
        ['unlawful or malicious acts suspected', unlawful ?? UNKNOWN],
      ],
    ),
    '## Reports',
    table(
      ['report', 'due', 'submitted', 'reference', 'state'],
      incident.duties.map(({ duty, dueAt, doneAt, reference, state, late }) => [
        duty,
        when(dueAt),
        when(doneAt),
        reference ?? '',
        late ? `${state}, late` : state,
      ]),
    ),
    ...(
      [
        ['Description', facts.description],
        ['Severity and impact', facts.impact],
        ['Cause', facts.cause],
        ['Measures taken', facts.measures],
        ['What users can do', facts.advice],
      ] as const
    ).flatMap(([head, text]) => [`## ${head}`, text === undefined || text === '' ? UNKNOWN : quote(text)]),
    '## Timeline',
    table(
      ['when', 'who', 'what', 'note'],
      timeline.map(({ at, by, deed, note }) => [when(at), by ?? '', deed, note]),
    ),
  ].join('\n\n')}\n`;
}

const UNKNOWN = 'not known';
const KINDS = {
  'exploited-vulnerability': 'actively exploited vulnerability (CRA, article 14(1))',
  'severe-incident': 'severe incident (CRA, article 14(3))',
} as const;

const when = (at: number | null): string => (at === null ? UNKNOWN : new Date(at).toISOString());

/** Text of people is quoted, so that it stays text: no heading, table, link or HTML of theirs becomes part of the page. */
const quote = (text: string): string =>
  text
    .split('\n')
    .map((one) => `> ${asText(one)}`)
    .join('\n');
const asText = (text: string): string => text.replaceAll(/[\\`*_{}[\]<>#|!&]/g, (sign) => `\\${sign}`);
const line = (text: string): string => asText(text.replaceAll(/\s*\n\s*/g, ' '));

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = rows.map((cells) => `| ${cells.map(line).join(' | ')} |`);
  return [`| ${head.join(' | ')} |`, `|${head.map(() => '---|').join('')}`, ...lines].join('\n');
}
