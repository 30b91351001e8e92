-- Alerts: rules, what is open and was, who is told, and when nobody shall be.

CREATE TABLE alert_rules (
  rule_id uuid PRIMARY KEY,
  -- null: the rule watches the server itself
  site_id uuid REFERENCES sites ON DELETE CASCADE,
  kind text NOT NULL,
  name text NOT NULL,
  params jsonb NOT NULL,
  severity text NOT NULL,
  scope text NOT NULL,
  scope_value text,
  enabled boolean NOT NULL,
  notifiers uuid[] NOT NULL,
  remind_ms bigint,
  escalate_ms bigint,
  escalate_to text,
  escalate_notifiers uuid[] NOT NULL,
  created_at bigint NOT NULL,
  changed_at bigint NOT NULL
);
CREATE INDEX alert_rules_site ON alert_rules (site_id, rule_id);
CREATE INDEX alert_rules_changed ON alert_rules (changed_at);

-- Rules of ours are made once: a person who deletes one does not get it back at the next start.
CREATE TABLE alert_defaults (
  -- a site, or the nil UUID for the server
  made_for uuid PRIMARY KEY,
  made_at bigint NOT NULL
);

-- What a rule must remember of a subject after a restart.
CREATE TABLE alert_rule_states (
  rule_id uuid NOT NULL REFERENCES alert_rules ON DELETE CASCADE,
  subject text NOT NULL,
  state jsonb NOT NULL,
  PRIMARY KEY (rule_id, subject)
);
CREATE INDEX alert_rule_states_subject ON alert_rule_states (subject);

CREATE TABLE alerts (
  alert_id uuid PRIMARY KEY,
  -- no foreign key: what was open stays on record when its rule is deleted
  rule_id uuid NOT NULL,
  rule_kind text NOT NULL,
  rule_name text NOT NULL,
  site_id uuid REFERENCES sites ON DELETE CASCADE,
  device_id uuid REFERENCES devices ON DELETE CASCADE,
  subject text NOT NULL,
  severity text NOT NULL,
  state text NOT NULL,
  fact text NOT NULL,
  opened_at bigint NOT NULL,
  closed_at bigint,
  acknowledged_at bigint,
  acknowledged_by uuid REFERENCES users ON DELETE SET NULL,
  assigned_to uuid REFERENCES users ON DELETE SET NULL,
  snoozed_until bigint,
  escalated_at bigint,
  -- 'maintenance', or the id of the alert that stands for this one
  suppressed_by text,
  told boolean NOT NULL,
  remind_at bigint,
  escalate_at bigint,
  -- when somebody has to look at it again
  next_at bigint
);
CREATE UNIQUE INDEX alerts_one_open ON alerts (rule_id, subject) WHERE state = 'open';
CREATE INDEX alerts_site ON alerts (site_id, alert_id);
CREATE INDEX alerts_device ON alerts (device_id, alert_id) WHERE device_id IS NOT NULL;
CREATE INDEX alerts_open_device ON alerts (device_id, severity) WHERE state = 'open' AND device_id IS NOT NULL;
CREATE INDEX alerts_open ON alerts (site_id, alert_id) WHERE state = 'open';
CREATE INDEX alerts_due ON alerts (next_at) WHERE state = 'open' AND next_at IS NOT NULL;
CREATE INDEX alerts_suppressed ON alerts (suppressed_by) WHERE state = 'open' AND suppressed_by IS NOT NULL;

CREATE TABLE alert_log (
  entry_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  alert_id uuid NOT NULL REFERENCES alerts ON DELETE CASCADE,
  at bigint NOT NULL,
  deed text NOT NULL,
  user_id uuid REFERENCES users ON DELETE SET NULL,
  note text NOT NULL
);
CREATE INDEX alert_log_alert ON alert_log (alert_id, entry_id);

CREATE TABLE maintenance_windows (
  maintenance_id uuid PRIMARY KEY,
  site_id uuid NOT NULL REFERENCES sites ON DELETE CASCADE,
  -- null: the whole site
  device_id uuid REFERENCES devices ON DELETE CASCADE,
  begins_at bigint NOT NULL,
  ends_at bigint NOT NULL,
  reason text NOT NULL,
  created_by uuid REFERENCES users ON DELETE SET NULL
);
CREATE INDEX maintenance_windows_site ON maintenance_windows (site_id, ends_at);

CREATE TABLE notifiers (
  notifier_id uuid PRIMARY KEY,
  site_id uuid REFERENCES sites ON DELETE CASCADE,
  kind text NOT NULL,
  name text NOT NULL,
  settings jsonb NOT NULL,
  -- written and never read by the API
  secrets jsonb NOT NULL,
  enabled boolean NOT NULL,
  created_at bigint NOT NULL
);
CREATE INDEX notifiers_site ON notifiers (site_id, notifier_id);

-- A notification is a row before it is sent.
CREATE TABLE alert_notifications (
  notification_id uuid PRIMARY KEY,
  alert_id uuid NOT NULL REFERENCES alerts ON DELETE CASCADE,
  notifier_id uuid NOT NULL REFERENCES notifiers ON DELETE CASCADE,
  deed text NOT NULL,
  message jsonb NOT NULL,
  state text NOT NULL,
  attempts integer NOT NULL DEFAULT 0,
  next_try_at bigint,
  last_error text,
  created_at bigint NOT NULL,
  sent_at bigint
);
CREATE INDEX alert_notifications_due ON alert_notifications (next_try_at) WHERE state = 'pending';
CREATE INDEX alert_notifications_alert ON alert_notifications (alert_id, notification_id);
CREATE INDEX alert_notifications_notifier ON alert_notifications (notifier_id, notification_id);
