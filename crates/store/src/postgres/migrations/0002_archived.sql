-- How many of a callback's first attempts are archived, and no longer in the table of attempts.
-- Programs of version 1 name the columns they write, so they leave this one as it is.
--
-- A dump or an audit that reads the table keeps it from being altered until it ends, and whoever came
-- after this would wait behind it: rather than that, the node does not start just now.
SET LOCAL lock_timeout = '2s';
ALTER TABLE callbacks ADD COLUMN archived BIGINT NOT NULL DEFAULT 0;
