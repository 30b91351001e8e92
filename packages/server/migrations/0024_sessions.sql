-- Signing in: what was tried and failed, what waits for a second factor, and from where somebody has signed in before.

-- One row for each account, source, and pair of both; hashed, so that typed addresses are not kept.
CREATE TABLE sign_in_tries (
  key bytea PRIMARY KEY,
  failures integer NOT NULL,
  last_at bigint NOT NULL
);
CREATE INDEX sign_in_tries_last ON sign_in_tries (last_at);

-- The password was right; hashed like a session's token.
CREATE TABLE pending_sign_ins (
  token_hash bytea PRIMARY KEY,
  user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  tries integer NOT NULL DEFAULT 0,
  expires_at bigint NOT NULL
);
CREATE INDEX pending_sign_ins_expiry ON pending_sign_ins (expires_at);
CREATE INDEX pending_sign_ins_user ON pending_sign_ins (user_id);

-- Strangers who try an account do not slow down its owner, who was here before.
CREATE TABLE known_sources (
  user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  source_hash bytea NOT NULL,
  last_at bigint NOT NULL,
  PRIMARY KEY (user_id, source_hash)
);

CREATE INDEX sessions_last_used ON sessions (last_used_at);
