//! A photo itself. It is what a partner has sent: a browser must take it for a picture and for
//! nothing else.

use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use huodong_campaign::{Photo, PhotoFormat};
use huodong_store::Reader;

use super::view::known;
use crate::operator::auth::{Operator, Reads};
use crate::operator::body::Named;
use crate::operator::document::Getting;
use crate::operator::problem::Problem;

/// The bytes of a photo.
///
/// `ETag` is its SHA-256: asked again with `If-None-Match`, a photo that is at hand is not sent
/// again.
#[utoipa::path(
    get, path = "/photos/{id}/content", operation_id = "get_photo_content", tag = "photos",
    params(("id" = String, Path, description = "Its number")),
    responses(
        (status = 200, description = "It; as its `format` says", content(
            (String = "image/jpeg"), (String = "image/png"), (String = "image/bmp"))),
        (status = 304, description = "It is the one that `If-None-Match` names"),
        Getting,
    )
)]
pub(in crate::operator) async fn content(
    operator: Operator<Reads>,
    Named(named): Named<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let id = known(&named)?;
    let at_hand = headers.get(header::IF_NONE_MATCH).and_then(|it| it.to_str().ok());
    let at_hand = at_hand.map(str::to_owned);
    let question = move |reader: &Reader| {
        if let Some(at_hand) = at_hand {
            let photo = reader.photo(id)?;
            if let Some(photo) = photo.filter(|photo| names(&at_hand, &tag(photo))) {
                return Ok(Some((photo, None)));
            }
        }
        let found = reader.photo_and_content(id)?;
        Ok(found.map(|(photo, content)| (photo, Some(content))))
    };
    let (photo, content) = operator.find("id", &named, question).await?;
    Ok(match content {
        Some(content) => (StatusCode::OK, of(&photo), content).into_response(),
        None => (StatusCode::NOT_MODIFIED, of(&photo)).into_response(),
    })
}

fn tag(photo: &Photo) -> String {
    format!("\"{}\"", hex::encode(photo.sha256))
}

/// Whether an `If-None-Match` names this tag (RFC 9110, 13.1.2).
fn names(at_hand: &str, tag: &str) -> bool {
    let mut tags = at_hand.split(',').map(str::trim);
    tags.any(|it| it == "*" || it.strip_prefix("W/").unwrap_or(it) == tag)
}

/// The headers of its content.
fn of(photo: &Photo) -> [(HeaderName, String); 6] {
    let (media_type, extension) = match photo.format {
        PhotoFormat::Jpeg => ("image/jpeg", "jpg"),
        PhotoFormat::Png => ("image/png", "png"),
        PhotoFormat::Bmp => ("image/bmp", "bmp"),
    };
    // Not the name it came with, which is a stranger's.
    let disposition = format!("inline; filename=\"photo-{}.{extension}\"", photo.id);
    [
        (header::CONTENT_TYPE, media_type.to_owned()),
        (header::CONTENT_DISPOSITION, disposition),
        (header::ETAG, tag(photo)),
        // Kept by whoever has asked, who asks again whether the token still holds.
        (header::CACHE_CONTROL, "private, no-cache".to_owned()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox".to_owned()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_found_among_others_weak_or_strong() {
        for at_hand in ["\"a\"", "W/\"a\"", "\"b\", \"a\"", "\"b\",W/\"a\"", "*"] {
            assert!(names(at_hand, "\"a\""), "{at_hand}");
        }
        for at_hand in ["", "a", "\"b\"", "\"a\"x", "W/\"b\""] {
            assert!(!names(at_hand, "\"a\""), "{at_hand}");
        }
    }
}
