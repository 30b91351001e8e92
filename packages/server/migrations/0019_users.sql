-- People who are invited, forget their password, or change their address.

-- Addresses are compared in one spelling: small letters, the domain as ASCII.
ALTER TABLE users ADD COLUMN email_key text;
UPDATE users SET email_key = lower(email);
ALTER TABLE users ALTER COLUMN email_key SET NOT NULL;
CREATE UNIQUE INDEX users_email_key ON users (email_key);
DROP INDEX users_email;
CREATE INDEX users_name ON users (lower(name) text_pattern_ops);
-- who comes from an identity provider has no password
ALTER TABLE users ALTER COLUMN password_hash DROP NOT NULL;

CREATE TABLE invitations (
  invitation_id uuid PRIMARY KEY,
  token_hash bytea NOT NULL UNIQUE,
  email text NOT NULL,
  email_key text NOT NULL,
  site_id uuid REFERENCES sites ON DELETE CASCADE,
  role text,
  deployment_role text,
  language text NOT NULL,
  invited_by uuid REFERENCES users ON DELETE SET NULL,
  created_at bigint NOT NULL,
  expires_at bigint NOT NULL
);
CREATE INDEX invitations_site ON invitations (site_id, invitation_id);
CREATE INDEX invitations_expiry ON invitations (expires_at);
CREATE INDEX invitations_by ON invitations (invited_by) WHERE invited_by IS NOT NULL;

-- Links that work once: to set a password anew, to confirm an address. Hashed.
CREATE TABLE account_links (
  token_hash bytea PRIMARY KEY,
  purpose text NOT NULL,
  user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  -- the address that is confirmed
  email text,
  expires_at bigint NOT NULL
);
CREATE INDEX account_links_user ON account_links (user_id, purpose);
CREATE INDEX account_links_expiry ON account_links (expires_at);
