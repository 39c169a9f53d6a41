//! Reading a request's body, within bounds.

use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use thiserror::Error;

/// A body that is too large is read to its end and thrown away up to this size, so that the caller
/// gets to read the answer: most clients write all before they read, and would meet a closed
/// connection instead.
const DISCARDED_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Why there is no body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum BodyError {
    /// It is larger than allowed.
    #[error("the body is larger than allowed")]
    TooLarge,
    /// It did not arrive in time.
    #[error("the body did not arrive in time")]
    TooSlow,
    /// The connection broke, or its framing did.
    #[error("the body broke off")]
    Broken,
}

/// The whole body, of at most so many bytes, arriving in at most so much time.
pub(crate) async fn read(
    mut body: Body,
    bytes_max: usize,
    deadline: Duration,
) -> Result<Bytes, BodyError> {
    let said = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if said > DISCARDED_BYTES_MAX {
        return Err(BodyError::TooLarge);
    }
    let whole = collect(&mut body, bytes_max);
    tokio::time::timeout(deadline, whole).await.unwrap_or(Err(BodyError::TooSlow))
}

async fn collect(body: &mut Body, bytes_max: usize) -> Result<Bytes, BodyError> {
    let first = next(body).await?.unwrap_or_default();
    // Nearly every body is one piece, and needs no copy.
    if body.is_end_stream() && first.len() <= bytes_max {
        return Ok(first);
    }
    let mut whole = BytesMut::from(first);
    while whole.len() <= bytes_max {
        match next(body).await? {
            Some(piece) => whole.extend_from_slice(&piece),
            None => return Ok(whole.freeze()),
        }
    }
    let read = whole.len();
    drop(whole);
    discard(body, read).await?;
    Err(BodyError::TooLarge)
}

/// Reads the rest of a body of which so much has been read, and throws it away; a body that is
/// larger than is worth that is left at it.
pub(crate) async fn discard(body: &mut Body, read: usize) -> Result<(), BodyError> {
    let mut discarded = read;
    while discarded <= DISCARDED_BYTES_MAX {
        match next(body).await? {
            Some(piece) => discarded += piece.len(),
            None => break,
        }
    }
    Ok(())
}

/// The next piece of a body; none at its end.
pub(crate) async fn next(body: &mut Body) -> Result<Option<Bytes>, BodyError> {
    while let Some(frame) = body.frame().await {
        // Trailers are nobody's business.
        if let Ok(data) = frame.map_err(|_| BodyError::Broken)?.into_data() {
            return Ok(Some(data));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use http_body_util::Full;

    use super::*;

    async fn reading(body: Body, bytes_max: usize) -> Result<usize, BodyError> {
        read(body, bytes_max, Duration::from_secs(1)).await.map(|bytes| bytes.len())
    }

    #[tokio::test]
    async fn a_body_may_be_as_large_as_allowed_and_no_larger() {
        let of = |len| Body::new(Full::new(Bytes::from(vec![b'x'; len])));
        assert_eq!(reading(of(0), 10).await, Ok(0));
        assert_eq!(reading(of(10), 10).await, Ok(10));
        assert_eq!(reading(of(11), 10).await, Err(BodyError::TooLarge));
        assert_eq!(reading(of(DISCARDED_BYTES_MAX + 1), 10).await, Err(BodyError::TooLarge));
    }
}
