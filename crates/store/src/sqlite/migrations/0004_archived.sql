-- How many of a callback's first attempts are archived, and no longer in the table of attempts.
ALTER TABLE callbacks ADD COLUMN archived INTEGER NOT NULL DEFAULT 0;
