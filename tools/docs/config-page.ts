import type { Setting } from '../../packages/server/src/platform/settings.ts';
import { page, table } from './markdown.ts';

/** Settings by the first word of their path, in the order of the schema. */
export function configPage(settings: readonly Setting[]): string {
  const groups = Map.groupBy(settings, ({ path }) => path.split('.')[0] ?? '');
  return page(
    '# Settings of the server',
    'Each setting comes from, in this order, the later winning: its default; a JSON file (`--config FILE`, `MUSTER_CONFIG`, or `muster.json` where the server is started); its environment variable; ' +
      'its flag on the command line (`npm start -- --http.port 9000`). An unknown key, a wrong value and a missing ' +
      'secret stop the start with their name. No secret has a default. `npm start -- config show` ' +
      'prints what the server would run with, without the secrets; `muster config show` prints what it runs with.',
    ...[...groups].map(([group, members]) => `## ${group}\n\n${groupTable(members)}`),
  );
}

function groupTable(settings: readonly Setting[]): string {
  return table(
    ['setting', 'environment', 'default', 'meaning'],
    settings.map(({ path, variable, schema, optional }) => [
      `\`${path}\``,
      `\`${variable}\``,
      defaultText(schema.default, schema.secret === true, optional),
      `${schema.description ?? ''}${schema.enum === undefined ? '' : ` (${schema.enum.join(', ')})`}`,
    ]),
  );
}

function defaultText(value: unknown, secret: boolean, optional: boolean): string {
  if (secret) return optional ? 'secret, not set' : 'secret, must be set';
  if (value === undefined) return optional ? 'not set' : 'must be set';
  return `\`${JSON.stringify(value)}\``;
}
