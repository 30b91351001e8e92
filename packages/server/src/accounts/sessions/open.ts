import type { Role, User } from '@muster/contract';
import type { Pool } from 'pg';
import type { Person } from '../permissions.ts';
import { toUser } from '../users/store.ts';
import type { AccountsConfig } from './config.ts';
import type { SessionTables } from './store.ts';

/** One open session, with what its user may do now. */
export interface Session {
  readonly sessionId: string;
  readonly user: User;
  readonly actor: Person;
  readonly lastUsedAt: number;
}

/** Whom this deployment asks for a second factor. */
export type Demands = AccountsConfig['secondFactor'];

/**
 * Asked by nearly every request. Named, so that a connection parses and plans it once: that takes three times as long as
 * running it.
 */
const OPEN = {
  name: 'open sessions',
  text: `SELECT s.token_hash, s.session_id, s.proved_at, s.last_used_at, s.second_factor, m.site_id, m.role,
      u.user_id, u.email, u.name, u.administrator, u.support, u.state, u.language, u.created_at,
      EXISTS (SELECT FROM totp_secrets t WHERE t.user_id = u.user_id AND t.confirmed_at IS NOT NULL)
        OR EXISTS (SELECT FROM passkeys p WHERE p.user_id = u.user_id) AS has_factor
    FROM sessions s JOIN users u ON u.user_id = s.user_id LEFT JOIN members m ON m.user_id = s.user_id
    WHERE s.token_hash = ANY($1) AND s.expires_at > $2 AND s.last_used_at > $3 AND u.state = 'active'`,
};
type Row = Pick<
  SessionTables['sessions'],
  'token_hash' | 'session_id' | 'proved_at' | 'last_used_at' | 'second_factor'
> &
  Pick<
    SessionTables['users'],
    'user_id' | 'email' | 'name' | 'administrator' | 'support' | 'state' | 'language' | 'created_at'
  > & { readonly site_id: string | null; readonly role: Role | null; readonly has_factor: boolean };

/** Those of these sessions that are open, by their hash in hex. `usedAfter`: an older one was left idle. */
export type FindOpen = (
  tokenHashes: readonly Buffer[],
  now: number,
  usedAfter: number,
) => Promise<Map<string, Session>>;

export function createFindOpen(pool: Pool, demands: Demands): FindOpen {
  return async (tokenHashes, now, usedAfter) => {
    if (tokenHashes.length === 0) return new Map();
    const { rows } = await pool.query<Row>({ ...OPEN, values: [tokenHashes, now, usedAfter] });
    const found = new Map<
      string,
      Session & { readonly actor: { readonly roles: Map<string, Role>; lacksFactor: boolean } }
    >();
    for (const row of rows) {
      const key = row.token_hash.toString('hex');
      const session = found.get(key) ?? {
        sessionId: row.session_id,
        user: toUser(row),
        lastUsedAt: row.last_used_at,
        actor: {
          kind: 'user',
          userId: row.user_id,
          administrator: row.administrator,
          support: row.support,
          roles: new Map(),
          provedAt: row.proved_at,
          lacksFactor: false,
        },
      };
      found.set(key, session);
      if (row.site_id !== null && row.role !== null) session.actor.roles.set(row.site_id, row.role);
      const isAsked =
        (row.administrator && demands.administrator) ||
        (row.support && demands.support) ||
        (row.role !== null && demands[row.role]);
      if (isAsked && !row.has_factor && !row.second_factor) session.actor.lacksFactor = true;
    }
    return found;
  };
}
