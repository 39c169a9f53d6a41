//! An enrolment with all that a reviewer looks at.

use huodong_campaign::{self as campaign, Id};
use huodong_store::{Reader, StoreError};
use serde::Serialize;
use utoipa::ToSchema;

use super::view::{Enrolment, known};
use super::words::{PhotoField, title};
use crate::operator::auth::{Operator, Reads};
use crate::operator::body::Named;
use crate::operator::document::Getting;
use crate::operator::merchants::Merchant;
use crate::operator::photos::Photo;
use crate::operator::problem::Problem;
use crate::ysepay::photo_field;

/// An enrolment, the merchant and the photos.
#[derive(Serialize, ToSchema)]
pub(in crate::operator) struct WholeEnrolment {
    #[serde(flatten)]
    enrolment: Enrolment,
    /// The merchant as it is now.
    merchant: Merchant,
    /// Its photos, by what they show.
    photos: Vec<ShownPhotos>,
}

/// The photos of one field of an enrolment.
#[derive(Serialize, ToSchema)]
pub(in crate::operator) struct ShownPhotos {
    /// What they show.
    field: PhotoField,
    /// The same as the vendor names it, misspelt as it is.
    #[schema(example = "perferentPhoto")]
    vendors_field: &'static str,
    /// The same in the vendor's words.
    #[schema(example = "优惠费率承诺函")]
    title: &'static str,
    /// They themselves, in the initiator's order.
    photos: Vec<Photo>,
}

impl WholeEnrolment {
    fn read(reader: &Reader, enrolment: campaign::Enrolment) -> Result<Self, StoreError> {
        let merchant = reader.merchant(&enrolment.key.merc_id)?;
        let merchant = merchant.ok_or_else(|| dangling(&enrolment, "no merchant"))?;
        let mut photos = Vec::with_capacity(enrolment.photos.len());
        for (field, ids) in &enrolment.photos {
            let shown = ids.iter().map(|id| photo(reader, &enrolment, *id));
            photos.push(ShownPhotos {
                field: (*field).into(),
                vendors_field: photo_field(*field),
                title: title(*field),
                photos: shown.collect::<Result<_, _>>()?,
            });
        }
        Ok(Self { enrolment: enrolment.into(), merchant: merchant.into(), photos })
    }
}

fn photo(reader: &Reader, of: &campaign::Enrolment, id: Id) -> Result<Photo, StoreError> {
    let found = reader.photo(id)?;
    found.map(Photo::from).ok_or_else(|| dangling(of, &format!("photo {id}, which is not there")))
}

fn dangling(enrolment: &campaign::Enrolment, names: &str) -> StoreError {
    StoreError::Corrupt(format!("enrolment {} has {names}", enrolment.id))
}

/// Shows an enrolment, with the merchant and the photos.
#[utoipa::path(
    get, path = "/enrolments/{number}", operation_id = "get_enrolment", tag = "enrolments",
    params(("number" = String, Path, description = "Its `number` or its `id`")),
    responses((status = 200, description = "It", body = WholeEnrolment), Getting)
)]
pub(in crate::operator) async fn get(
    operator: Operator<Reads>,
    Named(named): Named<String>,
) -> Result<axum::Json<WholeEnrolment>, Problem> {
    let id = known(&named)?;
    let found = operator.find("number", &named, move |reader| {
        reader.enrolment(id)?.map(|found| WholeEnrolment::read(reader, found)).transpose()
    });
    found.await.map(axum::Json)
}
