//! Initiators, their merchants, photos and enrolments, and the calls that were answered.

use huodong_campaign::{
    Enrolment, EnrolmentKey, GatewayRequest, Id, Initiator, Merchant, Photo, PreviousKey,
    RequestKey,
};

use super::super::columns::{coded, json, maybe_text, maybe_time, text, time};
use super::Mapped;
use crate::errors::corrupt;
use crate::sql::Row;

pub(crate) const INITIATORS: &str = "SELECT no, cert_id, name, mode, public_key, \
    previous_key, previous_until, plain_replies, strict_req_id, status, rate_per_s, created_at \
    FROM initiators";

pub(crate) fn initiator(row: Row<'_>) -> Mapped<Initiator> {
    let previous_public_key = match (row.get(5)?, maybe_time(row, 6)?) {
        (Some(pem), Some(valid_until)) => Some(PreviousKey { pem, valid_until }),
        (None, None) => None,
        _ => return Err(corrupt("half a previous key")),
    };
    let initiator = Initiator {
        cert_id: text(row, 1)?,
        name: text(row, 2)?,
        mode: coded(row, 3)?,
        public_key: text(row, 4)?,
        previous_public_key,
        plain_replies: row.get(7)?,
        strict_req_id: row.get(8)?,
        status: coded(row, 9)?,
        rate_per_s: row.get(10)?,
        created_at: time(row, 11)?,
    };
    Ok((row.get(0)?, initiator))
}

/// Left joins, here and below, so that a row whose neighbour is gone is seen to be corrupt instead
/// of not being seen.
pub(crate) const MERCHANTS: &str = "SELECT m.no, m.merc_id, i.cert_id, m.name, m.kind, \
    m.intent_confirmed, m.alipay_pid, m.created_at FROM merchants m \
    LEFT JOIN initiators i ON i.no = m.initiator";

pub(crate) fn merchant(row: Row<'_>) -> Mapped<Merchant> {
    let merchant = Merchant {
        merc_id: text(row, 1)?,
        cert_id: text(row, 2)?,
        name: text(row, 3)?,
        kind: coded(row, 4)?,
        intent_confirmed: row.get(5)?,
        alipay_pid: maybe_text(row, 6)?,
        created_at: time(row, 7)?,
    };
    Ok((row.get(0)?, merchant))
}

pub(crate) const PHOTOS: &str = "SELECT p.id, i.cert_id, p.sha256, p.format, p.bytes, \
    p.name, p.pic_type, p.flow_id, p.uploaded_at, p.used FROM photos p \
    LEFT JOIN initiators i ON i.no = p.initiator";

/// The same columns, with the content beside them.
pub(crate) const PHOTOS_AND_CONTENTS: &str = "SELECT p.id, i.cert_id, p.sha256, \
    p.format, p.bytes, p.name, p.pic_type, p.flow_id, p.uploaded_at, p.used, c.bytes \
    FROM photos p LEFT JOIN initiators i ON i.no = p.initiator \
    LEFT JOIN photo_contents c ON c.sha256 = p.sha256";

pub(crate) fn photo(row: Row<'_>) -> Mapped<Photo> {
    let id = row.get(0)?;
    let photo = Photo {
        id: Id(id),
        cert_id: text(row, 1)?,
        sha256: row.get(2)?,
        format: coded(row, 3)?,
        bytes: row.get(4)?,
        name: text(row, 5)?,
        pic_type: text(row, 6)?,
        flow_id: text(row, 7)?,
        uploaded_at: time(row, 8)?,
        used: row.get(9)?,
    };
    Ok((id, photo))
}

pub(crate) fn photo_and_content(row: Row<'_>) -> Mapped<(Photo, Vec<u8>)> {
    let (id, photo) = photo(row)?;
    let content: Option<Vec<u8>> = row.get(10)?;
    let content = content.ok_or_else(|| corrupt(format!("photo {id} has no content")))?;
    Ok((id, (photo, content)))
}

pub(crate) const ENROLMENTS: &str = "SELECT e.id, m.merc_id, e.activity, i.cert_id, \
    e.merchant_kind, e.creator, e.third_merc_id_cups, e.third_merc_id_nucc, e.photos, e.remark, \
    e.status, e.reason, e.decided_by, e.decided_at, e.placed_at, e.req_id FROM enrolments e \
    LEFT JOIN merchants m ON m.no = e.merchant LEFT JOIN initiators i ON i.no = e.initiator";

pub(crate) fn enrolment(row: Row<'_>) -> Mapped<Enrolment> {
    let id = row.get(0)?;
    let enrolment = Enrolment {
        id: Id(id),
        key: EnrolmentKey { merc_id: text(row, 1)?, activity: coded(row, 2)? },
        cert_id: text(row, 3)?,
        merchant_kind: coded(row, 4)?,
        creator: text(row, 5)?,
        third_merc_id_cups: maybe_text(row, 6)?,
        third_merc_id_nucc: maybe_text(row, 7)?,
        photos: json(row, 8)?,
        supplementary_remark: maybe_text(row, 9)?,
        status: coded(row, 10)?,
        reason: maybe_text(row, 11)?,
        decided_by: maybe_text(row, 12)?,
        decided_at: maybe_time(row, 13)?,
        placed_at: time(row, 14)?,
        req_id: text(row, 15)?,
    };
    Ok((id, enrolment))
}

pub(crate) const GATEWAY_REQUESTS: &str = "SELECT g.id, i.cert_id, g.req_id, g.api, \
    g.fingerprint, g.answer, g.at FROM gateway_requests g \
    LEFT JOIN initiators i ON i.no = g.initiator";

pub(crate) fn gateway_request(row: Row<'_>) -> Mapped<GatewayRequest> {
    let id = row.get(0)?;
    let request = GatewayRequest {
        id: Id(id),
        key: RequestKey { cert_id: text(row, 1)?, req_id: text(row, 2)? },
        api: coded(row, 3)?,
        fingerprint: row.get(4)?,
        answer: text(row, 5)?,
        at: time(row, 6)?,
    };
    Ok((id, request))
}
