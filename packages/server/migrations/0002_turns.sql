-- The flight recorder: one row per turn. Words only where the site keeps them; audio never.
CREATE TABLE turns (
  turn_id uuid PRIMARY KEY,
  device_id uuid NOT NULL REFERENCES devices ON DELETE CASCADE,
  site_id uuid NOT NULL REFERENCES sites ON DELETE CASCADE,
  started_at bigint NOT NULL,
  cause text NOT NULL,
  outcome text NOT NULL,
  error_code text,
  stt text,
  llm text,
  tts text,
  skill text,
  times jsonb NOT NULL,
  tools jsonb NOT NULL,
  heard text,
  said text
);
CREATE INDEX turns_device ON turns (device_id, turn_id DESC);
CREATE INDEX turns_site ON turns (site_id, turn_id DESC);
