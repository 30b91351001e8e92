-- Whether the device keeps a connection while it is on, as it did last: only then its absence means that it is away.
-- Null: it was never here since this is known.
ALTER TABLE devices ADD COLUMN keeps_connection boolean;
