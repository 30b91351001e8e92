-- Tokens of devices that are replaced while both work, and what servers must know of those that ended.

-- Null: nobody has used it since this is known. Freshened once a minute.
ALTER TABLE device_tokens ADD COLUMN last_used_at bigint;
-- A newer one takes its place: it works until the newer one was used, or until this instant.
ALTER TABLE device_tokens ADD COLUMN ends_at bigint;
CREATE INDEX device_tokens_ending ON device_tokens (ends_at) WHERE ends_at IS NOT NULL;

-- One change of the token of a device.
CREATE TABLE token_rotations (
  rotation_id uuid PRIMARY KEY,
  device_id uuid NOT NULL REFERENCES devices ON DELETE CASCADE,
  -- of the new token
  token_hash bytea NOT NULL UNIQUE,
  -- the new token, sealed, as long as the device may have to be told it again; null: a person has it, or it is over
  sealed_token bytea,
  state text NOT NULL CHECK (state IN ('waiting', 'told', 'confirmed', 'graceEnded', 'refused', 'cancelled')),
  to_person boolean NOT NULL DEFAULT false,
  -- the job that began it
  job_id uuid,
  fault text,
  created_at bigint NOT NULL,
  grace_ends_at bigint NOT NULL,
  told_at bigint,
  ended_at bigint
);
-- at most one at a time
CREATE UNIQUE INDEX token_rotations_open ON token_rotations (device_id) WHERE state IN ('waiting', 'told');
CREATE INDEX token_rotations_device ON token_rotations (device_id, rotation_id);
CREATE INDEX token_rotations_waiting ON token_rotations (rotation_id) WHERE state = 'waiting';
CREATE INDEX token_rotations_grace ON token_rotations (grace_ends_at) WHERE state IN ('waiting', 'told');
CREATE INDEX token_rotations_job ON token_rotations (job_id, state) WHERE job_id IS NOT NULL;

-- Tokens that ended, and why: every server looks here every two seconds for those that somebody uses there. By the clock
-- of the database, so that those of servers may differ.
CREATE TABLE credential_ends (
  end_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  token_hash bytea NOT NULL,
  -- no reference: it outlives its device, and is forgotten with its data
  device_id uuid,
  code text NOT NULL,
  ended_at bigint NOT NULL
);
CREATE INDEX credential_ends_at ON credential_ends (ended_at);
CREATE INDEX credential_ends_token ON credential_ends (token_hash);

-- Whoever ends a token, and by whatever statement: the row is written with it.
CREATE FUNCTION tokens_ended() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO credential_ends (token_hash, device_id, code, ended_at)
  SELECT token_hash, gone.device_id, CASE devices.state WHEN 'active' THEN 'TOKEN_REPLACED' ELSE 'DEVICE_REVOKED' END,
    (extract(epoch FROM clock_timestamp()) * 1000)::bigint
  FROM gone LEFT JOIN devices USING (device_id);
  RETURN NULL;
END $$;
CREATE TRIGGER device_tokens_ended AFTER DELETE ON device_tokens REFERENCING OLD TABLE AS gone
  FOR EACH STATEMENT EXECUTE FUNCTION tokens_ended();
