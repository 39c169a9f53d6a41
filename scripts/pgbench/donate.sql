-- The transaction anyone would write first: lock the hot row by updating it, then write what hangs
-- on it. Keys are random, as callers choose them.
\set money random(1, 100)
\set uid random(1, 1000000)
\set key_a random(1000000000000000, 9000000000000000)
\set key_b random(1000000000000000, 9000000000000000)
BEGIN;
UPDATE activity SET balance = balance - :money WHERE id = 1 AND balance >= :money;
INSERT INTO donation (reward_transcode, activity_id, project_no, third_uid, reward, reward_time, money, status) VALUES (:key_a::bigint || '-' || :key_b::bigint, 1, '224328', 'user-' || :uid::bigint, 1000, '2026-01-01 12:00:00+08', :money, 11);
INSERT INTO ledger (account, amount, order_key) VALUES ('frozen/1', -(:money::bigint), :key_a::bigint || '-' || :key_b::bigint);
INSERT INTO ledger (account, amount, order_key) VALUES ('project/224328', :money, :key_a::bigint || '-' || :key_b::bigint);
COMMIT;
