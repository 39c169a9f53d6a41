use axum::extract::Request;
use axum::http::{HeaderMap, Method, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::operator::problem::{Kind, Problem};

/// Refuses changes that a page of another site asks for: a browser on this machine reaches
/// loopback, and says in `Origin` whose page it is. Programs send no `Origin`.
pub(super) async fn check(request: Request, next: Next) -> Response {
    let reads = [Method::GET, Method::HEAD].contains(request.method());
    if reads || is_own(request.headers()) {
        return next.run(request).await;
    }
    let detail = "a page of another site asked (Origin); the controls are not for it";
    Problem::new(Kind::ForeignOrigin, detail).into_response()
}

/// True where no page asked, or one that was served here.
fn is_own(headers: &HeaderMap) -> bool {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let Some(origin) = origins.next() else { return true };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let origin = origin.to_str().ok().and_then(|origin| origin.parse::<Uri>().ok());
    let authority = origin.as_ref().and_then(Uri::authority);
    let same = authority.zip(host).is_some_and(|(origin, host)| *origin == *host);
    same && origins.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_servers_pages_and_programs_may_change_anything() {
        let own = |origin: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, "127.0.0.1:18080".parse().expect("a host"));
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, origin.parse().expect("an origin"));
            }
            is_own(&headers)
        };
        assert!(own(None));
        assert!(own(Some("http://127.0.0.1:18080")));
        for foreign in
            ["http://evil.example", "http://127.0.0.1:3000", "http://127.0.0.1", "null", ""]
        {
            assert!(!own(Some(foreign)), "{foreign:?}");
        }
    }
}
