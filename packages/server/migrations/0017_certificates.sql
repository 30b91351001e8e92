-- Certificate authorities of sites, certificates of devices under them, and what was revoked.

CREATE TABLE certificate_authorities (
  authority_id uuid PRIMARY KEY,
  site_id uuid NOT NULL REFERENCES sites ON DELETE CASCADE,
  name text NOT NULL,
  -- waiting: the site has yet to prove that it has the key
  state text NOT NULL,
  -- what the proof must be made out to; null once it was made
  challenge text,
  -- SHA-256 of the public key, hex: authorities are told apart by their key, not by their name
  key_hash text NOT NULL,
  subject text NOT NULL,
  certificate bytea NOT NULL,
  -- a certificate that nobody saw before makes, or finds, the device that its common name names
  provisions boolean NOT NULL DEFAULT false,
  profile text,
  begins_at bigint NOT NULL,
  ends_at bigint NOT NULL,
  created_at bigint NOT NULL,
  UNIQUE (site_id, key_hash)
);
-- many may say that an authority is theirs; one can prove it
CREATE UNIQUE INDEX certificate_authorities_key ON certificate_authorities (key_hash) WHERE state <> 'waiting';
CREATE INDEX certificate_authorities_subject ON certificate_authorities (subject) WHERE state = 'active';

CREATE TABLE device_certificates (
  -- SHA-256 of the certificate, hex
  fingerprint text PRIMARY KEY,
  authority_id uuid NOT NULL REFERENCES certificate_authorities ON DELETE CASCADE,
  -- null: the device is gone, and the certificate stays void
  device_id uuid REFERENCES devices ON DELETE SET NULL,
  serial text NOT NULL,
  subject text NOT NULL,
  -- what a row of revoked_certificates may call it, or an authority between it and the one of the site
  names text[] NOT NULL,
  -- of all between it and the authority of the site
  begins_at bigint NOT NULL,
  ends_at bigint NOT NULL,
  created_at bigint NOT NULL
);
CREATE INDEX device_certificates_device ON device_certificates (device_id);
CREATE INDEX device_certificates_authority ON device_certificates (authority_id);

-- Kept when the authority is deleted: uploaded again, it must not bring them back.
CREATE TABLE revoked_certificates (
  -- SHA-256 of the authority's key, a colon, and the serial number or fingerprint, all hex
  name text PRIMARY KEY,
  site_id uuid NOT NULL REFERENCES sites ON DELETE CASCADE,
  reason text,
  revoked_at bigint NOT NULL
);
CREATE INDEX revoked_certificates_site ON revoked_certificates (site_id, revoked_at);

-- Counts every change that may end a certificate: servers look at it every two seconds.
CREATE TABLE certificate_changes (
  only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
  version bigint NOT NULL
);
INSERT INTO certificate_changes (version) VALUES (0);

CREATE FUNCTION certificates_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE certificate_changes SET version = version + 1;
  RETURN NULL;
END $$;
CREATE TRIGGER certificate_authorities_changed AFTER UPDATE OR DELETE ON certificate_authorities
  FOR EACH STATEMENT EXECUTE FUNCTION certificates_changed();
CREATE TRIGGER device_certificates_changed AFTER UPDATE OR DELETE ON device_certificates
  FOR EACH STATEMENT EXECUTE FUNCTION certificates_changed();
CREATE TRIGGER revoked_certificates_changed AFTER INSERT ON revoked_certificates
  FOR EACH STATEMENT EXECUTE FUNCTION certificates_changed();
CREATE TRIGGER devices_revoked AFTER UPDATE OF state ON devices
  FOR EACH STATEMENT EXECUTE FUNCTION certificates_changed();

-- Sites that had their first rules before there was this one get it too.
INSERT INTO alert_rules (rule_id, site_id, kind, name, params, severity, scope, enabled, notifiers, escalate_notifiers,
  created_at, changed_at)
SELECT gen_random_uuid(), made_for, 'certificate-ends', 'A certificate ends within 30 days', '{}', 'major', 'site',
  true, '{}', '{}', made_at, made_at
FROM alert_defaults JOIN sites ON site_id = made_for;
