//! Reading `multipart/form-data`: the fields one by one, and the photo as it comes.

use std::sync::Arc;

use aws_lc_rs::digest;
use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, Stream};
use huodong_campaign::PHOTO_BYTES_MAX;
use huodong_wire::ysepay::{Fields, FieldsError, GatewayCode};
use multer::{Constraints, Field, Multipart, SizeLimit};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::refusal::Refusal;
use super::sent::{Sent, too_large, unread, unreadable};
use crate::body::{self, BodyError};

/// The part that is no field.
const FILE: &str = "file";

/// The parser looks through all that it holds each time a piece comes, so a body that comes byte by
/// byte would keep a core busy for minutes. It gets no smaller pieces than this, but for the last.
const PIECE_BYTES: usize = 16 * 1024;

/// Memory for photos is given out by this many bytes, as they come: a caller that sends nothing holds
/// next to nothing, and nobody is known yet while a photo is read.
const PLACE_BYTES: usize = 64 * 1024;

/// The places that so many photos take at the most.
pub(crate) fn places_for(photos: usize) -> usize {
    photos.saturating_mul(PHOTO_BYTES_MAX.div_ceil(PLACE_BYTES)).min(Semaphore::MAX_PERMITS)
}

/// How much is read.
pub(super) struct Limits<'a> {
    /// All but the photo.
    pub(super) fields_bytes_max: usize,
    /// Where a photo that is wanted gets its places in memory.
    pub(super) places: Option<&'a Arc<Semaphore>>,
}

impl Limits<'_> {
    /// The whole body.
    pub(super) fn whole_bytes_max(&self) -> usize {
        self.fields_bytes_max + self.places.map_or(0, |_| PHOTO_BYTES_MAX)
    }
}

/// A photo that was sent.
pub(super) struct SentFile {
    /// Its bytes.
    pub(super) content: Arc<[u8]>,
    /// Their SHA-256.
    pub(super) sha256: [u8; 32],
    /// Kept for as long as the bytes are.
    _places: OwnedSemaphorePermit,
}

/// Reads all parts.
pub(super) async fn read(
    body: &mut Body,
    media_type: &str,
    limits: &Limits<'_>,
) -> Result<Sent, Refusal> {
    let reading = Reading { limits, room: limits.fields_bytes_max };
    let boundary = multer::parse_boundary(media_type).map_err(|error| reading.failed(&error))?;
    let whole = u64::try_from(limits.whole_bytes_max()).unwrap_or(u64::MAX);
    let constraints = Constraints::new().size_limit(SizeLimit::new().whole_stream(whole));
    let parts = Multipart::with_constraints(pieces(body), boundary, constraints);
    reading.all(parts).await
}

struct Reading<'a> {
    limits: &'a Limits<'a>,
    /// What the fields may still take.
    room: usize,
}

impl Reading<'_> {
    async fn all(mut self, mut parts: Multipart<'_>) -> Result<Sent, Refusal> {
        let mut sent = Sent { fields: Fields::default(), file: None };
        while let Some(part) = parts.next_field().await.map_err(|error| self.failed(&error))? {
            let Some(name) = part.name().map(str::to_owned) else { return Err(not_parts()) };
            match self.limits.places {
                Some(places) if name == FILE => {
                    if sent.file.is_some() {
                        return Err(unreadable(&FieldsError::Repeated(name)));
                    }
                    sent.file = Some(self.file(part, places).await?);
                }
                _ => {
                    let value = self.value(part).await?;
                    if name != FILE {
                        let value = String::from_utf8(value).map_err(|_| not_parts())?;
                        sent.fields.push(name, value).map_err(|error| unreadable(&error))?;
                    }
                }
            }
        }
        Ok(sent)
    }

    async fn value(&mut self, mut part: Field<'_>) -> Result<Vec<u8>, Refusal> {
        let mut value = Vec::new();
        while let Some(piece) = part.chunk().await.map_err(|error| self.failed(&error))? {
            let left = self.room.checked_sub(piece.len());
            self.room = left.ok_or_else(|| too_large(self.limits.fields_bytes_max))?;
            value.extend_from_slice(&piece);
        }
        Ok(value)
    }

    async fn file(
        &self,
        mut part: Field<'_>,
        places: &Arc<Semaphore>,
    ) -> Result<SentFile, Refusal> {
        let full = |_| Refusal::gateway(GatewayCode::Internal, "");
        let mut held = Arc::clone(places).try_acquire_owned().map_err(full)?;
        let mut content = Vec::new();
        let mut hash = digest::Context::new(&digest::SHA256);
        while let Some(piece) = part.chunk().await.map_err(|error| self.failed(&error))? {
            if content.len() + piece.len() > PHOTO_BYTES_MAX {
                let reason = format!("文件不能超过 {PHOTO_BYTES_MAX} 字节");
                return Err(Refusal::gateway(GatewayCode::TooLarge, reason));
            }
            while content.len() + piece.len() > held.num_permits() * PLACE_BYTES {
                held.merge(Arc::clone(places).try_acquire_owned().map_err(full)?);
            }
            hash.update(&piece);
            content.extend_from_slice(&piece);
        }
        let hash = hash.finish();
        let sha256 = hash.as_ref().try_into().expect("a SHA-256 has 32 bytes");
        Ok(SentFile { content: content.into(), sha256, _places: held })
    }

    fn failed(&self, error: &multer::Error) -> Refusal {
        match error {
            multer::Error::StreamSizeExceeded { .. } => too_large(self.limits.whole_bytes_max()),
            multer::Error::StreamReadFailed(_) => {
                unread(BodyError::Broken, self.limits.whole_bytes_max())
            }
            _ => not_parts(),
        }
    }
}

fn not_parts() -> Refusal {
    Refusal::gateway(GatewayCode::InvalidField, "请求体必须是完整的 multipart/form-data")
}

/// A body's pieces.
fn pieces(body: &mut Body) -> impl Stream<Item = Result<Bytes, BodyError>> + Send {
    stream::unfold(Some(body), async |state| {
        let body = state?;
        match piece(body).await {
            Ok(Some(piece)) => Some((Ok(piece), Some(body))),
            Ok(None) => None,
            Err(error) => Some((Err(error), None)),
        }
    })
}

async fn piece(body: &mut Body) -> Result<Option<Bytes>, BodyError> {
    let Some(first) = body::next(body).await? else { return Ok(None) };
    if first.len() >= PIECE_BYTES {
        return Ok(Some(first));
    }
    let mut piece = BytesMut::from(first);
    while piece.len() < PIECE_BYTES {
        match body::next(body).await? {
            Some(more) => piece.extend_from_slice(&more),
            None => break,
        }
    }
    Ok(Some(piece.freeze()))
}
