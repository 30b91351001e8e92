-- What people have besides their password.

CREATE TABLE totp_secrets (
  user_id uuid PRIMARY KEY REFERENCES users ON DELETE CASCADE,
  -- sealed by the vault
  secret bytea NOT NULL,
  -- null until a code was typed: until then it does not count
  confirmed_at bigint,
  -- the time step of the last code that was taken: no code is taken twice
  last_step bigint NOT NULL DEFAULT 0,
  created_at bigint NOT NULL
);

CREATE TABLE passkeys (
  passkey_id uuid PRIMARY KEY,
  user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  credential_id bytea NOT NULL UNIQUE,
  public_key bytea NOT NULL,
  counter bigint NOT NULL,
  transports text[] NOT NULL,
  name text NOT NULL,
  backed_up boolean NOT NULL,
  created_at bigint NOT NULL,
  last_used_at bigint
);
CREATE INDEX passkeys_user ON passkeys (user_id, passkey_id);

-- Challenges that were given out: each is used once. Hashed, so that who reads the table can use none.
CREATE TABLE passkey_challenges (
  challenge_hash bytea PRIMARY KEY,
  -- null: somebody signs in, and says by the passkey who it is
  user_id uuid REFERENCES users ON DELETE CASCADE,
  purpose text NOT NULL,
  expires_at bigint NOT NULL
);
CREATE INDEX passkey_challenges_expiry ON passkey_challenges (expires_at);
CREATE INDEX passkey_challenges_user ON passkey_challenges (user_id) WHERE user_id IS NOT NULL;

CREATE TABLE recovery_codes (
  user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  code_hash bytea NOT NULL,
  PRIMARY KEY (user_id, code_hash)
);
