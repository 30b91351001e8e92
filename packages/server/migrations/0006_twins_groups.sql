-- Desired: what people want of a device. Reported: what it says of itself. Times are per field, by the path of its leaf.
CREATE TABLE twins (
  device_id uuid PRIMARY KEY REFERENCES devices ON DELETE CASCADE,
  desired jsonb NOT NULL DEFAULT '{}',
  desired_version bigint NOT NULL DEFAULT 0,
  desired_times jsonb NOT NULL DEFAULT '{}',
  reported jsonb NOT NULL DEFAULT '{}',
  reported_version bigint NOT NULL DEFAULT 0,
  reported_times jsonb NOT NULL DEFAULT '{}'
);

-- A list of devices, or a query that is asked anew each time.
CREATE TABLE groups (
  group_id uuid PRIMARY KEY,
  site_id uuid NOT NULL REFERENCES sites ON DELETE CASCADE,
  name text NOT NULL,
  query jsonb,
  created_at bigint NOT NULL,
  UNIQUE (site_id, name)
);
CREATE TABLE group_members (
  group_id uuid NOT NULL REFERENCES groups ON DELETE CASCADE,
  device_id uuid NOT NULL REFERENCES devices ON DELETE CASCADE,
  PRIMARY KEY (group_id, device_id)
);
CREATE INDEX group_members_device ON group_members (device_id);

-- Which server holds the newest connection of a device. A server that was not seen for some seconds is dead, and what it
-- held is void.
CREATE TABLE servers (
  server_id uuid PRIMARY KEY,
  seen_at bigint NOT NULL
);
CREATE TABLE device_presence (
  device_id uuid PRIMARY KEY REFERENCES devices ON DELETE CASCADE,
  server_id uuid NOT NULL,
  -- grows with each connection of the device: an end that comes late ends nothing newer
  since_at bigint NOT NULL
);
CREATE INDEX device_presence_server ON device_presence (server_id);
CREATE INDEX devices_name ON devices (site_id, lower(name) text_pattern_ops);
