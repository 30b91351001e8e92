-- Secrets are sealed by the vault from now on. What was stored in plain waits under its old name until the server starts.

CREATE TABLE server_secrets (
  name text PRIMARY KEY,
  sealed bytea NOT NULL
);

ALTER TABLE devices RENAME COLUMN hmac_key TO plain_hmac_key;
ALTER TABLE devices ADD COLUMN hmac_key bytea;

ALTER TABLE device_keys RENAME COLUMN hmac_key TO plain_hmac_key;
ALTER TABLE device_keys ALTER COLUMN plain_hmac_key DROP NOT NULL;
ALTER TABLE device_keys ADD COLUMN hmac_key bytea;

-- rows of ten minutes: devices that knock now knock again
DELETE FROM activations WHERE key_candidate IS NOT NULL;

ALTER TABLE notifiers ADD COLUMN sealed_secrets bytea;
ALTER TABLE notifiers ADD COLUMN plain_secrets bytea;
UPDATE notifiers SET plain_secrets = convert_to(secrets::text, 'UTF8') WHERE secrets <> '{}'::jsonb;
ALTER TABLE notifiers DROP COLUMN secrets;
