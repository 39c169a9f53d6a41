-- Codes of statuses, kinds and reasons: see columns.rs. Times are Unix milliseconds.
-- Rows that hang on many others carry a small `no`; donations refer to it instead of the text.

CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Who writes: the epoch rises with each process that opens the database, and every batch checks it.
CREATE TABLE writer (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    epoch   INTEGER NOT NULL,
    last_id INTEGER NOT NULL
) STRICT;

CREATE TABLE accounts (
    id      INTEGER PRIMARY KEY,
    kind    INTEGER NOT NULL,
    owner   TEXT NOT NULL,
    balance INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX accounts_by_owner ON accounts (owner, kind);

CREATE TABLE organizations (
    no          INTEGER PRIMARY KEY,
    org_no      TEXT NOT NULL UNIQUE,
    name        TEXT NOT NULL,
    merchant_no TEXT NOT NULL,
    account     INTEGER NOT NULL,
    created_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE applications (
    no              INTEGER PRIMARY KEY,
    appid           TEXT NOT NULL UNIQUE,
    org_no          TEXT NOT NULL,
    name            TEXT NOT NULL,
    sealed_secret   BLOB NOT NULL,
    previous_secret BLOB,
    previous_until  INTEGER,
    status          INTEGER NOT NULL,
    rate_per_s      INTEGER,
    flowers_per_day INTEGER NOT NULL,
    created_at      INTEGER NOT NULL
) STRICT;
CREATE INDEX applications_by_organization ON applications (org_no);

CREATE TABLE bids (
    no         INTEGER PRIMARY KEY,
    bid        TEXT NOT NULL UNIQUE,
    appid      TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX bids_by_application ON bids (appid);

CREATE TABLE projects (
    no         INTEGER PRIMARY KEY,
    project_no TEXT NOT NULL UNIQUE,
    name       TEXT NOT NULL,
    account    INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE activities (
    no          INTEGER PRIMARY KEY,
    activity_no TEXT NOT NULL UNIQUE,
    org_no      TEXT NOT NULL,
    kind        INTEGER NOT NULL,
    name        TEXT NOT NULL,
    status      INTEGER NOT NULL,
    starts_at   INTEGER NOT NULL,
    ends_at     INTEGER NOT NULL,
    projects    TEXT NOT NULL,
    rules       TEXT NOT NULL,
    limits      TEXT NOT NULL,
    channel     TEXT NOT NULL,
    frozen      INTEGER NOT NULL,
    held        INTEGER NOT NULL,
    created_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX activities_by_organization ON activities (org_no);
-- Status 4 is ended.
CREATE INDEX activities_to_end ON activities (ends_at) WHERE status <> 4;

-- Found by the caller's key through the hash index; there is no unique index on it here, as its
-- random order would cost a page an order.
CREATE TABLE donations (
    id               INTEGER PRIMARY KEY,
    bid              INTEGER NOT NULL,
    reward_transcode TEXT NOT NULL,
    app              INTEGER NOT NULL,
    activity         INTEGER NOT NULL,
    project          INTEGER NOT NULL,
    third_uid        TEXT NOT NULL,
    reward           INTEGER NOT NULL,
    reward_time      INTEGER NOT NULL,
    money            INTEGER NOT NULL,
    status           INTEGER NOT NULL,
    placed_at        INTEGER NOT NULL,
    settle_at        INTEGER,
    changed_at       INTEGER NOT NULL,
    flowers          INTEGER
) STRICT;
CREATE INDEX donations_by_activity ON donations (activity);
CREATE INDEX donations_to_settle ON donations (settle_at) WHERE settle_at IS NOT NULL;

CREATE TABLE donation_totals (
    activity INTEGER NOT NULL,
    status   INTEGER NOT NULL,
    orders   INTEGER NOT NULL,
    money    INTEGER NOT NULL,
    PRIMARY KEY (activity, status)
) STRICT, WITHOUT ROWID;

CREATE TABLE transfers (
    id           INTEGER PRIMARY KEY,
    from_account INTEGER NOT NULL,
    to_account   INTEGER NOT NULL,
    amount       INTEGER NOT NULL,
    reason       INTEGER NOT NULL,
    order_id     INTEGER,
    at           INTEGER NOT NULL
) STRICT;
-- The transfer that places an order bears the number after the order's; only later ones need
-- finding.
CREATE INDEX transfers_after_order ON transfers (order_id) WHERE id - order_id > 1;
-- Reasons 4 and 5, hold and pay, are the orders' own: too many to index, and never to or from an
-- organization or the outside.
CREATE INDEX transfers_rare_from ON transfers (from_account) WHERE reason NOT IN (4, 5);
CREATE INDEX transfers_rare_to ON transfers (to_account) WHERE reason NOT IN (4, 5);

-- Movements of money that their caller named; `kind` and `owner` name the account.
CREATE TABLE postings (
    owner     TEXT NOT NULL,
    kind      INTEGER NOT NULL,
    reference TEXT NOT NULL,
    reason    INTEGER NOT NULL,
    money     INTEGER NOT NULL,
    transfer  INTEGER NOT NULL,
    PRIMARY KEY (owner, kind, reference)
) STRICT, WITHOUT ROWID;

CREATE TABLE flowers (
    id         INTEGER PRIMARY KEY,
    app        INTEGER NOT NULL,
    trans_code TEXT NOT NULL,
    open_id    TEXT NOT NULL,
    num        INTEGER NOT NULL,
    donation   INTEGER,
    granted_at INTEGER NOT NULL
) STRICT;

CREATE TABLE tokens (
    name       TEXT PRIMARY KEY,
    role       INTEGER NOT NULL,
    digest     BLOB NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
    id       INTEGER PRIMARY KEY,
    at       INTEGER NOT NULL,
    actor    TEXT NOT NULL,
    trace_id TEXT NOT NULL,
    action   TEXT NOT NULL,
    subject  TEXT NOT NULL,
    detail   TEXT NOT NULL
) STRICT;

-- The hash index: see hash_index.rs.
CREATE TABLE hash_log (
    seq     INTEGER PRIMARY KEY,
    entries BLOB NOT NULL
) STRICT;
CREATE TABLE hash_block (
    id      INTEGER PRIMARY KEY,
    entries BLOB NOT NULL
) STRICT;
CREATE TABLE hash_run (
    no            INTEGER PRIMARY KEY,
    covers        INTEGER NOT NULL,
    entries       INTEGER NOT NULL,
    fences        BLOB NOT NULL,
    filter_format INTEGER NOT NULL,
    filter_hashes INTEGER NOT NULL,
    filter        BLOB NOT NULL
) STRICT;

-- Account 1, of kind 0, is the world outside.
INSERT INTO writer (one, epoch, last_id) VALUES (1, 0, 1);
INSERT INTO accounts (id, kind, owner, balance) VALUES (1, 0, '', 0);
