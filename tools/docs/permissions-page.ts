import { ROLES } from '@muster/contract';
import { type Action, PERMISSIONS, PROOF_MS, permissionOf } from '../../packages/server/src/accounts/permissions.ts';
import type { OpenApi } from './http-page.ts';
import { page, table } from './markdown.ts';

const AUDITED = {
  change: 'with the change',
  read: 'before the answer',
  own: 'by the feature',
} as const;

/** Who may do what: the permission table, with the routes that need each of its rows. */
export function permissionsPage(document: OpenApi): string {
  const actions = Object.keys(PERMISSIONS) as Action[];
  const routes = routesOf(document);
  const rows = actions.map((action) => {
    const { who, audit, stepUp, support, keys } = permissionOf(action);
    const may = (yes: boolean): string => (yes ? 'yes' : '');
    const isOfRoles = typeof who !== 'string';
    return [
      `\`${action}\``,
      ...ROLES.map((role) => may(isOfRoles ? who.includes(role) : who !== 'administrator')),
      may(who === 'anyone' || who === 'user' || support === true),
      may(who === 'anyone'),
      may(keys === true),
      audit === undefined ? '' : AUDITED[audit],
      may(stepUp === true),
    ];
  });
  return page(
    '# Who may do what',
    'One table decides, and what it does not list is denied: `packages/server/src/accounts/permissions.ts`. A role is ' +
      "held at a site and counts for the things of that site; another site's things are not there (404), whoever asks. " +
      'An administrator may do everything at every site. Support is a role on the whole server: it sees devices, never ' +
      'words of people or children. An API key may do what it was made for, of the rows marked so, at its own site. The ' +
      'tests ask every route as everybody and compare the answers with this table.',
    '"Audited" says when the row of the audit is written: in the transaction of the change, before the answer of a read ' +
      'leaves, or by the feature itself, because what it does is more than one request. What is refused is audited too. ' +
      `"Proof" asks people for their password or second factor again when the last time is over ${PROOF_MS / 60_000} minutes ago.`,
    table(['action', ...ROLES, 'support', 'anyone', 'API key', 'audited', 'proof'], rows),
    '## Routes of each action',
    ...actions.map((action) => {
      const found = routes.get(action) ?? [];
      const list = found.map((route) => `\`${route}\``).join(', ');
      return `**\`${action}\`**: ${list === '' ? 'no route of the HTTP API' : list}`;
    }),
  );
}

function routesOf({ paths }: OpenApi): ReadonlyMap<string, string[]> {
  const found = new Map<string, string[]>();
  for (const [path, methods] of Object.entries(paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const action = operation['x-action'] ?? '';
      found.set(action, [...(found.get(action) ?? []), `${method.toUpperCase()} ${path}`]);
    }
  }
  return found;
}
