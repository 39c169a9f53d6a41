-- Coupons, who hands them out, and what those are told. Codes: see columns.rs.

-- What a coupon activity hands out; all NULL for donations.
ALTER TABLE activities ADD COLUMN promotion_id TEXT;
ALTER TABLE activities ADD COLUMN batch_code TEXT;
ALTER TABLE activities ADD COLUMN coupon_terms TEXT;
ALTER TABLE activities ADD COLUMN issuers TEXT;
ALTER TABLE activities ADD COLUMN stock_left INTEGER;
ALTER TABLE activities ADD COLUMN spent INTEGER;

CREATE TABLE institutions (
    no                   INTEGER PRIMARY KEY,
    appid                TEXT NOT NULL UNIQUE,
    org_id               TEXT NOT NULL,
    name                 TEXT NOT NULL,
    certificate          TEXT NOT NULL,
    previous_certificate TEXT,
    previous_until       INTEGER,
    member_prefix        TEXT NOT NULL,
    owners               TEXT NOT NULL,
    status               INTEGER NOT NULL,
    rate_per_s           INTEGER,
    created_at           INTEGER NOT NULL
) STRICT;

CREATE TABLE platform_keys (
    no          INTEGER PRIMARY KEY,
    serial      TEXT NOT NULL UNIQUE,
    purpose     INTEGER NOT NULL,
    certificate TEXT NOT NULL,
    sealed_key  BLOB NOT NULL,
    status      INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    not_after   INTEGER NOT NULL
) STRICT;

CREATE TABLE openid_pages (
    no            INTEGER PRIMARY KEY,
    campaign      TEXT NOT NULL UNIQUE,
    appid         TEXT NOT NULL,
    wechat_appid  TEXT NOT NULL,
    sealed_secret BLOB NOT NULL,
    return_to     TEXT NOT NULL,
    created_at    INTEGER NOT NULL
) STRICT;

-- Found by the caller's key through the hash index, as donations are. What a coupon is for and its
-- batch are its activity's, for the activity's whole life, so they stand there only.
CREATE TABLE coupons (
    id               INTEGER PRIMARY KEY,
    app              INTEGER NOT NULL,
    mer_order_id     TEXT NOT NULL,
    activity         INTEGER NOT NULL,
    owner_id         TEXT NOT NULL,
    member_id        TEXT NOT NULL,
    openid           TEXT NOT NULL,
    value            INTEGER NOT NULL,
    status           INTEGER NOT NULL,
    failed           INTEGER,
    post_notify      TEXT,
    write_off_notify TEXT NOT NULL,
    placed_at        INTEGER NOT NULL,
    settle_at        INTEGER,
    decided_at       INTEGER,
    expires_at       INTEGER,
    reference        TEXT,
    org_amount       INTEGER,
    promo_amount     INTEGER,
    closed_at        INTEGER
) STRICT;
CREATE INDEX coupons_by_activity ON coupons (activity);
CREATE INDEX coupons_to_settle ON coupons (settle_at) WHERE settle_at IS NOT NULL;
-- Status 2 is issued.
CREATE INDEX coupons_to_expire ON coupons (expires_at) WHERE status = 2;

CREATE TABLE coupon_totals (
    activity INTEGER NOT NULL,
    status   INTEGER NOT NULL,
    orders   INTEGER NOT NULL,
    money    INTEGER NOT NULL,
    PRIMARY KEY (activity, status)
) STRICT, WITHOUT ROWID;

-- Who is told: an institution at one host. `next_due` is the least `due_at` of its waiting
-- callbacks, so that looking for what is due costs by the receiver, not by the callback.
CREATE TABLE receivers (
    no       INTEGER PRIMARY KEY,
    app      INTEGER NOT NULL,
    host     TEXT NOT NULL,
    next_due INTEGER,
    UNIQUE (app, host)
) STRICT;
CREATE INDEX receivers_due ON receivers (next_due) WHERE next_due IS NOT NULL;
-- Institutions take turns, and then their receivers.
CREATE INDEX receivers_due_by_app ON receivers (app, next_due) WHERE next_due IS NOT NULL;

CREATE TABLE callbacks (
    id           INTEGER PRIMARY KEY,
    event        INTEGER NOT NULL,
    coupon       INTEGER NOT NULL,
    receiver     INTEGER NOT NULL,
    created_at   INTEGER NOT NULL,
    began_at     INTEGER NOT NULL,
    tries        INTEGER NOT NULL,
    attempts     INTEGER NOT NULL,
    state        INTEGER NOT NULL,
    due_at       INTEGER,
    leased_until INTEGER,
    finished_at  INTEGER
) STRICT;
CREATE INDEX callbacks_by_coupon ON callbacks (coupon);
-- State 1 is waiting, 2 leased, 4 exhausted.
CREATE INDEX callbacks_waiting ON callbacks (receiver, due_at) WHERE state = 1;
CREATE INDEX callbacks_leased ON callbacks (leased_until) WHERE state = 2;
CREATE INDEX callbacks_exhausted ON callbacks (state) WHERE state = 4;

CREATE TABLE callback_counts (
    state     INTEGER PRIMARY KEY,
    callbacks INTEGER NOT NULL
) STRICT;

CREATE TABLE attempts (
    id       INTEGER PRIMARY KEY,
    callback INTEGER NOT NULL,
    number   INTEGER NOT NULL,
    due_at   INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    took_ms  INTEGER NOT NULL,
    outcome  INTEGER NOT NULL,
    status   INTEGER,
    answer   BLOB NOT NULL,
    reason   TEXT NOT NULL
) STRICT;
CREATE INDEX attempts_by_callback ON attempts (callback);
