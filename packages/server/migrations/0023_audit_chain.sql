-- The audit as a chain that nobody can change unseen: what is in it, in which order, and what was signed of it.

-- One row for each entry, in the order in which they were sealed. `leaf` is the SHA-256 of the entry as a line of JSON,
-- `hash` that of the hash before it and the leaf.
CREATE TABLE audit_chain (
  seq bigint PRIMARY KEY,
  entry_id bigint NOT NULL UNIQUE,
  leaf bytea NOT NULL,
  hash bytea NOT NULL
);

-- What the chain was at an instant, signed with Ed25519.
CREATE TABLE audit_heads (
  seq bigint PRIMARY KEY,
  hash bytea NOT NULL,
  at bigint NOT NULL,
  public_key text NOT NULL,
  signature bytea NOT NULL
);

CREATE TRIGGER audit_chain_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_chain
  FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();
CREATE TRIGGER audit_heads_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_heads
  FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();
-- the trigger stops a superuser too; a user of the database that is none has no right to begin with
REVOKE UPDATE, DELETE, TRUNCATE ON audit_entries, audit_chain, audit_heads FROM PUBLIC, CURRENT_USER;
