-- A command is stored before anything is sent. It has exactly one final state.
CREATE TABLE commands (
  command_id uuid PRIMARY KEY,
  device_id uuid NOT NULL REFERENCES devices ON DELETE CASCADE,
  site_id uuid NOT NULL REFERENCES sites ON DELETE CASCADE,
  name text NOT NULL,
  args jsonb NOT NULL,
  class text NOT NULL CHECK (class IN ('read', 'set', 'act', 'slow')),
  state text NOT NULL CHECK (state IN
    ('queued', 'sent', 'acked', 'confirmed', 'rejected', 'failed', 'expired', 'cancelled', 'unknown')),
  progress double precision,
  result jsonb,
  error jsonb,
  attempts integer NOT NULL DEFAULT 0,
  sent_by text NOT NULL,
  -- the bulk run it belongs to
  run_id uuid,
  created_at bigint NOT NULL,
  deadline_at bigint NOT NULL,
  sent_at bigint,
  acked_at bigint,
  ended_at bigint
);
CREATE INDEX commands_device ON commands (device_id, command_id);
CREATE INDEX commands_open ON commands (device_id, command_id) WHERE state IN ('queued', 'sent', 'acked');
CREATE INDEX commands_deadline ON commands (deadline_at) WHERE state IN ('queued', 'sent', 'acked');
CREATE INDEX commands_run ON commands (run_id, command_id) WHERE run_id IS NOT NULL;
CREATE INDEX commands_site ON commands (site_id);

-- The same key of the same sender is the same request.
CREATE TABLE idempotency_keys (
  sent_by text NOT NULL,
  key text NOT NULL,
  request_hash bytea NOT NULL,
  command_id uuid NOT NULL,
  created_at bigint NOT NULL,
  PRIMARY KEY (sent_by, key)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);

-- One command to many devices, some at a time.
CREATE TABLE command_runs (
  run_id uuid PRIMARY KEY,
  site_id uuid NOT NULL REFERENCES sites ON DELETE CASCADE,
  group_id uuid,
  name text NOT NULL,
  args jsonb NOT NULL,
  class text,
  deadline_ms bigint,
  at_once integer NOT NULL,
  sent_by text NOT NULL,
  state text NOT NULL CHECK (state IN ('running', 'done', 'cancelled')),
  created_at bigint NOT NULL,
  ended_at bigint
);
CREATE INDEX command_runs_running ON command_runs (run_id) WHERE state = 'running';
CREATE INDEX command_runs_site ON command_runs (site_id, run_id);

-- Devices of a run, as its group was when it began. `command_id` once it is its turn.
CREATE TABLE command_run_devices (
  run_id uuid NOT NULL REFERENCES command_runs ON DELETE CASCADE,
  device_id uuid NOT NULL REFERENCES devices ON DELETE CASCADE,
  command_id uuid,
  -- why no command could be made
  refused text,
  PRIMARY KEY (run_id, device_id)
);
CREATE INDEX command_run_devices_device ON command_run_devices (device_id);
CREATE INDEX command_run_devices_waiting ON command_run_devices (run_id) WHERE command_id IS NULL AND refused IS NULL;
