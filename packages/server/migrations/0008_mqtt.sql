-- The MQTT gateway: keys of people and programs, and what a client is owed after its connection or this process ended.

-- Keys of programs and people for topics of a site.
CREATE TABLE api_keys (
  key_id uuid PRIMARY KEY,
  key_hash bytea NOT NULL UNIQUE,
  site_id uuid NOT NULL REFERENCES sites ON DELETE CASCADE,
  name text NOT NULL,
  may_publish text[] NOT NULL,
  may_subscribe text[] NOT NULL,
  created_by uuid REFERENCES users ON DELETE SET NULL,
  created_at bigint NOT NULL,
  expires_at bigint NOT NULL,
  last_used_at bigint
);
CREATE INDEX api_keys_site ON api_keys (site_id, key_id);

-- Sessions that end with their connection have no row here.
CREATE TABLE mqtt_sessions (
  -- identity and client id
  session_key text PRIMARY KEY,
  client_id text NOT NULL,
  -- one of the two
  device_id uuid REFERENCES devices ON DELETE CASCADE,
  key_id uuid REFERENCES api_keys ON DELETE CASCADE,
  site_id uuid NOT NULL REFERENCES sites ON DELETE CASCADE,
  subscriptions jsonb NOT NULL,
  keep_ms bigint NOT NULL,
  expires_at bigint NOT NULL
);
CREATE INDEX mqtt_sessions_device ON mqtt_sessions (device_id) WHERE device_id IS NOT NULL;
CREATE INDEX mqtt_sessions_api_key ON mqtt_sessions (key_id) WHERE key_id IS NOT NULL;
CREATE INDEX mqtt_sessions_site ON mqtt_sessions (site_id);
CREATE INDEX mqtt_sessions_expiry ON mqtt_sessions (expires_at);

CREATE TABLE mqtt_queue (
  row_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  session_key text NOT NULL REFERENCES mqtt_sessions ON DELETE CASCADE,
  topic text NOT NULL,
  payload bytea NOT NULL,
  qos smallint NOT NULL,
  properties jsonb,
  subscription_ids integer[] NOT NULL,
  expires_at bigint
);
CREATE INDEX mqtt_queue_session ON mqtt_queue (session_key, row_id);
CREATE INDEX mqtt_queue_expiry ON mqtt_queue (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE mqtt_retained (
  device_id uuid NOT NULL REFERENCES devices ON DELETE CASCADE,
  -- the topic below devices/{deviceId}/
  rest text NOT NULL,
  site_id uuid NOT NULL REFERENCES sites ON DELETE CASCADE,
  payload bytea NOT NULL,
  qos smallint NOT NULL,
  properties jsonb,
  expires_at bigint,
  PRIMARY KEY (device_id, rest)
);
CREATE INDEX mqtt_retained_site ON mqtt_retained (site_id);
CREATE INDEX mqtt_retained_expiry ON mqtt_retained (expires_at) WHERE expires_at IS NOT NULL;
