//! What there is to copy.

/// How a table's rows are found one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// By SQLite's number of the row, which for most is the column `id` or `no`.
    Row,
    /// By the primary key, from the first: of such tables there are few rows.
    Key(&'static str),
}

/// The tables that both kinds of store have, by the same names and with the same columns. Beside them
/// the embedded one has its hash index, whose entries become rows of `keys`.
pub(crate) const TABLES: &[(&str, Order)] = &[
    ("accounts", Order::Row),
    ("organizations", Order::Row),
    ("applications", Order::Row),
    ("bids", Order::Row),
    ("projects", Order::Row),
    ("activities", Order::Row),
    ("donation_totals", Order::Key("activity, status")),
    ("coupon_totals", Order::Key("activity, status")),
    ("postings", Order::Key("owner, kind, reference")),
    ("tokens", Order::Key("name")),
    ("institutions", Order::Row),
    ("platform_keys", Order::Row),
    ("openid_pages", Order::Row),
    ("receivers", Order::Row),
    ("callback_counts", Order::Row),
    ("initiators", Order::Row),
    ("merchants", Order::Row),
    ("audit", Order::Row),
    ("donations", Order::Row),
    ("coupons", Order::Row),
    ("transfers", Order::Row),
    ("flowers", Order::Row),
    ("callbacks", Order::Row),
    ("attempts", Order::Row),
    ("photos", Order::Row),
    ("photo_contents", Order::Row),
    ("enrolments", Order::Row),
    ("gateway_requests", Order::Row),
];

/// The table of the hash index's entries in a shared store, and its columns.
pub(super) const KEYS: &str = "keys";
pub(super) const KEYS_COLUMNS: &str = "hash, value";

/// Tables whose rows the shared store numbers itself.
pub(super) const NUMBERED: &[&str] = &[
    "organizations",
    "applications",
    "bids",
    "projects",
    "activities",
    "institutions",
    "platform_keys",
    "openid_pages",
    "receivers",
    "initiators",
    "merchants",
];
