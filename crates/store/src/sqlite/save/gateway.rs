use std::collections::BTreeSet;

use huodong_campaign::{CertId, Enrolment, MercId, Photo, Row, RowState, World};
use rusqlite::{OptionalExtension, params};

use super::super::columns::{Coded, ms, to_json};
use super::super::errors::corrupt;
use super::super::hash_index::Value;
use super::{Saver, bulk, expect_one, sorted};
use crate::StoreError;

impl Saver<'_> {
    /// Initiators and their merchants, before what hangs on them.
    pub(super) fn gateway_partners(&mut self, world: &World) -> Result<(), StoreError> {
        // A batch that has to do with none of it does not pay for it.
        if world.initiators.is_changed() {
            self.initiators(world)?;
        }
        if world.merchants.is_changed() {
            self.merchants(world)?;
        }
        Ok(())
    }

    /// Photos, enrolments, and the calls they came with.
    pub(super) fn gateway(&mut self, world: &World) -> Result<(), StoreError> {
        if world.photos.is_changed() || !world.removed_photos.is_empty() {
            self.photos(world)?;
        }
        if world.enrolments.is_changed() {
            self.enrolments(world)?;
        }
        if world.gateway_requests.is_changed() {
            self.gateway_requests(world)?;
        }
        Ok(())
    }

    fn initiators(&self, world: &World) -> Result<(), StoreError> {
        let mut put = self.conn.prepare_cached(
            "INSERT INTO initiators (cert_id, name, mode, public_key, previous_key, \
             previous_until, plain_replies, strict_req_id, status, rate_per_s, created_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) \
             ON CONFLICT (cert_id) DO UPDATE SET name = ?2, mode = ?3, public_key = ?4, \
             previous_key = ?5, previous_until = ?6, plain_replies = ?7, strict_req_id = ?8, \
             status = ?9, rate_per_s = ?10",
        )?;
        for row in sorted(&world.initiators, |it| (it.created_at, it.cert_id.clone())) {
            let it = &row.value;
            let previous = it.previous_public_key.as_ref();
            put.execute(params![
                it.cert_id.as_str(),
                it.name,
                it.mode.code(),
                it.public_key,
                previous.map(|previous| &previous.pem),
                previous.map(|previous| ms(previous.valid_until)),
                it.plain_replies,
                it.strict_req_id,
                it.status.code(),
                it.rate_per_s,
                ms(it.created_at),
            ])?;
        }
        Ok(())
    }

    fn merchants(&mut self, world: &World) -> Result<(), StoreError> {
        let rows = sorted(&world.merchants, |it| (it.created_at, it.merc_id.clone()));
        // One may have been given what another had: first everybody lets go.
        let mut let_go = self
            .conn
            .prepare_cached("UPDATE merchants SET alipay_pid = NULL WHERE merc_id = ?1")?;
        for row in rows.iter().filter(|row| row.state == RowState::Changed) {
            let changed = let_go.execute([row.value.merc_id.as_str()])?;
            expect_one(changed, "merchant", &row.value.merc_id)?;
        }
        let mut put = self.conn.prepare_cached(
            "INSERT INTO merchants (merc_id, initiator, name, kind, intent_confirmed, \
             alipay_pid, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) \
             ON CONFLICT (merc_id) DO UPDATE SET initiator = ?2, name = ?3, kind = ?4, intent_confirmed = ?5, \
             alipay_pid = ?6",
        )?;
        for row in rows {
            let it = &row.value;
            put.execute(params![
                it.merc_id.as_str(),
                self.numbers.initiator(self.conn, it.cert_id.as_str())?,
                it.name,
                it.kind.code(),
                it.intent_confirmed,
                it.alipay_pid.as_ref().map(|pid| pid.as_str()),
                ms(it.created_at),
            ])?;
        }
        Ok(())
    }

    fn photos(&mut self, world: &World) -> Result<(), StoreError> {
        let rows = sorted(&world.photos, |photo| photo.id);
        let (new, changed): (Vec<_>, Vec<_>) =
            rows.into_iter().partition(|row| row.state == RowState::New);
        self.insert_photos(&new)?;
        // Nothing but this can change once a photo was uploaded.
        let mut update = self.conn.prepare_cached("UPDATE photos SET used = ?2 WHERE id = ?1")?;
        for row in changed {
            let changed = update.execute((row.value.id.0, row.value.used))?;
            expect_one(changed, "photo", row.value.id)?;
        }
        self.photo_contents(world)?;
        self.remove_photos(&world.removed_photos)
    }

    fn insert_photos(&mut self, rows: &[&Row<Photo>]) -> Result<(), StoreError> {
        const COLUMNS: &str = "id, initiator, sha256, format, bytes, name, pic_type, flow_id, \
            uploaded_at, used";
        let (conn, numbers) = (self.conn, &mut *self.numbers);
        bulk::insert(conn, "photos", COLUMNS, rows, |bind, row| {
            let it = &row.value;
            bind.next(it.id.0)?;
            bind.next(numbers.initiator(conn, it.cert_id.as_str())?)?;
            bind.next(it.sha256)?;
            bind.next(it.format.code())?;
            bind.next(it.bytes)?;
            bind.next(&*it.name)?;
            bind.next(&*it.pic_type)?;
            bind.next(&*it.flow_id)?;
            bind.next(ms(it.uploaded_at))?;
            bind.next(it.used)?;
            Ok(())
        })
    }

    fn photo_contents(&self, world: &World) -> Result<(), StoreError> {
        let mut select =
            self.conn.prepare_cached("SELECT 1 FROM photo_contents WHERE sha256 = ?1")?;
        let mut insert = self
            .conn
            .prepare_cached("INSERT INTO photo_contents (sha256, bytes) VALUES (?1, ?2)")?;
        for it in &world.photo_contents {
            if !select.exists([it.sha256])? {
                insert.execute((it.sha256, &*it.content))?;
            }
        }
        Ok(())
    }

    /// Removes photos, and contents that no photo has any more.
    fn remove_photos(&self, removed: &[Photo]) -> Result<(), StoreError> {
        // One that was stored by this very batch was not inserted.
        let mut delete = self.conn.prepare_cached("DELETE FROM photos WHERE id = ?1")?;
        for photo in removed {
            delete.execute([photo.id.0])?;
        }
        let mut delete = self.conn.prepare_cached(
            "DELETE FROM photo_contents WHERE sha256 = ?1 \
             AND NOT EXISTS (SELECT 1 FROM photos WHERE sha256 = ?1)",
        )?;
        let contents: BTreeSet<_> = removed.iter().map(|photo| photo.sha256).collect();
        for sha256 in contents {
            delete.execute([sha256])?;
        }
        Ok(())
    }

    fn enrolments(&mut self, world: &World) -> Result<(), StoreError> {
        let rows = sorted(&world.enrolments, |enrolment| enrolment.id);
        let (new, changed): (Vec<_>, Vec<_>) =
            rows.into_iter().partition(|row| row.state == RowState::New);
        // What was rejected makes room for what was made after it.
        let mut update = self.conn.prepare_cached(
            "UPDATE enrolments SET status = ?2, reason = ?3, decided_by = ?4, decided_at = ?5 \
             WHERE id = ?1",
        )?;
        for row in changed {
            let it = &row.value;
            let changed = update.execute((
                it.id.0,
                it.status.code(),
                it.reason.as_deref(),
                it.decided_by.as_ref().map(|by| by.as_str()),
                it.decided_at.map(ms),
            ))?;
            expect_one(changed, "enrolment", it.id)?;
        }
        new.into_iter().try_for_each(|row| self.insert_enrolment(&row.value))
    }

    fn insert_enrolment(&mut self, it: &Enrolment) -> Result<(), StoreError> {
        let mut insert = self.conn.prepare_cached(
            "INSERT INTO enrolments (id, merchant, activity, initiator, merchant_kind, creator, \
             third_merc_id_cups, third_merc_id_nucc, photos, remark, status, reason, decided_by, \
             decided_at, placed_at, req_id) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, \
             ?12, ?13, ?14, ?15, ?16)",
        )?;
        insert.execute(params![
            it.id.0,
            self.merchant(&it.key.merc_id)?,
            it.key.activity.code(),
            self.initiator(&it.cert_id)?,
            it.merchant_kind.code(),
            it.creator,
            it.third_merc_id_cups,
            it.third_merc_id_nucc,
            to_json(&it.photos)?,
            it.supplementary_remark,
            it.status.code(),
            it.reason,
            it.decided_by.as_ref().map(|by| by.as_str()),
            it.decided_at.map(ms),
            ms(it.placed_at),
            it.req_id,
        ])?;
        Ok(())
    }

    fn gateway_requests(&mut self, world: &World) -> Result<(), StoreError> {
        const COLUMNS: &str = "id, initiator, req_id, api, fingerprint, answer, at";
        let rows = sorted(&world.gateway_requests, |request| request.id);
        let (conn, numbers) = (self.conn, &mut *self.numbers);
        bulk::insert(conn, "gateway_requests", COLUMNS, &rows, |bind, row| {
            let it = &row.value;
            bind.next(it.id.0)?;
            bind.next(numbers.initiator(conn, it.key.cert_id.as_str())?)?;
            bind.next(&*it.key.req_id)?;
            bind.next(it.api.code())?;
            bind.next(it.fingerprint)?;
            bind.next(&*it.answer)?;
            bind.next(ms(it.at))?;
            Ok(())
        })?;
        for row in rows {
            let it = &row.value;
            self.index.put(self.keys.gateway_request(&it.key), Value::id(it.id));
        }
        Ok(())
    }

    fn initiator(&mut self, cert_id: &CertId) -> Result<i64, StoreError> {
        self.numbers.initiator(self.conn, cert_id.as_str())
    }

    /// A merchant's small number; there are too many to remember them.
    fn merchant(&self, merc_id: &MercId) -> Result<i64, StoreError> {
        let mut select = self.conn.prepare_cached("SELECT no FROM merchants WHERE merc_id = ?1")?;
        let no = select.query_row([merc_id.as_str()], |row| row.get(0)).optional()?;
        no.ok_or_else(|| corrupt(format!("an enrolment of {merc_id}, which is not there")))
    }
}
