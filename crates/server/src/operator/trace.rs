//! What every call of the operator API gets: a trace id, which problems show, a line in the log,
//! and the word that its answer is not to be cached where it says nothing else.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use http::Extensions;
use huodong_engine::source::monotonic;

use super::problem::Problem;
use crate::{App, TraceId};

/// The trace id of a request that came through [`call`].
pub(super) fn trace_id(extensions: &Extensions) -> String {
    extensions.get::<TraceId>().map(ToString::to_string).unwrap_or_default()
}

/// Stands around every call.
pub(crate) async fn call(
    State(app): State<Arc<App>>,
    mut request: Request,
    next: Next,
) -> Response {
    let trace_id = app.trace_ids.of(request.headers());
    request.extensions_mut().insert(trace_id);
    let started = monotonic();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let mut response = next.run(request).await;
    let status = response.status().as_u16();
    // As for the vendors' faces, 0 is success.
    let code = if response.status().is_success() { 0 } else { status.into() };
    app.metrics.api("operator", "v1", 0).answered(code, monotonic() - started);
    tracing::info!(%trace_id, %method, path, status, "operator call");
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        response = problem.finished(trace_id.as_str());
    }
    // Answers hold money, users and, once, secrets. A photo's content says itself how it is kept.
    let unkept = HeaderValue::from_static("no-store");
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(unkept);
    response
}
