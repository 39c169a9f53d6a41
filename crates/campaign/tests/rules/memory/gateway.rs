//! Initiators, their merchants, photos and enrolments, and the calls that were answered.

use std::sync::Arc;

use huodong_campaign::*;

use super::{Memory, copy, keep, same_rows};

impl Memory {
    pub(super) fn load_gateway(&self, wanted: &Wanted<'_>, world: &mut World) {
        for cert_id in &wanted.initiators {
            copy(&self.initiators, &mut world.initiators, *cert_id);
        }
        for merc_id in &wanted.merchants {
            copy(&self.merchants, &mut world.merchants, *merc_id);
        }
        for pid in &wanted.alipay_pids {
            let known = |it: &&Merchant| it.alipay_pid.as_ref() == Some(*pid);
            for found in self.merchants.values().filter(known) {
                let key = (found.cert_id.clone(), (*pid).clone());
                world.alipay_pids.loaded(key, found.merc_id.clone());
                world.merchants.loaded(found.merc_id.clone(), found.clone());
            }
        }
        for id in &wanted.photos {
            copy(&self.photos, &mut world.photos, id);
        }
        for id in &wanted.enrolments {
            copy(&self.enrolments, &mut world.enrolments, id);
        }
        for key in &wanted.enrolment_keys {
            let newest = self.enrolments.values().rev().find(|enrolment| enrolment.key == **key);
            if let Some(found) = newest {
                world.latest_enrolments.loaded((*key).clone(), found.id);
                world.enrolments.loaded(found.id, found.clone());
            }
        }
        for key in &wanted.gateway_requests {
            copy(&self.gateway_requests, &mut world.gateway_requests, *key);
        }
    }

    pub(super) fn save_gateway(&mut self, world: &World) {
        keep(&mut self.initiators, &world.initiators);
        keep(&mut self.merchants, &world.merchants);
        keep(&mut self.photos, &world.photos);
        keep(&mut self.enrolments, &world.enrolments);
        keep(&mut self.gateway_requests, &world.gateway_requests);
        for it in &world.photo_contents {
            self.photo_contents.insert(it.sha256, Arc::clone(&it.content));
        }
        for photo in &world.removed_photos {
            self.photos.remove(&photo.id);
        }
        for photo in &world.removed_photos {
            if !self.photos.values().any(|other| other.sha256 == photo.sha256) {
                self.photo_contents.remove(&photo.sha256);
            }
        }
    }
}

pub(super) fn same(a: &World, b: &World) -> bool {
    same_rows(&a.initiators, &b.initiators)
        && same_rows(&a.merchants, &b.merchants)
        && same_rows(&a.alipay_pids, &b.alipay_pids)
        && same_rows(&a.photos, &b.photos)
        && same_rows(&a.enrolments, &b.enrolments)
        && same_rows(&a.latest_enrolments, &b.latest_enrolments)
        && same_rows(&a.gateway_requests, &b.gateway_requests)
        && a.photo_contents == b.photo_contents
        && a.removed_photos == b.removed_photos
}
