//! Request bodies: JSON, or CSV where a table is brought; bounded, strict. A typing mistake in a
//! setting that costs money must not pass, so unknown fields are refused.

use std::sync::Arc;

use axum::body::to_bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::header;
use axum::http::request::Parts;
use bytes::Bytes;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::problem::{Kind, Problem};
use crate::App;

/// A request's body. An empty one reads as `{}`.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Arc<App>> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Problem> {
        let json = is_a(&request, "application/json");
        let bytes = whole(request, app, app.settings.body_bytes_max).await?;
        if bytes.is_empty() {
            return parse(b"{}").map(Self);
        }
        if !json {
            let detail = "send the body as JSON, with Content-Type: application/json";
            return Err(Problem::new(Kind::NotJson, detail));
        }
        parse(&bytes).map(Self)
    }
}

/// The longest table, in bytes.
pub(super) const CSV_BYTES_MAX: usize = 2 * 1024 * 1024;

/// A request's body that is a table in CSV, as it came.
pub(super) struct Csv(pub(super) Bytes);

impl FromRequest<Arc<App>> for Csv {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Problem> {
        let csv = is_a(&request, "text/csv");
        let bytes = whole(request, app, CSV_BYTES_MAX).await?;
        if csv {
            return Ok(Self(bytes));
        }
        let detail = "send the table as CSV in UTF-8, with Content-Type: text/csv";
        Err(Problem::new(Kind::NotCsv, detail))
    }
}

fn is_a(request: &Request, wanted: &str) -> bool {
    let media_type = request.headers().get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok());
    let essence = media_type.and_then(|text| text.split(';').next()).unwrap_or_default();
    essence.trim().eq_ignore_ascii_case(wanted)
}

async fn whole(request: Request, app: &App, most: usize) -> Result<Bytes, Problem> {
    let read =
        tokio::time::timeout(app.settings.body_deadline, to_bytes(request.into_body(), most));
    match read.await {
        Err(_) => Err(Problem::new(Kind::TooSlow, "the body did not arrive in time")),
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) if over_limit(&error) => {
            Err(Problem::new(Kind::TooLarge, format!("a body may have {most} bytes")))
        }
        Ok(Err(_)) => Err(Problem::new(Kind::Malformed, "the body broke off")),
    }
}

fn over_limit(error: &axum::Error) -> bool {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = source {
        if error.is::<http_body_util::LengthLimitError>() {
            return true;
        }
        source = error.source();
    }
    false
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        Problem::new(Kind::Malformed, format!("the body is not UTF-8: {error}"))
    })?;
    check_object(text)?;
    let mut json = serde_json::Deserializer::from_str(text);
    serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        let message = said(&error.into_inner());
        let field = field_of(&path, &message);
        Problem::invalid(field.clone(), format!("{field}: {message}"))
    })
}

/// Whether this is one JSON object and nothing after it. Asked apart from its fields, as serde
/// would take a list for a structure, value by value, and calls a number where an enum's word
/// should be a syntax error.
fn check_object(text: &str) -> Result<(), Problem> {
    serde_json::from_str::<IgnoredAny>(text)
        .map_err(|error| Problem::new(Kind::Malformed, format!("the body is not JSON: {error}")))?;
    if text.trim_ascii_start().starts_with('{') {
        Ok(())
    } else {
        Err(Problem::invalid("body", "body: must be a JSON object"))
    }
}

/// What is wrong with a field of a body that is JSON. serde says where in the text it is; the
/// field's name says it better.
fn said(error: &serde_json::Error) -> String {
    if error.is_data() {
        let message = error.to_string();
        message.split(" at line ").next().unwrap_or(&message).to_owned()
    } else {
        "is of the wrong type".to_owned()
    }
}

/// The field a message is about. For a field that is missing or unknown the path ends at what
/// holds it, and only the message has its name.
pub(super) fn field_of(path: &str, message: &str) -> String {
    let about_a_name = ["missing field `", "unknown field `", "duplicate field `"];
    let name = about_a_name
        .iter()
        .find_map(|start| message.strip_prefix(start))
        .and_then(|rest| rest.split('`').next());
    match (path, name) {
        ("." | "", Some(name)) => name.to_owned(),
        ("." | "", None) => "body".to_owned(),
        (path, Some(name)) if path == name || path.ends_with(&format!(".{name}")) => {
            path.to_owned()
        }
        (path, Some(name)) => format!("{path}.{name}"),
        (path, None) => path.to_owned(),
    }
}

/// What the path names.
pub(crate) struct Named<T>(pub(crate) T);

impl<T: DeserializeOwned + Send> FromRequestParts<Arc<App>> for Named<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        if parts.uri.path().contains("%00") {
            let detail = "path: holds a NUL character, as nothing here does";
            return Err(Problem::new(Kind::Malformed, detail));
        }
        match Path::from_request_parts(parts, app).await {
            Ok(Path(named)) => Ok(Self(named)),
            Err(error) => Err(Problem::new(Kind::Malformed, format!("path: {error}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_field_is_named_where_the_path_stops_short_of_it() {
        assert_eq!(field_of(".", "missing field `money`"), "money");
        assert_eq!(field_of("limits", "unknown field `x`, expected one of `a`"), "limits.x");
        assert_eq!(field_of("limits.x", "unknown field `x`, expected one of `a`"), "limits.x");
        assert_eq!(field_of("rules[1].title", "invalid type: null"), "rules[1].title");
        assert_eq!(field_of(".", "invalid type: sequence"), "body");
    }
}
