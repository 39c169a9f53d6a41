-- The gateway: who calls it, their merchants, photos and enrolments. Codes: see columns.rs.

-- Who may hand a coupon activity out through Alipay; NULL for donations, as the columns beside.
ALTER TABLE activities ADD COLUMN initiators TEXT;
ALTER TABLE activities ADD COLUMN merchants TEXT;
UPDATE activities SET initiators = '[]', merchants = '[]' WHERE promotion_id IS NOT NULL;

CREATE TABLE initiators (
    no             INTEGER PRIMARY KEY,
    cert_id        TEXT NOT NULL UNIQUE,
    name           TEXT NOT NULL,
    mode           INTEGER NOT NULL,
    public_key     TEXT NOT NULL,
    previous_key   TEXT,
    previous_until INTEGER,
    plain_replies  INTEGER NOT NULL,
    strict_req_id  INTEGER NOT NULL,
    status         INTEGER NOT NULL,
    rate_per_s     INTEGER,
    created_at     INTEGER NOT NULL
) STRICT;

CREATE TABLE merchants (
    no               INTEGER PRIMARY KEY,
    merc_id          TEXT NOT NULL UNIQUE,
    initiator        INTEGER NOT NULL,
    name             TEXT NOT NULL,
    kind             INTEGER NOT NULL,
    intent_confirmed INTEGER NOT NULL,
    alipay_pid       TEXT,
    created_at       INTEGER NOT NULL,
    UNIQUE (alipay_pid, initiator)
) STRICT;
CREATE INDEX merchants_by_initiator ON merchants (initiator);

CREATE TABLE photos (
    id          INTEGER PRIMARY KEY,
    initiator   INTEGER NOT NULL,
    sha256      BLOB NOT NULL,
    format      INTEGER NOT NULL,
    bytes       INTEGER NOT NULL,
    name        TEXT NOT NULL,
    pic_type    TEXT NOT NULL,
    flow_id     TEXT NOT NULL,
    uploaded_at INTEGER NOT NULL,
    used        INTEGER NOT NULL
) STRICT;
CREATE INDEX photos_by_initiator ON photos (initiator);
CREATE INDEX photos_by_content ON photos (sha256);
CREATE INDEX photos_unused ON photos (uploaded_at) WHERE used = 0;

-- What photos are of, once for all that are of the same. In a table of their own, so that a list of
-- photos does not read past them.
CREATE TABLE photo_contents (
    sha256 BLOB PRIMARY KEY,
    bytes  BLOB NOT NULL
) STRICT;

CREATE TABLE enrolments (
    id                 INTEGER PRIMARY KEY,
    merchant           INTEGER NOT NULL,
    activity           INTEGER NOT NULL,
    initiator          INTEGER NOT NULL,
    merchant_kind      INTEGER NOT NULL,
    creator            TEXT NOT NULL,
    third_merc_id_cups TEXT,
    third_merc_id_nucc TEXT,
    photos             TEXT NOT NULL,
    remark             TEXT,
    status             INTEGER NOT NULL,
    reason             TEXT,
    decided_by         TEXT,
    decided_at         INTEGER,
    placed_at          INTEGER NOT NULL,
    req_id             TEXT NOT NULL
) STRICT;
CREATE INDEX enrolments_by_merchant ON enrolments (merchant, activity);
CREATE INDEX enrolments_by_initiator ON enrolments (initiator);
-- Status 1 is pending, 3 rejected. Of those that live there is one.
CREATE INDEX enrolments_pending ON enrolments (status) WHERE status = 1;
CREATE UNIQUE INDEX enrolments_living ON enrolments (merchant, activity) WHERE status <> 3;

-- Found by the caller's key through the hash index, as donations are.
CREATE TABLE gateway_requests (
    id          INTEGER PRIMARY KEY,
    initiator   INTEGER NOT NULL,
    req_id      TEXT NOT NULL,
    api         INTEGER NOT NULL,
    fingerprint BLOB NOT NULL,
    answer      TEXT NOT NULL,
    at          INTEGER NOT NULL
) STRICT;
