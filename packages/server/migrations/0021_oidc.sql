-- People who sign in by an identity provider (OpenID Connect).

-- Whom the provider means by a subject: found by their address once, by this ever after.
CREATE TABLE user_identities (
  issuer text NOT NULL,
  subject text NOT NULL,
  user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  created_at bigint NOT NULL,
  PRIMARY KEY (issuer, subject),
  -- an address that the provider gave to somebody else does not open the account of who had it before
  UNIQUE (user_id, issuer)
);

-- What somebody has because of a group at the provider. What they have besides was given by hand.
CREATE TABLE provider_grants (
  user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  -- null: on the whole server
  site_id uuid REFERENCES sites ON DELETE CASCADE,
  role text NOT NULL,
  UNIQUE NULLS NOT DISTINCT (user_id, site_id, role)
);

-- Sign-ins that are at the provider now. Each is used once.
CREATE TABLE oidc_flows (
  state_hash bytea PRIMARY KEY,
  browser_hash bytea NOT NULL,
  nonce text NOT NULL,
  code_verifier text NOT NULL,
  redirect_uri text NOT NULL,
  -- the person had to show themselves to the provider again
  fresh boolean NOT NULL,
  -- the session of this browser, which ends when another begins: its cookie does not come along from another site
  session_id uuid,
  session_user_id uuid,
  expires_at bigint NOT NULL
);
CREATE INDEX oidc_flows_expiry ON oidc_flows (expires_at);

-- The provider says that it asked for a second factor.
ALTER TABLE sessions ADD COLUMN second_factor boolean NOT NULL DEFAULT false;
