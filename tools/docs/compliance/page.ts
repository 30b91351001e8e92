import { page, table } from '../markdown.ts';
import type { Claim, ClaimState, Evidence, Standard } from './claims.ts';

const STATES: readonly ClaimState[] = ['met', 'partly', 'not met', 'not applicable'];

/** docs/reference/compliance.md. The evidence was looked up before: see `missingEvidence`. */
export function compliancePage(standards: readonly Standard[]): string {
  const counts = standards.map(({ name, parts }) => {
    const claims = parts.flatMap((part) => part.claims);
    return [
      `[${name}](#${anchor(name)})`,
      ...STATES.map((state) => String(claims.filter((claim) => claim.state === state).length)),
    ];
  });
  return page(
    '# Evidence',
    'What standards and law ask for, what Muster does of it, and which test shows it. This page cannot name a test that ' +
      'does not exist: it is made by `npm run gen`, which looks each one up, and `npm run check` fails when one is gone. ' +
      'It is our own judgement: nobody has certified anything. A maker who sells a device with Muster answers for the ' +
      'whole of the device; what is said here is about the server, the command and the Linux device in this repository.',
    'Titles are our own words; the text of the standard counts. "Partly" and "not met" say what is missing. The claims ' +
      'stand in `tools/docs/compliance/`: change them there, in the same commit as the test.',
    table(['standard', ...STATES], counts),
    ...standards.flatMap(({ name, about, parts }) => [
      `## ${name}`,
      about,
      ...parts.flatMap((part) => [
        `### ${part.name}`,
        table(['number', 'what it asks', 'state', 'evidence, or what is missing'], part.claims.map(rowOf)),
      ]),
    ]),
  );
}

function rowOf({ id, title, state, say, evidence }: Claim): string[] {
  return [id, title, state, [...(say === '' ? [] : [say]), ...evidence.map(cellOf)].join('<br>')];
}

function cellOf(one: Evidence): string {
  if ('document' in one) {
    const { document, heading } = one;
    return `[${document}](../../${document}${heading === undefined ? '' : `#${anchor(heading)}`})`;
  }
  const name = one.file.split('/').at(-1) ?? one.file;
  return `[${name}](../../${one.file}): ${plain(one.test)}`;
}

/** A name of a test is text and no Markdown. */
const plain = (text: string): string => text.replaceAll(/[\\`*_{}[\]<>#&]/g, (sign) => `\\${sign}`);

/** As GitHub makes them, and tests/docs.test.ts expects. */
const anchor = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
