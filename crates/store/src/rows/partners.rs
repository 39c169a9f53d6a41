//! Institutions, platform keys and openid pages.

use huodong_campaign::{Institution, OpenidPage, PlatformKey, PreviousCertificate};

use super::super::columns::{coded, json, maybe_time, text, time};
use super::Mapped;
use crate::errors::corrupt;
use crate::sql::Row;

pub(crate) const INSTITUTIONS: &str = "SELECT no, appid, org_id, name, certificate, \
    previous_certificate, previous_until, member_prefix, owners, status, rate_per_s, created_at \
    FROM institutions";

pub(crate) fn institution(row: Row<'_>) -> Mapped<Institution> {
    let previous_certificate = match (row.get(5)?, maybe_time(row, 6)?) {
        (Some(pem), Some(valid_until)) => Some(PreviousCertificate { pem, valid_until }),
        (None, None) => None,
        _ => return Err(corrupt("half a previous certificate")),
    };
    let institution = Institution {
        appid: text(row, 1)?,
        org_id: text(row, 2)?,
        name: text(row, 3)?,
        certificate: text(row, 4)?,
        previous_certificate,
        member_prefix: text(row, 7)?,
        owners: json(row, 8)?,
        status: coded(row, 9)?,
        rate_per_s: row.get(10)?,
        created_at: time(row, 11)?,
    };
    Ok((row.get(0)?, institution))
}

pub(crate) const PLATFORM_KEYS: &str = "SELECT no, serial, purpose, certificate, \
    sealed_key, status, created_at, not_after FROM platform_keys";

pub(crate) fn platform_key(row: Row<'_>) -> Mapped<PlatformKey> {
    let key = PlatformKey {
        serial: text(row, 1)?,
        purpose: coded(row, 2)?,
        certificate: text(row, 3)?,
        sealed_key: row.get(4)?,
        status: coded(row, 5)?,
        created_at: time(row, 6)?,
        not_after: time(row, 7)?,
    };
    Ok((row.get(0)?, key))
}

pub(crate) const OPENID_PAGES: &str = "SELECT no, campaign, appid, wechat_appid, \
    sealed_secret, return_to, created_at FROM openid_pages";

pub(crate) fn openid_page(row: Row<'_>) -> Mapped<OpenidPage> {
    let page = OpenidPage {
        campaign: text(row, 1)?,
        appid: text(row, 2)?,
        wechat_appid: text(row, 3)?,
        sealed_secret: row.get(4)?,
        return_to: json(row, 5)?,
        created_at: time(row, 6)?,
    };
    Ok((row.get(0)?, page))
}
