//! What every answer of the operator API gets: its trace id where it is a problem, and the word
//! that it is not to be cached.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use http::Extensions;

use super::problem::Problem;
use crate::App;

/// The request's trace id: 32 lowercase hexadecimal digits.
#[derive(Clone, Debug)]
pub(super) struct TraceId(pub(super) String);

/// The trace id the request came with.
pub(super) fn trace_id(extensions: &Extensions) -> String {
    extensions.get::<TraceId>().map(|id| id.0.clone()).unwrap_or_default()
}

/// Finishes an answer.
pub(super) async fn finish(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    if request.extensions().get::<TraceId>().is_none() {
        let id = hex::encode(app.chance.bytes::<16>());
        request.extensions_mut().insert(TraceId(id));
    }
    let trace_id = trace_id(request.extensions());
    let mut response = next.run(request).await;
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        response = problem.finished(&trace_id);
    }
    // Answers hold money, users and, once, secrets.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
