-- How many of a callback's first attempts are archived, and no longer in the table of attempts.
-- Programs of version 1 name the columns they write, so they leave this one as it is.
ALTER TABLE callbacks ADD COLUMN archived BIGINT NOT NULL DEFAULT 0;
