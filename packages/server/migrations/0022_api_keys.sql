-- Keys for the HTTP API: what a program may do with one, and from where. A key without a site is of the whole server.
ALTER TABLE api_keys ALTER COLUMN site_id DROP NOT NULL;
ALTER TABLE api_keys ADD COLUMN actions text[] NOT NULL DEFAULT '{}';
ALTER TABLE api_keys ADD COLUMN addresses text[] NOT NULL DEFAULT '{}';
ALTER TABLE api_keys ADD COLUMN last_used_from text;
