//! A photo as it is shown.

use axum::response::Response;
use huodong_campaign::{self as campaign, CertId, Id};
use huodong_store::PhotoFilter;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::operator::BASE;
use crate::operator::auth::{Operator, Reads};
use crate::operator::body::Named;
use crate::operator::csv::Record;
use crate::operator::document::{Getting, Reading};
use crate::operator::list::{List, Listing, Paging, shown};
use crate::operator::problem::Problem;
use crate::operator::values::{Time, words};

words! {
    /// What a photo's content is, as its first bytes say.
    PhotoFormat { Jpeg, Png, Bmp }
}

/// A photo an initiator has uploaded.
#[derive(Serialize, ToSchema)]
pub(in crate::operator) struct Photo {
    /// Its number, by which its initiator names it (picId).
    #[schema(example = "228184215552000001")]
    id: String,
    /// The initiator that has uploaded it.
    cert_id: String,
    /// Where its content is: a path of this server.
    #[schema(example = "/operator/v1/photos/228184215552000001/content")]
    content: String,
    /// What its content is.
    format: PhotoFormat,
    /// How long its content is.
    bytes: u32,
    /// SHA-256 of its content, in hex.
    sha256: String,
    /// Its file name, as the initiator gave it (picNm).
    name: String,
    /// What it shows, in the initiator's words (picType).
    pic_type: String,
    /// The initiator's number for what it belongs to (sysFlowId).
    flow_id: String,
    /// Whether an enrolment names it, whatever became of that; one that none names goes after a
    /// while.
    used: bool,
    /// When it was uploaded.
    uploaded_at: Time,
}

impl From<campaign::Photo> for Photo {
    fn from(it: campaign::Photo) -> Self {
        Self {
            id: it.id.to_string(),
            cert_id: it.cert_id.to_string(),
            content: format!("{BASE}/photos/{}/content", it.id),
            format: it.format.into(),
            bytes: it.bytes,
            sha256: hex::encode(it.sha256),
            name: it.name.into(),
            pic_type: it.pic_type.into(),
            flow_id: it.flow_id.into(),
            used: it.used,
            uploaded_at: Time(it.uploaded_at),
        }
    }
}

impl Record for Photo {
    const LIST: &'static str = "photos";
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "cert_id",
        "content",
        "format",
        "bytes",
        "sha256",
        "name",
        "pic_type",
        "flow_id",
        "used",
        "uploaded_at",
    ];
}

/// Which photos. All that is given must match.
#[derive(Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::operator) struct WhichPhotos {
    /// Uploaded by this initiator.
    cert_id: Option<String>,
    /// That an enrolment names, or none.
    used: Option<bool>,
}

/// Lists photos.
#[utoipa::path(
    get, path = "/photos", operation_id = "list_photos", tag = "photos",
    params(WhichPhotos, Paging),
    responses(
        (status = 200, description = "A page, or all as CSV", content(
            (Listing<Photo> = "application/json"), (String = "text/csv"))),
        Reading,
    )
)]
pub(in crate::operator) async fn list(
    operator: Operator<Reads>,
    list: List<WhichPhotos>,
) -> Result<Response, Problem> {
    list.answer(&operator, |reader, filter, page| {
        let filter =
            PhotoFilter { cert_id: filter.cert_id.as_deref().map(CertId::from), used: filter.used };
        Ok(shown(reader.photos(&filter, page)?, Photo::from))
    })
    .await
}

/// Shows a photo, without its content.
#[utoipa::path(
    get, path = "/photos/{id}", operation_id = "get_photo", tag = "photos",
    params(("id" = String, Path, description = "Its number")),
    responses((status = 200, description = "It", body = Photo), Getting)
)]
pub(in crate::operator) async fn get(
    operator: Operator<Reads>,
    Named(named): Named<String>,
) -> Result<axum::Json<Photo>, Problem> {
    let id = known(&named)?;
    let found = operator.find("id", &named, move |reader| reader.photo(id)).await?;
    Ok(axum::Json(found.into()))
}

pub(super) fn known(named: &str) -> Result<Id, Problem> {
    named.parse().map(Id).map_err(|_| Problem::unknown("id", named))
}
