//! What a caller has sent, in whichever of the three forms: JSON, a form, or parts of which one may
//! be a photo.

use axum::body::{Body, HttpBody as _};
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use huodong_wire::ysepay::{Api, Fields, FieldsError, GatewayCode};

use super::parts::{self, Limits, SentFile};
use super::refusal::Refusal;
use crate::App;
use crate::body::{self, BodyError};

/// A request's fields, and the photo beside them.
pub(super) struct Sent {
    /// Its top-level fields, the nine common ones among them.
    pub(super) fields: Fields,
    /// The part `file` of an upload.
    pub(super) file: Option<SentFile>,
}

/// Reads a request, within bounds of size and time.
pub(super) async fn read(
    app: &App,
    api: Api,
    headers: &HeaderMap,
    body: Body,
) -> Result<Sent, Refusal> {
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = media_type.unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("multipart/form-data") {
        return read_parts(app, api, media_type, body).await;
    }
    let settings = &app.settings;
    let read = body::read(body, settings.body_bytes_max, settings.body_deadline).await;
    let body = read.map_err(|error| unread(error, settings.body_bytes_max))?;
    let says_json = essence.to_ascii_lowercase().ends_with("json");
    // What curl sends says that it is a form, whatever it is.
    let is_json = says_json || body.trim_ascii_start().starts_with(b"{");
    let fields = if is_json { Fields::from_json(&body) } else { Fields::from_form(&body) };
    Ok(Sent { fields: fields.map_err(|error| unreadable(&error))?, file: None })
}

async fn read_parts(
    app: &App,
    api: Api,
    media_type: &str,
    mut body: Body,
) -> Result<Sent, Refusal> {
    let settings = &app.settings;
    let fields_bytes_max = settings.body_bytes_max;
    let (limits, deadline) = match api {
        Api::Upload => (
            Limits { fields_bytes_max, places: Some(&app.upload_places) },
            settings.ysepay.upload_timeout,
        ),
        Api::AddData | Api::Consult => {
            (Limits { fields_bytes_max, places: None }, settings.body_deadline)
        }
    };
    let reading = async {
        let said = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
        let read = if said > limits.whole_bytes_max() {
            Err(too_large(limits.whole_bytes_max()))
        } else {
            parts::read(&mut body, media_type, &limits).await
        };
        if read.is_err() {
            // Whatever is wrong with the rest of it: so that the caller gets to read the answer.
            let _ = body::discard(&mut body, limits.whole_bytes_max()).await;
        }
        read
    };
    let read = tokio::time::timeout(deadline, reading).await;
    read.unwrap_or_else(|_| Err(unread(BodyError::TooSlow, fields_bytes_max)))
}

/// Why there are no fields in a body that arrived.
pub(super) fn unreadable(error: &FieldsError) -> Refusal {
    Refusal::gateway(GatewayCode::InvalidField, error.to_string())
}

/// It is larger than so many bytes.
pub(super) fn too_large(bytes_max: usize) -> Refusal {
    Refusal::gateway(GatewayCode::TooLarge, format!("请求体不能超过 {bytes_max} 字节"))
}

/// Why a body did not arrive.
pub(super) fn unread(error: BodyError, bytes_max: usize) -> Refusal {
    let invalid = |reason: &'static str| Refusal::gateway(GatewayCode::InvalidField, reason);
    match error {
        BodyError::TooLarge => too_large(bytes_max),
        BodyError::TooSlow => invalid("接收请求体超时"),
        BodyError::Broken => invalid("请求体不完整"),
    }
}
