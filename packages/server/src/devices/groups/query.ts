import { type Condition, type GroupQuery, MusterError } from '@muster/contract';
import { type RawBuilder, type SqlBool, sql } from 'kysely';
import { isConnected } from '../presence/index.ts';

const SUBJECTS = ['tag', 'profile', 'name', 'simulated', 'connected', 'reported'] as const;
const COMPARISONS = ['is', 'not', 'above', 'below', 'exists'] as const;

/** REQUEST_INVALID with the first condition that says nothing, or two things at once. */
export function checkQuery(query: GroupQuery): void {
  for (const condition of [...(query.all ?? []), ...(query.any ?? [])]) {
    const subjects = SUBJECTS.filter((name) => condition[name] !== undefined);
    const comparisons = COMPARISONS.filter((name) => condition[name] !== undefined);
    const right = subjects.length === 1 && comparisons.length === (subjects[0] === 'reported' ? 1 : 0);
    if (right) continue;
    const say =
      `A condition names one of ${SUBJECTS.join(', ')}, and \`reported\` goes with one of ${COMPARISONS.join(', ')}. ` +
      `This one does not: ${JSON.stringify(condition)}`;
    throw new MusterError('REQUEST_INVALID', {}, { say });
  }
}

/**
 * The query as a condition on the row `devices` of a statement. Everything that came from outside becomes a parameter;
 * nothing of it becomes SQL.
 */
export function queryCondition(query: GroupQuery): RawBuilder<SqlBool> {
  const all = (query.all ?? []).map(condition);
  const any = (query.any ?? []).map(condition);
  const parts = [...all, ...(any.length === 0 ? [] : [sql<SqlBool>`(${sql.join(any, sql` OR `)})`])];
  return parts.length === 0 ? sql`true` : sql`(${sql.join(parts, sql` AND `)})`;
}

function condition(one: Condition): RawBuilder<SqlBool> {
  if (one.tag !== undefined) return sql`devices.tags @> ARRAY[${one.tag}]::text[]`;
  if (one.profile !== undefined) return sql`devices.profile IS NOT DISTINCT FROM ${one.profile}`;
  if (one.name !== undefined) return sql`position(lower(${one.name}) in lower(devices.name)) > 0`;
  if (one.simulated !== undefined) return sql`devices.simulated = ${one.simulated}`;
  if (one.connected !== undefined) return sql`${isConnected()} = ${one.connected}`;
  return reported(one);
}

function reported(one: Condition): RawBuilder<SqlBool> {
  const path = (one.reported ?? '').split('.');
  // equality is the one comparison that an index answers: the twins that have the value are few
  if (one.is !== undefined) {
    const holds = path.reduceRight<unknown>((inner, name) => ({ [name]: inner }), one.is);
    return sql`devices.device_id IN (SELECT twins.device_id FROM twins WHERE twins.reported @> ${JSON.stringify(holds)}::jsonb)`;
  }
  const field = sql`twins.reported #> ${path}::text[]`;
  return sql`coalesce((SELECT ${comparison(one, field)} FROM twins WHERE twins.device_id = devices.device_id), ${one.exists === false})`;
}

function comparison(one: Condition, field: RawBuilder<unknown>): RawBuilder<unknown> {
  // a field that is not there is not known to differ
  if (one.not !== undefined) return sql`(${field}) <> ${JSON.stringify(one.not)}::jsonb`;
  if (one.exists !== undefined) return sql`((${field}) IS NOT NULL) = ${one.exists}`;
  const order = one.above === undefined ? sql`< ${one.below}::float8` : sql`> ${one.above}::float8`;
  return sql`CASE WHEN jsonb_typeof(${field}) = 'number' THEN (${field})::float8 ${order} ELSE false END`;
}
