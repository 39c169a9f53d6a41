//! What a caller is told when something is not done: one shape, RFC 9457.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use huodong_engine::EngineError;
use serde::Serialize;
use utoipa::ToSchema;

/// A problem (RFC 9457): every answer of 400 and above has this shape.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// What kind of problem, for programs to branch on.
    #[schema(example = "urn:huodong:problem:not-enough-money")]
    r#type: &'static str,
    /// The same in words.
    #[schema(example = "Not enough money")]
    title: &'static str,
    /// The HTTP status.
    #[schema(example = 409)]
    status: u16,
    /// What happened here, and what to do about it.
    #[schema(example = "money 500 is more than the organization's balance 200")]
    detail: String,
    /// The field or parameter it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "money")]
    field: Option<String>,
    /// The request's trace id, as the logs have it.
    #[schema(example = "4bf92f3577b34da6a3ce929d0e0e4736")]
    trace_id: String,
    #[serde(skip)]
    kind: Kind,
}

/// The kinds of problems.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The request could not be read.
    Malformed,
    /// A field's value is not taken.
    Invalid,
    /// No token, or none that is valid.
    Unauthenticated,
    /// The token's role does not reach.
    Forbidden,
    /// A page of another site asked.
    ForeignOrigin,
    /// The thing the path names is not there.
    NotFound,
    /// The path has no such method.
    NoSuchMethod,
    /// The body did not come in time.
    TooSlow,
    /// A number that must be new is taken.
    Taken,
    /// The thing does not stand where this can be done to it.
    WrongState,
    /// An account does not cover it.
    NotEnoughMoney,
    /// The body is too long.
    TooLarge,
    /// The body is not JSON.
    NotJson,
    /// The body is not CSV.
    NotCsv,
    /// Nothing was done; later it may be.
    Busy,
    /// It was not answered in time; a change may still be carried out.
    Deadline,
    /// Whether a change was made is not known.
    OutcomeUnknown,
    /// A fault of the server.
    Internal,
}

impl Kind {
    /// The table: status, type, title.
    fn row(self) -> (StatusCode, &'static str, &'static str) {
        use StatusCode as S;
        match self {
            Self::Malformed => {
                (S::BAD_REQUEST, "urn:huodong:problem:malformed", "Malformed request")
            }
            Self::Invalid => {
                (S::UNPROCESSABLE_ENTITY, "urn:huodong:problem:invalid-field", "Invalid field")
            }
            Self::Unauthenticated => {
                (S::UNAUTHORIZED, "urn:huodong:problem:unauthenticated", "A valid token is needed")
            }
            Self::Forbidden => {
                (S::FORBIDDEN, "urn:huodong:problem:forbidden", "Another role is needed")
            }
            Self::ForeignOrigin => {
                (S::FORBIDDEN, "urn:huodong:problem:foreign-origin", "A page of another site asked")
            }
            Self::NotFound => (S::NOT_FOUND, "urn:huodong:problem:not-found", "Not found"),
            Self::NoSuchMethod => {
                (S::METHOD_NOT_ALLOWED, "urn:huodong:problem:no-such-method", "No such method")
            }
            Self::TooSlow => {
                (S::REQUEST_TIMEOUT, "urn:huodong:problem:too-slow", "Request too slow")
            }
            Self::Taken => (S::CONFLICT, "urn:huodong:problem:taken", "Already taken"),
            Self::WrongState => (S::CONFLICT, "urn:huodong:problem:wrong-state", "Wrong state"),
            Self::NotEnoughMoney => {
                (S::CONFLICT, "urn:huodong:problem:not-enough-money", "Not enough money")
            }
            Self::TooLarge => {
                (S::PAYLOAD_TOO_LARGE, "urn:huodong:problem:too-large", "Body too large")
            }
            Self::NotJson => {
                (S::UNSUPPORTED_MEDIA_TYPE, "urn:huodong:problem:not-json", "Body is not JSON")
            }
            Self::NotCsv => {
                (S::UNSUPPORTED_MEDIA_TYPE, "urn:huodong:problem:not-csv", "Body is not CSV")
            }
            Self::Busy => (S::SERVICE_UNAVAILABLE, "urn:huodong:problem:busy", "Try again later"),
            Self::Deadline => {
                (S::GATEWAY_TIMEOUT, "urn:huodong:problem:deadline", "Not answered in time")
            }
            Self::OutcomeUnknown => {
                (S::INTERNAL_SERVER_ERROR, "urn:huodong:problem:outcome-unknown", "Outcome unknown")
            }
            Self::Internal => {
                (S::INTERNAL_SERVER_ERROR, "urn:huodong:problem:internal", "Internal error")
            }
        }
    }
}

impl Problem {
    /// A problem of this kind.
    pub(crate) fn new(kind: Kind, detail: impl Into<String>) -> Self {
        let (status, r#type, title) = kind.row();
        let status = status.as_u16();
        let detail = detail.into();
        Self { r#type, title, status, detail, field: None, trace_id: String::new(), kind }
    }

    /// The same, about one field.
    pub(crate) fn about(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// The same, its field one of this structure's.
    pub(crate) fn within(mut self, structure: &str) -> Self {
        self.field = self.field.map(|field| format!("{structure}.{field}"));
        self
    }

    /// The same, said of the rest of something whose beginning was done.
    pub(super) fn after(mut self, done: &str) -> Self {
        self.detail = format!("{done} Of the rest: {}", self.detail);
        self
    }

    /// A field's value is not taken.
    pub(crate) fn invalid(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(Kind::Invalid, detail).about(field)
    }

    /// The path names a thing that is not there.
    pub(crate) fn unknown(field: &str, value: &str) -> Self {
        Self::new(Kind::NotFound, format!("{field} {value} is unknown")).about(field)
    }

    /// The answer, now that the trace id is at hand.
    pub(crate) fn finished(mut self, trace_id: &str) -> Response {
        self.trace_id = trace_id.to_owned();
        let body = serde_json::to_vec(&self).expect("a problem is JSON");
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.kind.row().0;
        let headers = response.headers_mut();
        let json = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, json);
        match self.kind {
            Kind::Unauthenticated => {
                let scheme = HeaderValue::from_static("Bearer realm=\"huodong operator\"");
                headers.insert(header::WWW_AUTHENTICATE, scheme);
            }
            Kind::Busy => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            _ => {}
        }
        response
    }
}

/// The body is written by [`super::trace::call`], which knows the trace id.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.kind.row().0.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<EngineError> for Problem {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Busy => Self::new(Kind::Busy, "the server is busy; nothing was done"),
            EngineError::Stopped => {
                Self::new(Kind::Busy, "the server is stopping; nothing was done")
            }
            EngineError::Unavailable(why) => {
                tracing::error!(%why, "the store failed an operator's request");
                Self::new(Kind::Busy, "the database is not available; nothing was done")
            }
            EngineError::Broken(why) => {
                tracing::error!(%why, "the database is damaged");
                Self::new(
                    Kind::Internal,
                    "the database holds what makes no sense; nothing was done, and the log says \
                     what it is",
                )
            }
            EngineError::Deadline => Self::new(
                Kind::Deadline,
                "no outcome in time; a change may still be carried out: look before asking again",
            ),
            EngineError::CommitUnknown => Self::new(
                Kind::OutcomeUnknown,
                "the database failed while committing, so whether the change was made is not \
                 known; look at the thing and the audit log before asking again",
            ),
        }
    }
}

/// Answers for paths that are not there.
pub(crate) async fn no_such_path(uri: Uri) -> Problem {
    let path = uri.path();
    let detail =
        format!("there is nothing at {path}; {}/openapi.json lists what there is", super::BASE);
    Problem::new(Kind::NotFound, detail)
}

/// Answers for methods a path does not have.
pub(crate) async fn no_such_method() -> Problem {
    let detail = format!("this path does not take this method; see {}/openapi.json", super::BASE);
    Problem::new(Kind::NoSuchMethod, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_that_gives_no_outcome_says_whether_to_ask_again() {
        for (error, status, retry) in [
            (EngineError::Busy, 503, true),
            (EngineError::Stopped, 503, true),
            (EngineError::Unavailable("disk path".to_owned()), 503, true),
            (EngineError::Broken("disk path".to_owned()), 500, false),
            (EngineError::Deadline, 504, false),
            (EngineError::CommitUnknown, 500, false),
        ] {
            let problem = Problem::from(error);
            assert!(!problem.detail.contains("disk path"), "the store's words stay in the log");
            let response = problem.finished("4bf92f3577b34da6a3ce929d0e0e4736");
            assert_eq!(response.status(), status);
            assert_eq!(response.headers().contains_key(header::RETRY_AFTER), retry);
        }
    }
}
