//! An initiator as it is shown.

use aws_lc_rs::digest::{SHA256, digest};
use axum::response::Response;
use huodong_campaign::{self as campaign, CertId};
use huodong_wire::ysepay::PublicKey;
use serde::Serialize;
use utoipa::ToSchema;

use crate::operator::auth::{Operator, Reads};
use crate::operator::body::Named;
use crate::operator::csv::Record;
use crate::operator::document::{Getting, Reading};
use crate::operator::list::{List, Listing, Paging, shown};
use crate::operator::organizations::Filter;
use crate::operator::problem::Problem;
use crate::operator::values::{Time, words};

words! {
    /// How an initiator's calls and the answers to them are signed and sealed: `rsa`, or `sm2`
    /// (国密).
    EnvelopeMode { Rsa, Sm2 }

    /// Whether an initiator's calls are let in: `revoked` ones never again.
    InitiatorStatus { Active, Revoked }
}

/// A ysepay initiator (发起方), who enrols merchants and asks what they may hand out.
#[derive(Serialize, ToSchema)]
pub(in crate::operator) struct Initiator {
    /// What it calls as.
    #[schema(example = "826584358120001")]
    cert_id: String,
    /// Its name.
    #[schema(example = "示例服务商")]
    name: String,
    /// Whether its calls are let in.
    status: InitiatorStatus,
    /// How its calls and the answers to them are signed and sealed.
    mode: EnvelopeMode,
    /// Whether answers are plain JSON; else they are the base64 text of it, as the vendor's are.
    plain_replies: bool,
    /// Whether a reqId must end in the time it was made at (yyMMddHHmmss), as the document says.
    strict_req_id: bool,
    /// Calls a second; `null` is the server's default.
    rate_per_s: Option<u32>,
    /// SHA-256 of the key its calls are verified with (of its SubjectPublicKeyInfo), in hex:
    /// `openssl pkey -pubin -in key.pem -outform DER | sha256sum`.
    #[schema(example = "0e6c4c9f3a55b1f0b1f3a0de4d3bd2a17a6e5dd0c0b3c2a4c1f0f8a7b6c5d4e3")]
    key_sha256: Option<String>,
    /// How long that key is, in bits.
    #[schema(example = 256)]
    key_bits: Option<usize>,
    /// That key, in PEM.
    #[schema(example = "-----BEGIN PUBLIC KEY-----\n…\n-----END PUBLIC KEY-----\n")]
    public_key: String,
    /// SHA-256 of the key before it.
    previous_key_sha256: Option<String>,
    /// Until when the key before it is accepted too, by the real clock.
    previous_accepted_until: Option<Time>,
    /// When it was made.
    created_at: Time,
}

impl From<campaign::Initiator> for Initiator {
    fn from(it: campaign::Initiator) -> Self {
        // Keys are checked before they are stored; should one be damaged there, the rest is shown
        // without what it would say.
        let key = PublicKey::from_pem(&it.public_key).ok();
        let previous = it.previous_public_key.as_ref();
        Self {
            cert_id: it.cert_id.to_string(),
            name: it.name,
            status: it.status.into(),
            mode: it.mode.into(),
            plain_replies: it.plain_replies,
            strict_req_id: it.strict_req_id,
            rate_per_s: it.rate_per_s,
            key_sha256: key.as_ref().map(fingerprint),
            key_bits: key.map(|key| key.bits()),
            public_key: it.public_key,
            previous_key_sha256: previous
                .and_then(|old| PublicKey::from_pem(&old.pem).ok())
                .as_ref()
                .map(fingerprint),
            previous_accepted_until: previous.map(|old| Time(old.valid_until)),
            created_at: Time(it.created_at),
        }
    }
}

fn fingerprint(key: &PublicKey) -> String {
    hex::encode(digest(&SHA256, &key.to_der()))
}

impl Record for Initiator {
    const LIST: &'static str = "initiators";
    const COLUMNS: &'static [&'static str] = &[
        "cert_id",
        "name",
        "status",
        "mode",
        "plain_replies",
        "strict_req_id",
        "rate_per_s",
        "key_sha256",
        "key_bits",
        "previous_key_sha256",
        "previous_accepted_until",
        "created_at",
    ];
}

/// Lists initiators.
#[utoipa::path(
    get, path = "/initiators", operation_id = "list_initiators", tag = "initiators",
    params(Paging),
    responses(
        (status = 200, description = "A page, or all as CSV", content(
            (Listing<Initiator> = "application/json"), (String = "text/csv"))),
        Reading,
    )
)]
pub(in crate::operator) async fn list(
    operator: Operator<Reads>,
    list: List<Filter>,
) -> Result<Response, Problem> {
    list.answer(&operator, |reader, _, page| Ok(shown(reader.initiators(page)?, Initiator::from)))
        .await
}

/// Shows an initiator.
#[utoipa::path(
    get, path = "/initiators/{cert_id}", operation_id = "get_initiator", tag = "initiators",
    params(("cert_id" = String, Path, description = "What it calls as")),
    responses((status = 200, description = "It", body = Initiator), Getting)
)]
pub(in crate::operator) async fn get(
    operator: Operator<Reads>,
    Named(cert_id): Named<String>,
) -> Result<axum::Json<Initiator>, Problem> {
    let id = CertId::from(cert_id.as_str());
    let found = operator.find("cert_id", &cert_id, move |reader| reader.initiator(&id)).await?;
    Ok(axum::Json(found.into()))
}
