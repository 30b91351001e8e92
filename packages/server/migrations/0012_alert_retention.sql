-- Closed alerts are removed when they are old, with their log and notifications.
CREATE INDEX alerts_closed ON alerts (closed_at) WHERE state = 'closed';
