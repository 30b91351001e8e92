-- Measurements. How long a site keeps them decides in which table they are, so that what is out of date goes by dropping
-- a partition: points_7, points_30, points_90, points_365, points_1825, each partitioned by UTC day. These tables and
-- their roll-ups are made by the server when the first site needs them (telemetry/tables.ts).
ALTER TABLE sites ADD COLUMN telemetry_keep_days integer NOT NULL DEFAULT 90
  CHECK (telemetry_keep_days IN (7, 30, 90, 365, 1825));

CREATE TABLE series (
  series_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  device_id uuid NOT NULL REFERENCES devices ON DELETE CASCADE,
  name text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('number', 'boolean', 'string', 'object', 'position')),
  unit text,
  created_at bigint NOT NULL,
  UNIQUE (device_id, name)
);

-- The newest value of each series, by the time of the device. Not indexed but by its key, so that an update touches no
-- index; room in each page for it.
CREATE TABLE latest (
  series_id integer PRIMARY KEY REFERENCES series ON DELETE CASCADE,
  at bigint NOT NULL,
  received_at bigint NOT NULL,
  num double precision,
  value jsonb
) WITH (fillfactor = 50);

-- Which numbers of a stream were stored: a message sent again with the same number is stored once.
CREATE TABLE streams (
  device_id uuid NOT NULL REFERENCES devices ON DELETE CASCADE,
  stream text NOT NULL,
  seen int8multirange NOT NULL,
  PRIMARY KEY (device_id, stream)
) WITH (fillfactor = 50);

CREATE TABLE device_events (
  event_id uuid PRIMARY KEY,
  device_id uuid NOT NULL REFERENCES devices ON DELETE CASCADE,
  name text NOT NULL,
  level text NOT NULL CHECK (level IN ('info', 'warning', 'error')),
  data jsonb,
  at bigint NOT NULL,
  received_at bigint NOT NULL
);
CREATE INDEX device_events_device ON device_events (device_id, event_id);
CREATE INDEX device_events_received ON device_events (received_at);

-- Up to when each level of each class is rolled up, epoch ms; and what has to be made again because of late points.
CREATE TABLE rollup_state (
  keep_days integer NOT NULL,
  level text NOT NULL,
  up_to bigint NOT NULL,
  PRIMARY KEY (keep_days, level)
);
CREATE TABLE rollup_dirty (
  keep_days integer NOT NULL,
  series_id integer NOT NULL,
  minute bigint NOT NULL,
  PRIMARY KEY (keep_days, series_id, minute)
);
