-- Devices that leave for good: told to reset, their keys wiped, their data erased. A row is kept of each: which, when, and
-- whether the device said that it did.
CREATE TABLE decommissions (
  -- no reference: it is all that stays
  device_id uuid PRIMARY KEY,
  site_id uuid NOT NULL REFERENCES sites ON DELETE CASCADE,
  state text NOT NULL CHECK (state IN ('resetting', 'settling', 'erasing', 'done')),
  -- the command that tells it to reset; null: it was not connected
  reset_command_id uuid,
  reset_confirmed boolean NOT NULL DEFAULT false,
  -- when the state goes on by itself
  next_at bigint NOT NULL,
  erased_rows bigint NOT NULL DEFAULT 0,
  created_at bigint NOT NULL,
  ended_at bigint
);
CREATE INDEX decommissions_open ON decommissions (next_at) WHERE state <> 'done';
CREATE INDEX decommissions_site ON decommissions (site_id, device_id);

-- Two devices that use one identity: what a site does about them, and which are shut out until a person looked.
ALTER TABLE sites ADD COLUMN clone_policy text NOT NULL DEFAULT 'alert' CHECK (clone_policy IN ('alert', 'quarantine'));
ALTER TABLE devices ADD COLUMN quarantined_at bigint;
ALTER TABLE devices ADD COLUMN quarantine_reason text;

-- A new token for many devices, some at a time.
CREATE TABLE rotation_jobs (
  job_id uuid PRIMARY KEY,
  site_id uuid NOT NULL REFERENCES sites ON DELETE CASCADE,
  -- what was asked for: a group, a tag, or (both null) the whole site
  group_id uuid,
  tag text,
  at_once integer NOT NULL,
  grace_ms bigint NOT NULL,
  started_by text NOT NULL,
  state text NOT NULL CHECK (state IN ('running', 'done', 'cancelled')),
  -- devices that were not here by then count as not reached
  gives_up_at bigint NOT NULL,
  created_at bigint NOT NULL,
  ended_at bigint
);
CREATE INDEX rotation_jobs_running ON rotation_jobs (job_id) WHERE state = 'running';
CREATE INDEX rotation_jobs_site ON rotation_jobs (site_id, job_id);

-- Devices of a job, as they were when it began. `rotation_id` once it is its turn.
CREATE TABLE rotation_job_devices (
  job_id uuid NOT NULL REFERENCES rotation_jobs ON DELETE CASCADE,
  device_id uuid NOT NULL REFERENCES devices ON DELETE CASCADE,
  rotation_id uuid,
  -- why none could be begun
  refused text,
  PRIMARY KEY (job_id, device_id)
);
CREATE INDEX rotation_job_devices_device ON rotation_job_devices (device_id);
CREATE INDEX rotation_job_devices_waiting ON rotation_job_devices (job_id, device_id)
  WHERE rotation_id IS NULL AND refused IS NULL;
