-- Ended commands that are out of date are found without reading the others; so are those of a site that have not ended.
CREATE INDEX commands_ended ON commands (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX commands_site_open ON commands (site_id, command_id) WHERE state IN ('queued', 'sent', 'acked');
