//! How an attempt is answered.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::Response;
use huodong_server::ConnectionHandle;
use huodong_wire::lakala::Acknowledgement;

/// How long `slow` waits: longer than any sender of ours.
const SLOW: Duration = Duration::from_secs(30);
/// The longest wait that can be asked for.
const SLOW_MS_MAX: u64 = 3_600_000;
/// How much `large` is.
const LARGE_BYTES: usize = 1024 * 1024;

/// An answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Ack,
    Fail,
    Junk,
    Status(StatusCode),
    Redirect,
    Large,
    Slow(Duration),
    Drop,
}

impl FromStr for Answer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            "is none of ack, fail, junk, redirect, large, slow, slow:MS, drop and 200 to 599"
                .to_owned()
        };
        Ok(match text.trim() {
            "ack" => Self::Ack,
            "fail" => Self::Fail,
            "junk" => Self::Junk,
            "redirect" => Self::Redirect,
            "large" => Self::Large,
            "slow" => Self::Slow(SLOW),
            "drop" => Self::Drop,
            other => match other.strip_prefix("slow:") {
                Some(ms) => {
                    let ms = ms.parse().ok().filter(|ms| *ms <= SLOW_MS_MAX).ok_or_else(wrong)?;
                    Self::Slow(Duration::from_millis(ms))
                }
                None => {
                    let status =
                        other.parse::<u16>().ok().filter(|status| (200..600).contains(status));
                    let status = status.and_then(|status| StatusCode::from_u16(status).ok());
                    Self::Status(status.ok_or_else(wrong)?)
                }
            },
        })
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ack => f.write_str("ack"),
            Self::Fail => f.write_str("fail"),
            Self::Junk => f.write_str("junk"),
            Self::Status(status) => write!(f, "{}", status.as_u16()),
            Self::Redirect => f.write_str("redirect"),
            Self::Large => f.write_str("large"),
            Self::Slow(wait) => write!(f, "slow:{}", wait.as_millis()),
            Self::Drop => f.write_str("drop"),
        }
    }
}

impl Answer {
    /// How long it is told to take.
    pub(super) fn takes(self) -> Duration {
        if let Self::Slow(wait) = self { wait } else { Duration::ZERO }
    }

    /// Gives it.
    pub(super) async fn give(self, connection: &ConnectionHandle, uri: &Uri) -> Response {
        let acknowledgement = || Acknowledgement::success().to_json();
        match self {
            Self::Ack => json(StatusCode::OK, acknowledgement()),
            Self::Fail => json(StatusCode::OK, Acknowledgement::fail("处理失败").to_json()),
            Self::Junk => plain(StatusCode::OK, "well received, thank you\n"),
            Self::Status(status) => json(status, acknowledgement()),
            Self::Redirect => {
                let mut answer = plain(StatusCode::FOUND, "");
                let to = format!("{}/redirected", uri.path().trim_end_matches('/'));
                let to = HeaderValue::from_str(&to).unwrap_or(HeaderValue::from_static("/"));
                answer.headers_mut().insert(header::LOCATION, to);
                answer
            }
            Self::Large => plain(StatusCode::OK, " ".repeat(LARGE_BYTES)),
            Self::Slow(wait) => {
                tokio::time::sleep(wait).await;
                json(StatusCode::OK, acknowledgement())
            }
            Self::Drop => match connection.drop_connection().await {},
        }
    }
}

fn json(status: StatusCode, body: Vec<u8>) -> Response {
    typed(status, "application/json", body.into())
}

/// An answer in plain text.
pub(super) fn plain(status: StatusCode, body: impl Into<Body>) -> Response {
    typed(status, "text/plain; charset=utf-8", body.into())
}

fn typed(status: StatusCode, kind: &'static str, body: Body) -> Response {
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    answer
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_as_it_is_written() {
        for text in ["ack", "fail", "junk", "redirect", "large", "slow:2500", "drop", "500", "204"]
        {
            assert_eq!(text.parse::<Answer>().unwrap().to_string(), text);
        }
        assert_eq!("slow".parse(), Ok(Answer::Slow(SLOW)));
        for wrong in
            ["", "acknowledge", "99", "100", "199", "600", "slow:", "slow:x", "slow:3600001"]
        {
            assert!(wrong.parse::<Answer>().is_err(), "{wrong}");
        }
    }
}
