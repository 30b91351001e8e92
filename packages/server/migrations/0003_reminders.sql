-- Timers, alarms and reminders of a device. A waiting row rings when it is due and nobody has claimed it: a claim that
-- is not confirmed (the server died, the device was busy) runs out and the row rings again.
CREATE TABLE reminders (
  reminder_id uuid PRIMARY KEY,
  device_id uuid NOT NULL REFERENCES devices ON DELETE CASCADE,
  kind text NOT NULL CHECK (kind IN ('timer', 'alarm', 'reminder')),
  due_at bigint NOT NULL,
  label text,
  state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'rung', 'cancelled', 'missed')),
  claimed_until bigint NOT NULL DEFAULT 0,
  created_at bigint NOT NULL,
  rung_at bigint
);
CREATE INDEX reminders_due ON reminders (due_at) WHERE state = 'waiting';
CREATE INDEX reminders_device ON reminders (device_id, due_at);
