-- People with more roles, sessions that can be listed and ended one by one, and the audit.

ALTER TABLE users ADD COLUMN support boolean NOT NULL DEFAULT false;
ALTER TABLE users ADD COLUMN state text NOT NULL DEFAULT 'active';
ALTER TABLE users ADD COLUMN language text NOT NULL DEFAULT 'en';

ALTER TABLE sessions ADD COLUMN session_id uuid;
ALTER TABLE sessions ADD COLUMN last_used_at bigint;
-- when the person last proved who they are: by signing in, or again since
ALTER TABLE sessions ADD COLUMN proved_at bigint;
ALTER TABLE sessions ADD COLUMN address text;
ALTER TABLE sessions ADD COLUMN user_agent text;
-- sessions from before this have none of it: their people sign in again
DELETE FROM sessions;
ALTER TABLE sessions ALTER COLUMN session_id SET NOT NULL;
ALTER TABLE sessions ALTER COLUMN last_used_at SET NOT NULL;
ALTER TABLE sessions ALTER COLUMN proved_at SET NOT NULL;
CREATE UNIQUE INDEX sessions_id ON sessions (session_id);

-- What was done, refused, or read of people, by whom. Written in the transaction of the change; never changed after.
CREATE TABLE audit_entries (
  entry_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at bigint NOT NULL,
  action text NOT NULL,
  outcome text NOT NULL,
  actor_kind text NOT NULL,
  actor_id text,
  actor_name text,
  address text,
  request_id text,
  session_id text,
  site_id uuid,
  target_kind text,
  target_id text,
  before json,
  after json,
  reason text
);
CREATE INDEX audit_entries_site ON audit_entries (site_id, entry_id);
CREATE INDEX audit_entries_target ON audit_entries (target_id, entry_id) WHERE target_id IS NOT NULL;
CREATE INDEX audit_entries_actor ON audit_entries (actor_id, entry_id) WHERE actor_id IS NOT NULL;
CREATE INDEX audit_entries_at ON audit_entries (at);

CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'rows of the audit are never changed or deleted' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER audit_entries_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entries
  FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();
