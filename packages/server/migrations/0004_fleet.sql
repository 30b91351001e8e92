-- What kind of device it is (a folder of packages/profiles), and words that people sort devices by.
ALTER TABLE devices ADD COLUMN profile text;
ALTER TABLE devices ADD COLUMN tags text[] NOT NULL DEFAULT '{}';
CREATE INDEX devices_tags ON devices USING gin (tags);
