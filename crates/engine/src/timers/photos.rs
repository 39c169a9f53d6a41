//! Photos that nobody has used.

use huodong_campaign::{Id, RemovePhotos};
use jiff::{SignedDuration, Timestamp};

use super::{DEADLINE, Part};
use crate::engine::{Engine, EngineError};

/// How many photos one command removes. Letting go of two megabytes takes about a millisecond.
const PER_COMMAND: usize = 8;
/// How many photos go before others have their turn.
const AT_A_TIME: usize = 32 * PER_COMMAND;

/// Removes photos that no enrolment has named for as long as such are kept, but only so many.
pub(super) async fn remove_some(engine: &Engine, now: Timestamp) -> Result<Part, EngineError> {
    let kept = SignedDuration::try_from(engine.orphan_photos()).unwrap_or(SignedDuration::MAX);
    // Kept for longer than there has been time.
    let Ok(until) = now.checked_sub(kept) else { return Ok(Part { count: 0, more: false }) };
    let orphans = engine.read_waiting(move |reader| reader.orphan_photos(until, AT_A_TIME)).await?;
    if orphans.is_empty() {
        return Ok(Part { count: 0, more: false });
    }
    let mut count = 0;
    for photos in orphans.chunks(PER_COMMAND) {
        count += remove(engine, photos, until).await?;
    }
    // Where none went, another node may have been faster.
    let moved_on = count > 0 || {
        let again = engine.read_waiting(move |reader| reader.orphan_photos(until, 1)).await?;
        again.first() != orphans.first()
    };
    if !moved_on {
        tracing::error!("photos that nobody has used were not removed; their queue is wrong");
    }
    Ok(Part { count, more: orphans.len() == AT_A_TIME && moved_on })
}

/// Removes these; tells how many went. Should one of them make no sense, the others still go: they
/// are then taken one by one.
async fn remove(engine: &Engine, photos: &[Id], until: Timestamp) -> Result<u64, EngineError> {
    match remove_all(engine, photos, until).await {
        Err(EngineError::Broken(_)) => {}
        outcome => return outcome,
    }
    let mut count = 0;
    for photo in photos {
        match remove_all(engine, &[*photo], until).await {
            Err(EngineError::Broken(error)) => {
                tracing::error!(%photo, error, "a photo that nobody has used cannot be removed");
            }
            outcome => count += outcome?,
        }
    }
    Ok(count)
}

async fn remove_all(engine: &Engine, photos: &[Id], until: Timestamp) -> Result<u64, EngineError> {
    let command = RemovePhotos { photos: photos.to_vec(), uploaded_until: until };
    match engine.submit_waiting(command, DEADLINE).await? {
        Ok(removed) => Ok(removed),
        Err(never) => match never {},
    }
}
