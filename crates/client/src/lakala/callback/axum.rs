//! Callbacks as an axum extractor.

use axum_core::extract::{FromRef, FromRequest, Request};
use axum_core::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http_body_util::{BodyExt, Limited};

use super::{Acknowledge, BODY_BYTES_MAX, CallbackError, Event, Verifier};

/// A callback that is verified to be the platform's. The [`Verifier`] comes from the state.
///
/// A handler that asks for it runs for no other callback: see [`Rejected`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedCallback(pub Event);

/// A callback that was not handed to the handler. As a response it is a FAIL, so that it comes
/// again: with 401 where it cannot be shown to be the platform's, with 422 where it can, but
/// says what cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected(pub CallbackError);

impl<S> FromRequest<S> for SignedCallback
where
    S: Send + Sync,
    Verifier: FromRef<S>,
{
    type Rejection = Rejected;

    async fn from_request(request: Request, state: &S) -> Result<Self, Rejected> {
        let (parts, body) = request.into_parts();
        let body = Limited::new(body, BODY_BYTES_MAX).collect().await;
        let body = body.map_err(|_| Rejected(CallbackError::Body))?.to_bytes();
        let header = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        Verifier::from_ref(state).verify(header, &body).map(Self).map_err(Rejected)
    }
}

impl IntoResponse for Rejected {
    fn into_response(self) -> Response {
        let status = if self.0.is_unverified() {
            StatusCode::UNAUTHORIZED
        } else {
            StatusCode::UNPROCESSABLE_ENTITY
        };
        (status, Acknowledge::Fail(self.0.to_string())).into_response()
    }
}

impl IntoResponse for Acknowledge {
    fn into_response(self) -> Response {
        ([(CONTENT_TYPE, Self::CONTENT_TYPE)], self.body()).into_response()
    }
}
