-- Instants are bigint epoch milliseconds; secrets are stored as SHA-256 only.

CREATE TABLE users (
  user_id uuid PRIMARY KEY,
  email text NOT NULL,
  name text NOT NULL,
  password_hash text NOT NULL,
  administrator boolean NOT NULL DEFAULT false,
  created_at bigint NOT NULL
);
CREATE UNIQUE INDEX users_email ON users (lower(email));

-- One row until the first administrator exists.
CREATE TABLE setup_links (
  only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
  token_hash bytea NOT NULL,
  created_at bigint NOT NULL
);

CREATE TABLE sessions (
  token_hash bytea PRIMARY KEY,
  user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  created_at bigint NOT NULL,
  expires_at bigint NOT NULL
);
CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_expiry ON sessions (expires_at);

CREATE TABLE sites (
  site_id uuid PRIMARY KEY,
  name text NOT NULL,
  kind text NOT NULL,
  language text NOT NULL,
  time_zone text NOT NULL,
  keep_words boolean NOT NULL DEFAULT false,
  screening text NOT NULL DEFAULT 'none',
  created_at bigint NOT NULL
);

CREATE TABLE members (
  site_id uuid NOT NULL REFERENCES sites ON DELETE CASCADE,
  user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  role text NOT NULL,
  created_at bigint NOT NULL,
  PRIMARY KEY (user_id, site_id)
);
CREATE INDEX members_site ON members (site_id);

CREATE TABLE assistants (
  assistant_id uuid PRIMARY KEY,
  site_id uuid NOT NULL REFERENCES sites ON DELETE CASCADE,
  name text NOT NULL,
  persona text NOT NULL DEFAULT '',
  language text NOT NULL,
  voice text,
  allowed_tools text[],
  stt text[],
  llm text[],
  tts text[],
  memory_turns integer NOT NULL DEFAULT 6,
  created_at bigint NOT NULL
);
CREATE INDEX assistants_site ON assistants (site_id, created_at);

CREATE TABLE devices (
  device_id uuid PRIMARY KEY,
  site_id uuid NOT NULL REFERENCES sites,
  name text NOT NULL,
  -- what the device calls itself; with client_id it tells two devices apart that claim one address
  hardware_id text NOT NULL,
  client_id text NOT NULL,
  serial_number text,
  model text,
  firmware_version text,
  simulated boolean NOT NULL DEFAULT false,
  proof text NOT NULL,
  hmac_key bytea,
  assistant_id uuid REFERENCES assistants ON DELETE SET NULL,
  state text NOT NULL,
  last_seen_at bigint,
  created_at bigint NOT NULL
);
CREATE UNIQUE INDEX devices_hardware ON devices (hardware_id) WHERE state = 'active';
CREATE INDEX devices_site ON devices (site_id, device_id);
CREATE INDEX devices_assistant ON devices (assistant_id) WHERE assistant_id IS NOT NULL;

CREATE TABLE device_tokens (
  token_hash bytea PRIMARY KEY,
  device_id uuid NOT NULL REFERENCES devices ON DELETE CASCADE,
  created_at bigint NOT NULL
);
CREATE INDEX device_tokens_device ON device_tokens (device_id, created_at);

-- Keys registered before their device knocks: of one site, or (by an administrator) of every site. A site's own comes
-- first, so that nobody can take a serial number away from another site.
CREATE TABLE device_keys (
  serial_number text NOT NULL,
  hmac_key bytea NOT NULL,
  site_id uuid REFERENCES sites ON DELETE CASCADE,
  created_at bigint NOT NULL,
  UNIQUE NULLS NOT DISTINCT (serial_number, site_id)
);
CREATE INDEX device_keys_site ON device_keys (site_id) WHERE site_id IS NOT NULL;

-- Devices that knocked and are not active: one row each, gone when active or expired. Two that claim one address, or
-- one address with two keys, have two rows with a code each: neither can change what the code of the other stands for.
CREATE TABLE activations (
  hardware_id text NOT NULL,
  client_id text NOT NULL,
  -- the serial number and key it shows, hashed
  claim text NOT NULL,
  -- network address, to keep one source from filling the table
  source text NOT NULL,
  code text NOT NULL,
  challenge text NOT NULL,
  serial_number text,
  -- the device says it has a key, so it is active only by proof
  keyed boolean NOT NULL,
  -- a key the device gave away itself (Python clients); learnt only when its HMAC proves right
  key_candidate bytea,
  model text,
  firmware_version text,
  simulated boolean NOT NULL DEFAULT false,
  -- set when a person typed the code
  device_id uuid,
  site_id uuid REFERENCES sites ON DELETE CASCADE,
  device_name text,
  created_at bigint NOT NULL,
  expires_at bigint NOT NULL,
  PRIMARY KEY (hardware_id, client_id, claim)
);
CREATE UNIQUE INDEX activations_code ON activations (code);
CREATE INDEX activations_expiry ON activations (expires_at);
CREATE INDEX activations_source ON activations (source);
CREATE UNIQUE INDEX activations_challenge ON activations (challenge);
