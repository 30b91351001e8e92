import {
  type AlertRule,
  type AlertRuleChange,
  type AlertRuleCreate,
  MusterError,
  type RuleScope,
  type Severity,
} from '@muster/contract';
import type { Clock } from '../../platform/clock.ts';
import { newId } from '../../platform/ids.ts';
import type { Rule } from '../rules/define.ts';
import { rules } from '../rules/index.gen.ts';
import type { RuleRow } from '../tables.ts';
import { SERVER_RULES, SITE_RULES } from './defaults.ts';
import type { RuleStore } from './store.ts';

/** Rules of one site, or of the server: each costs memory for every device. */
const MOST_RULES = 200;

export interface RuleBook {
  /** NOT_FOUND */
  get(ruleId: string): Promise<AlertRule>;
  /** `siteId`: null for the rules of the server. `sites`: those that the caller may see, null for all. */
  list(siteId: string | null | undefined, sites: readonly string[] | null): Promise<AlertRule[]>;
  /** RULE_INVALID says what does not fit; CONFLICT past 200 rules of a site. */
  create(wanted: AlertRuleCreate): Promise<AlertRule>;
  change(ruleId: string, change: AlertRuleChange): Promise<AlertRule>;
  delete(ruleId: string): Promise<void>;
  /** The rules that a new site begins with, or the server (null). Made once. */
  makeDefaults(siteId: string | null): Promise<void>;
}

export interface RuleBookDeps {
  readonly store: RuleStore;
  readonly clock: Clock;
  /** Refuses notifiers that are not of the site. */
  readonly checkNotifiers: (siteId: string | null, notifierIds: readonly string[]) => Promise<void>;
  readonly onChange: () => void;
  /** What the rule had open ends: there is nobody left to end it. */
  readonly onGone: (ruleId: string, why: string) => Promise<void>;
}

const kinds: ReadonlyMap<string, Rule> = new Map(rules.map((rule) => [rule.kind, rule]));

/** RULE_INVALID when there is no such kind. */
export function kindOf(kind: string): Rule {
  const rule = kinds.get(kind);
  if (rule !== undefined) return rule;
  const say = `There is no rule of the kind "${kind}". Kinds: ${[...kinds.keys()].join(', ')}.`;
  throw new MusterError('RULE_INVALID', { kind }, { say });
}

export function createRuleBook({ store, clock, checkNotifiers, onChange, onGone }: RuleBookDeps): RuleBook {
  async function check(rule: RuleRow): Promise<RuleRow> {
    const params = kindOf(rule.kind).read(rule.params);
    checkScope(rule.site_id, rule.scope, rule.scope_value);
    if (rule.site_id === null && kindOf(rule.kind).kind !== 'threshold') {
      throw invalid('The server itself is watched by rules of the kind threshold only.');
    }
    if (rule.escalate_ms === null && (rule.escalate_to !== null || rule.escalate_notifiers.length > 0)) {
      throw invalid('escalateMs is missing: after how long shall it escalate?');
    }
    await checkNotifiers(rule.site_id, [...rule.notifiers, ...rule.escalate_notifiers]);
    return { ...rule, params };
  }

  function rowOf(wanted: AlertRuleCreate, now: number): RuleRow {
    return {
      rule_id: newId(now),
      site_id: wanted.siteId ?? null,
      kind: wanted.kind,
      name: wanted.name,
      params: wanted.params ?? {},
      severity: wanted.severity ?? kindOf(wanted.kind).severity,
      scope: wanted.scope ?? 'site',
      scope_value: wanted.scopeValue ?? null,
      enabled: wanted.enabled ?? true,
      notifiers: wanted.notifiers ?? [],
      remind_ms: wanted.remindMs ?? null,
      escalate_ms: wanted.escalateMs ?? null,
      escalate_to: wanted.escalateTo ?? null,
      escalate_notifiers: wanted.escalateNotifiers ?? [],
      created_at: now,
      changed_at: now,
    };
  }

  async function find(ruleId: string): Promise<RuleRow> {
    const row = await store.find(ruleId);
    if (row === undefined) throw new MusterError('NOT_FOUND', { ruleId });
    return row;
  }

  return {
    get: async (ruleId) => toRule(await find(ruleId)),
    list: async (siteId, sites) => (await store.list(siteId, sites)).map(toRule),

    async create(wanted) {
      const row = await check(rowOf(wanted, clock.now()));
      if ((await store.count(row.site_id)) >= MOST_RULES) {
        throw new MusterError('CONFLICT', { limit: MOST_RULES }, { say: `A site may have ${MOST_RULES} rules.` });
      }
      await store.insert(row);
      onChange();
      return toRule(row);
    },

    async change(ruleId, change) {
      const before = await find(ruleId);
      const { name, params, severity, scope, scopeValue, enabled, notifiers } = change;
      const { remindMs, escalateMs, escalateTo, escalateNotifiers } = change;
      const wanted: RuleRow = {
        ...before,
        name: name ?? before.name,
        params: params ?? before.params,
        severity: severity ?? before.severity,
        scope: scope ?? before.scope,
        scope_value: scopeValue === undefined ? before.scope_value : scopeValue,
        enabled: enabled ?? before.enabled,
        notifiers: notifiers ?? before.notifiers,
        remind_ms: remindMs === undefined ? before.remind_ms : remindMs,
        escalate_ms: escalateMs === undefined ? before.escalate_ms : escalateMs,
        escalate_to: escalateTo === undefined ? before.escalate_to : escalateTo,
        escalate_notifiers: escalateNotifiers ?? before.escalate_notifiers,
        // two changes within a millisecond must differ: other servers look for the greatest
        changed_at: Math.max(clock.now(), before.changed_at + 1),
      };
      const { rule_id: _, site_id: __, created_at: ___, ...set } = await check(wanted);
      const row = await store.change(ruleId, set);
      if (row === undefined) throw new MusterError('NOT_FOUND', { ruleId });
      if (before.enabled && !row.enabled) await onGone(ruleId, 'the rule was switched off');
      onChange();
      return toRule(row);
    },

    async delete(ruleId) {
      if ((await store.delete(ruleId)) === undefined) throw new MusterError('NOT_FOUND', { ruleId });
      await onGone(ruleId, 'the rule was deleted');
      onChange();
    },

    async makeDefaults(siteId) {
      const now = clock.now();
      const wanted = siteId === null ? SERVER_RULES : SITE_RULES;
      const rows = wanted.map((rule) => ({
        ...rowOf({ ...rule, ...(siteId === null ? {} : { siteId }) }, now),
        params: kindOf(rule.kind).read(rule.params),
      }));
      if (await store.makeDefaults(siteId, rows, now)) onChange();
    },
  };
}

function checkScope(siteId: string | null, scope: RuleScope, value: string | null): void {
  if (scope === 'site') {
    if (value !== null) throw invalid('scopeValue says nothing when the rule is for every device of the site.');
    return;
  }
  if (siteId === null) throw invalid('A rule of the server itself has the scope "site".');
  if (value === null) throw invalid(`scopeValue is missing: which ${scope}?`);
}

function invalid(say: string): MusterError {
  return new MusterError('RULE_INVALID', {}, { say });
}

function toRule(row: RuleRow): AlertRule {
  return {
    ruleId: row.rule_id,
    siteId: row.site_id,
    kind: row.kind,
    name: row.name,
    params: { ...row.params },
    severity: row.severity satisfies Severity,
    scope: row.scope,
    scopeValue: row.scope_value,
    enabled: row.enabled,
    notifiers: [...row.notifiers],
    remindMs: row.remind_ms,
    escalateMs: row.escalate_ms,
    escalateTo: row.escalate_to,
    escalateNotifiers: [...row.escalate_notifiers],
    createdAt: row.created_at,
    changedAt: row.changed_at,
  };
}
