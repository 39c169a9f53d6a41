-- The baseline's tables: one activity with one balance, its orders by the caller's key, a ledger.
CREATE TABLE activity (
    id      bigint PRIMARY KEY,
    balance bigint NOT NULL CHECK (balance >= 0)
);
CREATE TABLE donation (
    id               bigserial PRIMARY KEY,
    reward_transcode text NOT NULL UNIQUE,
    activity_id      bigint NOT NULL REFERENCES activity (id),
    project_no       text NOT NULL,
    third_uid        text NOT NULL,
    reward           bigint NOT NULL,
    reward_time      timestamptz NOT NULL,
    money            bigint NOT NULL,
    status           smallint NOT NULL,
    placed_at        timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE ledger (
    id        bigserial PRIMARY KEY,
    account   text NOT NULL,
    amount    bigint NOT NULL,
    order_key text NOT NULL,
    at        timestamptz NOT NULL DEFAULT now()
);
INSERT INTO activity VALUES (1, 4000000000000000);
