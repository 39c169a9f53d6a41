use thiserror::Error;

use super::{
    Enrolment, EnrolmentKey, EnrolmentPhotos, EnrolmentStatus, PHOTOS_MAX, PhotoField, photo_rule,
};
use crate::{CertId, Command, Id, MerchantKind, Wanted, World};

/// Enrols a merchant for a preferential rate; an operator decides on it later.
#[derive(Clone, Debug)]
pub struct Enrol {
    /// Who calls.
    pub cert_id: CertId,
    /// Who enrols for what.
    pub key: EnrolmentKey,
    /// Who has entered it.
    pub creator: Box<str>,
    /// 银联微信第三方商户号.
    pub third_merc_id_cups: Option<Box<str>>,
    /// 网联微信第三方商户号.
    pub third_merc_id_nucc: Option<Box<str>>,
    /// The photos. The same may be named twice, as the vendor's example does.
    pub photos: EnrolmentPhotos,
    /// What is to be said besides.
    pub supplementary_remark: Option<Box<str>>,
    /// The call it comes with.
    pub req_id: Box<str>,
}

/// Why a merchant was not enrolled; the first that holds, in this order.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EnrolRefusal {
    /// The initiator is not let in.
    #[error("the initiator is unknown")]
    UnknownInitiator,
    /// A field carries too many photos.
    #[error("{0:?} carries more than {PHOTOS_MAX} photos")]
    TooManyPhotos(PhotoField),
    /// There is no such merchant, or it is another's.
    #[error("the merchant is not one of the initiator's")]
    UnknownMerchant,
    /// It has not confirmed that it wants an account.
    #[error("the merchant has not confirmed its intent to open an account")]
    IntentNotConfirmed,
    /// Merchants of its kind cannot enrol for this.
    #[error("a merchant of kind {0:?} cannot enrol for this activity")]
    KindExcluded(MerchantKind),
    /// It must carry these photos.
    #[error("{0:?} is missing")]
    PhotoMissing(PhotoField),
    /// It must not.
    #[error("{0:?} does not belong to this activity and kind of merchant")]
    PhotoOutOfPlace(PhotoField),
    /// There are supplementary photos, and nothing is said of them.
    #[error("supplementary photos come with a remark")]
    RemarkMissing,
    /// There is a remark, and no supplementary photo.
    #[error("a supplementary remark comes with photos")]
    SupplementaryMissing,
    /// Neither third-party number is given.
    #[error("one of the third-party merchant numbers must be given")]
    NoThirdMercId,
    /// There is no such photo, or it is another's.
    #[error("photo {0} is unknown")]
    UnknownPhoto(Id),
    /// The merchant is enrolled, or is being looked at.
    #[error("enrolment {0} of this merchant for this activity is {1:?}")]
    Enrolled(Id, EnrolmentStatus),
}

impl Command for Enrol {
    type Done = Enrolment;
    type Refusal = EnrolRefusal;

    fn wants<'a>(&'a self, wanted: &mut Wanted<'a>) {
        wanted.initiators.insert(&self.cert_id);
        wanted.merchants.insert(&self.key.merc_id);
        wanted.photos.extend(self.photos.values().flatten());
        wanted.enrolment_keys.insert(&self.key);
    }

    fn decide(&self, world: &mut World) -> Result<Enrolment, EnrolRefusal> {
        if !crate::initiator::is_active(world, &self.cert_id) {
            return Err(EnrolRefusal::UnknownInitiator);
        }
        self.check_counts()?;
        let kind = self.merchant_kind(world)?;
        self.check_fields(kind)?;
        self.check_completeness()?;
        self.check_photos(world)?;
        self.check_living(world)?;
        Ok(self.place(world, kind))
    }
}

impl Enrol {
    fn check_counts(&self) -> Result<(), EnrolRefusal> {
        let mut photos = self.photos.iter();
        match photos.find(|(_, ids)| ids.len() > PHOTOS_MAX) {
            Some((field, _)) => Err(EnrolRefusal::TooManyPhotos(*field)),
            None => Ok(()),
        }
    }

    fn merchant_kind(&self, world: &World) -> Result<MerchantKind, EnrolRefusal> {
        let merchant = world.merchants.get(&self.key.merc_id);
        let merchant = merchant
            .filter(|merchant| merchant.cert_id == self.cert_id)
            .ok_or(EnrolRefusal::UnknownMerchant)?;
        if merchant.intent_confirmed {
            Ok(merchant.kind)
        } else {
            Err(EnrolRefusal::IntentNotConfirmed)
        }
    }

    fn check_fields(&self, kind: MerchantKind) -> Result<(), EnrolRefusal> {
        let rule = photo_rule(self.key.activity, kind).ok_or(EnrolRefusal::KindExcluded(kind))?;
        for field in PhotoField::ALL {
            if rule.must.contains(&field) {
                if !self.carries(field) {
                    return Err(EnrolRefusal::PhotoMissing(field));
                }
            } else if !rule.may.contains(&field) && self.carries(field) {
                return Err(EnrolRefusal::PhotoOutOfPlace(field));
            }
        }
        Ok(())
    }

    fn check_completeness(&self) -> Result<(), EnrolRefusal> {
        match (self.supplementary_remark.is_some(), self.carries(PhotoField::Supplementary)) {
            (false, true) => return Err(EnrolRefusal::RemarkMissing),
            (true, false) => return Err(EnrolRefusal::SupplementaryMissing),
            (true, true) | (false, false) => {}
        }
        if self.third_merc_id_cups.is_none() && self.third_merc_id_nucc.is_none() {
            return Err(EnrolRefusal::NoThirdMercId);
        }
        Ok(())
    }

    fn check_photos(&self, world: &World) -> Result<(), EnrolRefusal> {
        let own = |id: &Id| world.photos.get(id).is_some_and(|it| it.cert_id == self.cert_id);
        match self.photos.values().flatten().find(|id| !own(id)) {
            Some(unknown) => Err(EnrolRefusal::UnknownPhoto(*unknown)),
            None => Ok(()),
        }
    }

    fn check_living(&self, world: &World) -> Result<(), EnrolRefusal> {
        let Some(latest) = world.latest_enrolments.get(&self.key) else { return Ok(()) };
        let latest = world.enrolments.get(latest).expect("a key's enrolment is loaded with it");
        if latest.status.lives() {
            return Err(EnrolRefusal::Enrolled(latest.id, latest.status));
        }
        Ok(())
    }

    fn carries(&self, field: PhotoField) -> bool {
        self.photos.get(&field).is_some_and(|ids| !ids.is_empty())
    }

    fn place(&self, world: &mut World, merchant_kind: MerchantKind) -> Enrolment {
        let mut photos = self.photos.clone();
        photos.retain(|_, ids| !ids.is_empty());
        for id in photos.values().flatten() {
            let unused = world.photos.get(id).is_some_and(|photo| !photo.used);
            if unused {
                world.photos.change(id).expect("it was checked").used = true;
            }
        }
        let enrolment = Enrolment {
            id: world.take_id(),
            key: self.key.clone(),
            cert_id: self.cert_id.clone(),
            merchant_kind,
            creator: self.creator.clone(),
            third_merc_id_cups: self.third_merc_id_cups.clone(),
            third_merc_id_nucc: self.third_merc_id_nucc.clone(),
            photos,
            supplementary_remark: self.supplementary_remark.clone(),
            status: EnrolmentStatus::Pending,
            reason: None,
            decided_by: None,
            decided_at: None,
            placed_at: world.now,
            req_id: self.req_id.clone(),
        };
        world.latest_enrolments.put(self.key.clone(), enrolment.id);
        world.enrolments.insert(enrolment.id, enrolment.clone());
        enrolment
    }
}
