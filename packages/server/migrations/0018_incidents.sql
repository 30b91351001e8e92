-- Exploited vulnerabilities and severe incidents, with what must be reported to the authority and until when.
CREATE TABLE incidents (
  incident_id uuid PRIMARY KEY,
  kind text NOT NULL,
  title text NOT NULL,
  known_at bigint NOT NULL,
  corrective_at bigint,
  releases text[] NOT NULL,
  components text[] NOT NULL,
  facts json NOT NULL,
  -- by duty: when it was submitted, and what the authority calls it
  done json NOT NULL,
  opened_at bigint NOT NULL,
  closed_at bigint
);
CREATE INDEX incidents_open ON incidents (opened_at) WHERE closed_at IS NULL;

-- What happened to a record, in order. Never changed after.
CREATE TABLE incident_events (
  event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  incident_id uuid NOT NULL REFERENCES incidents,
  at bigint NOT NULL,
  by_name text,
  deed text NOT NULL,
  note text NOT NULL
);
CREATE INDEX incident_events_incident ON incident_events (incident_id, event_id);

CREATE FUNCTION incident_events_are_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the timeline of an incident is never changed or deleted' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER incident_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON incident_events
  FOR EACH STATEMENT EXECUTE FUNCTION incident_events_are_append_only();

-- Servers that had their first rules before there was this one get it too.
INSERT INTO alert_rules (rule_id, site_id, kind, name, params, severity, scope, enabled, notifiers, escalate_notifiers,
  created_at, changed_at)
SELECT gen_random_uuid(), NULL, 'threshold', 'A report to the authority is due',
  '{"series":"server/reportsDue","side":"above","limit":0,"hysteresis":0,"forMs":0,"clearForMs":0}', 'critical', 'site',
  true, '{}', '{}', made_at, made_at
FROM alert_defaults WHERE made_for = '00000000-0000-0000-0000-000000000000';
