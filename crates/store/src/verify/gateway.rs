//! Initiators' merchants, photos and enrolments, and the calls that were answered.

use std::collections::HashSet;

use aws_lc_rs::digest::{SHA256, digest};
use huodong_campaign::{CertId, Enrolment, EnrolmentStatus, Id};

use super::super::index::KeyHasher;
use super::super::rows;
use super::AuditReport;
use super::campaigns::Campaigns;
use super::index::KeySum;
use super::orders;
use crate::StoreError;
use crate::errors::corrupt;
use crate::sql::{Connection, Rows, Statement};

/// Checks all there is of the gateway. Adds to what the hash index must hold; true where it is known
/// what that is.
pub(super) fn check(
    conn: &Connection,
    keys: &KeyHasher,
    campaigns: &Campaigns,
    known: &mut KeySum,
    report: &mut AuditReport,
) -> Result<bool, StoreError> {
    let checked = offers(conn, campaigns, report);
    report.absorb(checked)?;
    let checked = merchants(conn, report);
    report.absorb(checked)?;
    let checked = enrolments(conn, report);
    // What photos enrolments name can be asked only where it can be read.
    if report.absorb(checked)?.is_some() {
        let checked = photos(conn, report);
        report.absorb(checked)?;
    }
    contents(conn, report)?;
    let checked = calls(conn, keys, known, report);
    Ok(report.absorb(checked)?.is_some())
}

/// Who may hand coupons out is somebody.
fn offers(
    conn: &Connection,
    campaigns: &Campaigns,
    report: &mut AuditReport,
) -> Result<(), StoreError> {
    let mut select = conn.prepare(rows::INITIATORS)?;
    let known = select.query_and_then((), rows::initiator)?;
    let known = known.map(|found| found.map(|(_, it)| it.cert_id));
    let known: HashSet<CertId> = known.collect::<Result<_, StoreError>>()?;
    let mut named = 0;
    for campaign in campaigns.activities.values() {
        let no = &campaign.activity.activity_no;
        for cert_id in campaign.activity.coupon.iter().flat_map(|offer| &offer.initiators) {
            named += 1;
            report.expect(known.contains(cert_id), || {
                format!("activity {no} may be handed out by {cert_id}, who is not there")
            });
        }
    }
    report.checked("initiators that may hand coupons out are there", named);
    Ok(())
}

fn merchants(conn: &Connection, report: &mut AuditReport) -> Result<(), StoreError> {
    let mut select = conn.prepare(rows::MERCHANTS)?;
    let mut merchants = select.query(())?;
    let mut count = 0;
    while let Some(row) = merchants.next()? {
        count += 1;
        // Not to be read where its initiator is not there.
        rows::merchant(row).map_err(|error| match row.get::<Option<String>>(2) {
            Ok(None) => corrupt("a merchant of no initiator"),
            _ => error,
        })?;
    }
    report.checked("merchants have an initiator", count);
    Ok(())
}

/// Every enrolment by itself, and that of each merchant at most one lives for each activity.
fn enrolments(conn: &Connection, report: &mut AuditReport) -> Result<(), StoreError> {
    let mut select =
        conn.prepare(&format!("{} ORDER BY e.merchant, e.activity, e.id", rows::ENROLMENTS))?;
    let mut enrolments = select.query(())?;
    let (mut count, mut pending) = (0_i64, 0_i64);
    let mut alive: Option<Enrolment> = None;
    while let Some(row) = enrolments.next()? {
        count += 1;
        let id: i64 = row.get(0)?;
        if row.get::<Option<String>>(1)?.is_none() || row.get::<Option<String>>(3)?.is_none() {
            return Err(corrupt(format!("enrolment {id} is of no merchant or no initiator")));
        }
        let (_, enrolment) = rows::enrolment(row)?;
        check_marks(&enrolment, report);
        pending += i64::from(enrolment.status == EnrolmentStatus::Pending);
        if enrolment.status.lives() {
            if let Some(before) = alive.as_ref().filter(|before| before.key == enrolment.key) {
                report.violation(|| format!("enrolments {} and {id} both live", before.id));
            }
            alive = Some(enrolment);
        }
    }
    report.checked(
        "enrolments are of a merchant, stand where their marks say, and live once",
        count.unsigned_abs(),
    );
    let queued = "enrolments INDEXED BY enrolments_pending WHERE status = 1";
    orders::queue(conn, queued, pending, "pending enrolments are listed", report)?;
    let queued = "enrolments INDEXED BY enrolments_by_merchant";
    orders::queue(conn, queued, count, "enrolments are found by their merchant", report)
}

fn check_marks(enrolment: &Enrolment, report: &mut AuditReport) {
    let Enrolment { id, status, reason, decided_by, decided_at, photos, .. } = enrolment;
    let decided = *status != EnrolmentStatus::Pending;
    let right = decided_by.is_some() == decided
        && decided_at.is_some() == decided
        && reason.is_some() == (*status == EnrolmentStatus::Rejected);
    report.expect(right, || format!("enrolment {id}, {status:?}, has other marks"));
    let empty = photos.is_empty() || photos.values().any(Vec::is_empty);
    report.expect(!empty, || format!("enrolment {id} lacks photos"));
}

/// Every photo, with the enrolments that name it. Their photos can be read; that was seen before.
fn photos(conn: &Connection, report: &mut AuditReport) -> Result<(), StoreError> {
    let mut select = conn.prepare(
        "SELECT p.id, i.cert_id, p.used, p.bytes, length(c.bytes), p.initiator FROM photos p \
         LEFT JOIN initiators i ON i.no = p.initiator \
         LEFT JOIN photo_contents c ON c.sha256 = p.sha256 ORDER BY p.id",
    )?;
    let mut photos = select.query(())?;
    let mut select = conn.prepare(Named::select(conn))?;
    let mut named = Named::begin(&mut select)?;
    let (mut count, mut unused) = (0, 0_i64);
    while let Some(row) = photos.next()? {
        count += 1;
        let id: i64 = row.get(0)?;
        let (cert_id, used): (Option<String>, bool) = (row.get(1)?, row.get(2)?);
        report.expect(cert_id.is_some(), || format!("photo {id} is of no initiator"));
        let (bytes, content): (i64, Option<i64>) = (row.get(3)?, row.get(4)?);
        match content {
            None => report.violation(|| format!("photo {id} has no content")),
            Some(content) => report.expect(content == bytes, || {
                format!("photo {id} has {bytes} bytes; its content has {content}")
            }),
        }
        let is_named = named.take(id, row.get(5)?, report)?;
        report.expect(used == is_named, || {
            let (used, named) = if used { ("used", "no") } else { ("unused", "an") };
            format!("photo {id} is marked as {used}; {named} enrolment names it")
        });
        unused += i64::from(!used);
    }
    named.take(i64::MAX, 0, report)?;
    report.checked("photos have their content, and are used where an enrolment names them", count);
    report.checked("photos that enrolments name are there", named.count);
    let queued = "photos INDEXED BY photos_unused WHERE used = 0";
    orders::queue(conn, queued, unused, "unused photos are queued to be removed", report)
}

/// Which photos enrolments name, in order.
struct Named<'s> {
    rows: Rows<'s>,
    /// The next: the photo, the enrolment, and whose that is.
    next: Option<(i64, i64, i64)>,
    count: u64,
}

impl<'s> Named<'s> {
    fn select(conn: &Connection) -> &'static str {
        conn.either(
            "SELECT photo.value, e.id, e.initiator FROM enrolments e, \
             json_each(e.photos) field, json_each(field.value) photo ORDER BY photo.value",
            "SELECT CAST(photo.value AS BIGINT), e.id, e.initiator FROM enrolments e, \
             jsonb_each(CAST(e.photos AS JSONB)) field, \
             jsonb_array_elements_text(field.value) photo (value) ORDER BY 1",
        )
    }

    fn begin(select: &'s mut Statement<'_>) -> Result<Self, StoreError> {
        let mut named = Self { rows: select.query(())?, next: None, count: 0 };
        named.step()?;
        Ok(named)
    }

    fn step(&mut self) -> Result<(), StoreError> {
        self.next = match self.rows.next()? {
            Some(row) => Some((row.get(0)?, row.get(1)?, row.get(2)?)),
            None => None,
        };
        Ok(())
    }

    /// Passes over all up to this photo; true where any names it.
    fn take(
        &mut self,
        photo: i64,
        initiator: i64,
        report: &mut AuditReport,
    ) -> Result<bool, StoreError> {
        let mut found = false;
        while let Some((named, enrolment, by)) = self.next.filter(|next| next.0 <= photo) {
            self.count += 1;
            report.expect(named == photo, || {
                format!("enrolment {enrolment} names photo {named}, which is not there")
            });
            if named == photo {
                found = true;
                report.expect(by == initiator, || {
                    format!("enrolment {enrolment} names photo {photo}, which is another's")
                });
            }
            self.step()?;
        }
        Ok(found)
    }
}

/// Every content is what it is kept as, and of some photo.
fn contents(conn: &Connection, report: &mut AuditReport) -> Result<(), StoreError> {
    let mut select = conn.prepare(
        "SELECT c.sha256, c.bytes, \
         EXISTS (SELECT 1 FROM photos p WHERE p.sha256 = c.sha256) FROM photo_contents c",
    )?;
    let mut contents = select.query(())?;
    let mut count = 0;
    while let Some(row) = contents.next()? {
        count += 1;
        let kept_as = row.cell(0)?.as_blob()?;
        let name =
            || kept_as.iter().take(8).fold(String::new(), |name, byte| format!("{name}{byte:02x}"));
        let digest = digest(&SHA256, row.cell(1)?.as_blob()?);
        report.expect(digest.as_ref() == kept_as, || {
            format!("content {}… is not what its SHA-256 says", name())
        });
        report.expect(row.get(2)?, || format!("content {}… is of no photo", name()));
    }
    report.checked("contents of photos are what they are kept as, and none is left over", count);
    Ok(())
}

/// Every call that was answered.
fn calls(
    conn: &Connection,
    keys: &KeyHasher,
    known: &mut KeySum,
    report: &mut AuditReport,
) -> Result<(), StoreError> {
    let mut select = conn.prepare(rows::GATEWAY_REQUESTS)?;
    let mut calls = select.query(())?;
    let mut count = 0;
    while let Some(row) = calls.next()? {
        count += 1;
        let id: i64 = row.get(0)?;
        if row.get::<Option<String>>(1)?.is_none() {
            return Err(corrupt(format!("call {id} is of no initiator")));
        }
        let (_, call) = rows::gateway_request(row)?;
        known.add(keys.gateway_request(&call.key), call.id);
    }
    report.checked("calls that were answered have their caller", count);
    Ok(())
}

/// Each call's number and the hash of its key.
pub(super) fn each_call(
    conn: &Connection,
    keys: &KeyHasher,
    mut each: impl FnMut(u128, Id) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut select = conn.prepare(rows::GATEWAY_REQUESTS)?;
    let mut calls = select.query_and_then((), rows::gateway_request)?;
    calls.try_for_each(|found| {
        let (_, call) = found?;
        each(keys.gateway_request(&call.key), call.id)
    })
}
