-- A sender's key stands for a run as well as for one command.
ALTER TABLE idempotency_keys RENAME COLUMN command_id TO made_id;

-- A run stops by itself when so many of its devices failed.
ALTER TABLE command_runs ADD COLUMN stop_after_failures integer;
ALTER TABLE command_runs DROP CONSTRAINT command_runs_state_check;
ALTER TABLE command_runs ADD CONSTRAINT command_runs_state_check
  CHECK (state IN ('running', 'done', 'cancelled', 'stopped'));
CREATE INDEX command_runs_group ON command_runs (group_id, run_id);
CREATE INDEX command_runs_ended ON command_runs (ended_at) WHERE ended_at IS NOT NULL;
-- what each look at a run counts: its commands that have not ended, and those that failed
CREATE INDEX commands_run_open ON commands (run_id)
  WHERE run_id IS NOT NULL AND state IN ('queued', 'sent', 'acked');
CREATE INDEX commands_run_failed ON commands (run_id, device_id)
  WHERE run_id IS NOT NULL AND state IN ('rejected', 'failed', 'expired', 'unknown');
CREATE INDEX command_run_devices_refused ON command_run_devices (run_id, device_id) WHERE refused IS NOT NULL;

-- Groups that ask for a value of a reported field.
CREATE INDEX twins_reported ON twins USING gin (reported jsonb_path_ops);
