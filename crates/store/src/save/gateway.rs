use std::collections::{BTreeSet, HashMap};

use huodong_campaign::{Enrolment, Photo, Row, World};

use super::super::columns::{Coded, ms, to_json};
use super::super::index::Value;
use super::{Saver, is_new, parted, sorted};
use crate::StoreError;
use crate::errors::corrupt;
use crate::sql::{Cell, Lock, delete, insert, many, put, update};

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
        const COLUMNS: &str = "cert_id, name, mode, public_key, previous_key, previous_until, \
            plain_replies, strict_req_id, status, rate_per_s, created_at";
        const OTHERWISE: &str = "ON CONFLICT (cert_id) DO UPDATE SET name = excluded.name, \
            mode = excluded.mode, public_key = excluded.public_key, \
            previous_key = excluded.previous_key, previous_until = excluded.previous_until, \
            plain_replies = excluded.plain_replies, strict_req_id = excluded.strict_req_id, \
            status = excluded.status, rate_per_s = excluded.rate_per_s";
        let rows = sorted(&world.initiators, |it| (it.created_at, it.cert_id.clone()));
        put(self.conn, "initiators", COLUMNS, OTHERWISE, &rows, |bind, row| {
            let it = &row.value;
            let previous = it.previous_public_key.as_ref();
            bind.next(it.cert_id.as_str())?;
            bind.next(&it.name)?;
            bind.next(it.mode.code())?;
            bind.next(&it.public_key)?;
            bind.next(previous.map(|previous| &previous.pem))?;
            bind.next(previous.map(|previous| ms(previous.valid_until)))?;
            bind.next(it.plain_replies)?;
            bind.next(it.strict_req_id)?;
            bind.next(it.status.code())?;
            bind.next(it.rate_per_s)?;
            bind.next(ms(it.created_at))
        })
    }

    fn merchants(&mut self, world: &World) -> Result<(), StoreError> {
        const COLUMNS: &str =
            "merc_id, initiator, name, kind, intent_confirmed, alipay_pid, created_at";
        const OTHERWISE: &str = "ON CONFLICT (merc_id) DO UPDATE SET \
            initiator = excluded.initiator, name = excluded.name, kind = excluded.kind, \
            intent_confirmed = excluded.intent_confirmed, alipay_pid = excluded.alipay_pid";
        let rows = sorted(&world.merchants, |it| (it.created_at, it.merc_id.clone()));
        // One may have been given what another had: first everybody lets go.
        let changed: Vec<_> = rows.iter().filter(|row| !is_new(row)).collect();
        update(
            self.conn,
            "a merchant",
            "merchants",
            "merc_id, alipay_pid",
            &changed,
            |bind, row| {
                bind.next(row.value.merc_id.as_str())?;
                bind.next(None::<&str>)
            },
        )?;
        let (conn, numbers) = (self.conn, &mut *self.numbers);
        put(conn, "merchants", COLUMNS, OTHERWISE, &rows, |bind, row| {
            let it = &row.value;
            bind.next(it.merc_id.as_str())?;
            bind.next(numbers.initiator(conn, it.cert_id.as_str())?)?;
            bind.next(&it.name)?;
            bind.next(it.kind.code())?;
            bind.next(it.intent_confirmed)?;
            bind.next(it.alipay_pid.as_ref().map(|pid| pid.as_str()))?;
            bind.next(ms(it.created_at))
        })
    }

    fn photos(&mut self, world: &World) -> Result<(), StoreError> {
        let (new, changed) = parted(&world.photos, |photo| photo.id);
        self.photo_contents(world)?;
        self.insert_photos(&new)?;
        // Nothing but this can change once a photo was uploaded.
        update(self.conn, "a photo", "photos", "id, used", &changed, |bind, row| {
            bind.next(row.value.id.0)?;
            bind.next(row.value.used)
        })?;
        self.remove_photos(&world.removed_photos)
    }

    fn insert_photos(&mut self, rows: &[&Row<Photo>]) -> Result<(), StoreError> {
        const COLUMNS: &str = "id, initiator, sha256, format, bytes, name, pic_type, flow_id, \
            uploaded_at, used";
        let (conn, numbers) = (self.conn, &mut *self.numbers);
        insert(conn, "photos", COLUMNS, rows, |bind, row| {
            let it = &row.value;
            bind.next(it.id.0)?;
            bind.next(numbers.initiator(conn, it.cert_id.as_str())?)?;
            bind.next(&it.sha256)?;
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
        let mut contents: Vec<_> = world.photo_contents.iter().collect();
        contents.sort_by_key(|content| content.sha256);
        contents.dedup_by_key(|content| content.sha256);
        let kept = self.kept_contents(contents.iter().map(|content| &content.sha256))?;
        contents.retain(|content| !kept.contains(&content.sha256));
        insert(self.conn, "photo_contents", "sha256, bytes", &contents, |bind, it| {
            bind.next(&it.sha256)?;
            bind.next(&*it.content)
        })
    }

    /// Which of these contents are stored; they stay so until the batch is over.
    fn kept_contents<'c>(
        &self,
        contents: impl Iterator<Item = &'c [u8; 32]>,
    ) -> Result<BTreeSet<[u8; 32]>, StoreError> {
        let keys: Vec<_> = contents.map(Cell::from).collect();
        let select = "SELECT sha256 FROM photo_contents";
        let kept = many(self.conn, select, "sha256", &keys, Lock::Own, |row| row.get(0))?;
        Ok(kept.into_iter().collect())
    }

    /// Removes photos, and contents that no photo has any more.
    fn remove_photos(&self, removed: &[Photo]) -> Result<(), StoreError> {
        if removed.is_empty() {
            return Ok(());
        }
        // One that was stored by this very batch was not inserted.
        let ids: Vec<_> = removed.iter().map(|photo| Cell::from(photo.id.0)).collect();
        delete(self.conn, "photos", "id", &ids)?;
        let contents: BTreeSet<_> = removed.iter().map(|photo| &photo.sha256).collect();
        // Only then is it asked who else has them: what was added meanwhile is seen.
        let kept = self.kept_contents(contents.into_iter())?;
        let keys: Vec<_> = kept.iter().map(Cell::from).collect();
        let select = "SELECT sha256 FROM photos";
        let had = many(self.conn, select, "sha256", &keys, Lock::No, |row| row.get(0))?;
        let had: BTreeSet<[u8; 32]> = had.into_iter().collect();
        let left: Vec<_> = kept.difference(&had).map(Cell::from).collect();
        delete(self.conn, "photo_contents", "sha256", &left)
    }

    fn enrolments(&mut self, world: &World) -> Result<(), StoreError> {
        const COLUMNS: &str = "id, status, reason, decided_by, decided_at";
        let (new, changed) = parted(&world.enrolments, |enrolment| enrolment.id);
        // What was rejected makes room for what was made after it.
        update(self.conn, "an enrolment", "enrolments", COLUMNS, &changed, |bind, row| {
            let it = &row.value;
            bind.next(it.id.0)?;
            bind.next(it.status.code())?;
            bind.next(it.reason.as_deref())?;
            bind.next(it.decided_by.as_ref().map(|by| by.as_str()))?;
            bind.next(it.decided_at.map(ms))
        })?;
        self.insert_enrolments(&new)
    }

    fn insert_enrolments(&mut self, rows: &[&Row<Enrolment>]) -> Result<(), StoreError> {
        const COLUMNS: &str = "id, merchant, activity, initiator, merchant_kind, creator, \
            third_merc_id_cups, third_merc_id_nucc, photos, remark, status, reason, decided_by, \
            decided_at, placed_at, req_id";
        let merchants = self.merchant_numbers(rows)?;
        let (conn, numbers) = (self.conn, &mut *self.numbers);
        insert(conn, "enrolments", COLUMNS, rows, |bind, row| {
            let it = &row.value;
            let merchant = merchants.get(it.key.merc_id.as_str()).copied();
            let merchant = merchant.ok_or_else(|| {
                corrupt(format!("an enrolment of {}, which is not there", it.key.merc_id))
            })?;
            bind.next(it.id.0)?;
            bind.next(merchant)?;
            bind.next(it.key.activity.code())?;
            bind.next(numbers.initiator(conn, it.cert_id.as_str())?)?;
            bind.next(it.merchant_kind.code())?;
            bind.next(&*it.creator)?;
            bind.next(it.third_merc_id_cups.as_deref())?;
            bind.next(it.third_merc_id_nucc.as_deref())?;
            bind.next(to_json(&it.photos)?)?;
            bind.next(it.supplementary_remark.as_deref())?;
            bind.next(it.status.code())?;
            bind.next(it.reason.as_deref())?;
            bind.next(it.decided_by.as_ref().map(|by| by.as_str()))?;
            bind.next(it.decided_at.map(ms))?;
            bind.next(ms(it.placed_at))?;
            bind.next(&*it.req_id)
        })
    }

    /// Merchants' small numbers; there are too many merchants to remember them.
    fn merchant_numbers(
        &self,
        rows: &[&Row<Enrolment>],
    ) -> Result<HashMap<String, i64>, StoreError> {
        let keys: Vec<_> = rows.iter().map(|row| row.value.key.merc_id.as_str().into()).collect();
        let select = "SELECT merc_id, no FROM merchants";
        let found = many(self.conn, select, "merc_id", &keys, Lock::No, |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
        Ok(found.into_iter().collect())
    }

    fn gateway_requests(&mut self, world: &World) -> Result<(), StoreError> {
        const COLUMNS: &str = "id, initiator, req_id, api, fingerprint, answer, at";
        let rows = sorted(&world.gateway_requests, |request| request.id);
        let (conn, numbers) = (self.conn, &mut *self.numbers);
        insert(conn, "gateway_requests", COLUMNS, &rows, |bind, row| {
            let it = &row.value;
            bind.next(it.id.0)?;
            bind.next(numbers.initiator(conn, it.key.cert_id.as_str())?)?;
            bind.next(&*it.key.req_id)?;
            bind.next(it.api.code())?;
            bind.next(&it.fingerprint)?;
            bind.next(&*it.answer)?;
            bind.next(ms(it.at))
        })?;
        for row in rows {
            let it = &row.value;
            self.index.put(self.keys.gateway_request(&it.key), Value::id(it.id), true);
        }
        Ok(())
    }
}
