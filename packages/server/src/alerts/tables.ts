import type { AlertDeed, RuleScope, Severity } from '@muster/contract';
import type { Generated, JSONColumnType } from 'kysely';

/** Rows of migration 0009. Instants are epoch ms. */
export interface AlertTables {
  alert_rules: RuleRow;
  alert_defaults: { made_for: string; made_at: number };
  alert_rule_states: { rule_id: string; subject: string; state: JSONColumnType<object> };
  alerts: AlertRow;
  alert_log: {
    entry_id: Generated<number>;
    alert_id: string;
    at: number;
    deed: AlertDeed;
    user_id: string | null;
    note: string;
  };
  maintenance_windows: MaintenanceRow;
  notifiers: NotifierTable;
  alert_notifications: NotificationTable;
}

export interface RuleRow {
  rule_id: string;
  site_id: string | null;
  kind: string;
  name: string;
  params: Readonly<Record<string, unknown>>;
  severity: Severity;
  scope: RuleScope;
  scope_value: string | null;
  enabled: boolean;
  notifiers: readonly string[];
  remind_ms: number | null;
  escalate_ms: number | null;
  escalate_to: Severity | null;
  escalate_notifiers: readonly string[];
  created_at: number;
  changed_at: number;
}

export interface AlertRow {
  alert_id: string;
  rule_id: string;
  rule_kind: string;
  rule_name: string;
  site_id: string | null;
  device_id: string | null;
  subject: string;
  severity: Severity;
  state: 'open' | 'closed';
  fact: string;
  opened_at: number;
  closed_at: number | null;
  acknowledged_at: number | null;
  acknowledged_by: string | null;
  assigned_to: string | null;
  snoozed_until: number | null;
  escalated_at: number | null;
  suppressed_by: string | null;
  told: boolean;
  remind_at: number | null;
  escalate_at: number | null;
  next_at: number | null;
}

export interface MaintenanceRow {
  maintenance_id: string;
  site_id: string;
  device_id: string | null;
  begins_at: number;
  ends_at: number;
  reason: string;
  created_by: string | null;
}

interface NotifierTable {
  notifier_id: string;
  site_id: string | null;
  kind: string;
  name: string;
  settings: Readonly<Record<string, unknown>>;
  /** JSON, sealed; null: none. */
  sealed_secrets: Buffer | null;
  enabled: boolean;
  created_at: number;
}
export type NotifierRow = NotifierTable;

interface NotificationTable {
  notification_id: string;
  alert_id: string;
  notifier_id: string;
  deed: AlertDeed;
  message: unknown;
  state: 'pending' | 'sent' | 'dead';
  attempts: Generated<number>;
  next_try_at: number | null;
  last_error: string | null;
  created_at: number;
  sent_at: number | null;
}
