use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{CertId, Command, Id, Wanted, World};

/// The largest photo, in bytes.
pub const PHOTO_BYTES_MAX: usize = 2 * 1024 * 1024;

/// What a photo's content is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PhotoFormat {
    /// JPEG.
    Jpeg,
    /// PNG.
    Png,
    /// BMP.
    Bmp,
}

/// A photo an initiator has uploaded. Its content lies beside it, once for all photos that have the
/// same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Photo {
    /// Its number, by which its initiator names it.
    pub id: Id,
    /// Whose it is; to anybody else it is unknown.
    pub cert_id: CertId,
    /// SHA-256 of its content.
    pub sha256: [u8; 32],
    /// What its content is.
    pub format: PhotoFormat,
    /// How long its content is.
    pub bytes: u32,
    /// Its file name, as the initiator gave it.
    pub name: Box<str>,
    /// What it shows, in the initiator's words (the vendor's picType).
    pub pic_type: Box<str>,
    /// The initiator's number for what it belongs to (the vendor's sysFlowId).
    pub flow_id: Box<str>,
    /// When it was uploaded.
    pub uploaded_at: Timestamp,
    /// Whether an enrolment, whatever became of it, names it.
    pub used: bool,
}

/// The content of a photo of this batch.
#[derive(Clone, PartialEq, Eq)]
pub struct PhotoContent {
    /// Its SHA-256.
    pub sha256: [u8; 32],
    /// The bytes.
    pub content: Arc<[u8]>,
}

impl std::fmt::Debug for PhotoContent {
    /// Two million numbers help nobody.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PhotoContent").field("bytes", &self.content.len()).finish_non_exhaustive()
    }
}

/// Why a photo was not stored.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PhotoRefusal {
    /// The initiator is not let in.
    #[error("the initiator is unknown")]
    UnknownInitiator,
    /// There is nothing in it, or too much.
    #[error("a photo has 1 to {PHOTO_BYTES_MAX} bytes")]
    Size,
}

/// Keeps a photo.
#[derive(Clone)]
pub struct StorePhoto {
    /// Whose it is.
    pub cert_id: CertId,
    /// SHA-256 of its content. The caller has computed it.
    pub sha256: [u8; 32],
    /// What its content is. The caller has looked.
    pub format: PhotoFormat,
    /// Its file name.
    pub name: Box<str>,
    /// What it shows.
    pub pic_type: Box<str>,
    /// The initiator's number for what it belongs to.
    pub flow_id: Box<str>,
    /// Its content.
    pub content: Arc<[u8]>,
}

impl std::fmt::Debug for StorePhoto {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StorePhoto")
            .field("cert_id", &self.cert_id)
            .field("name", &self.name)
            .field("bytes", &self.content.len())
            .finish_non_exhaustive()
    }
}

impl Command for StorePhoto {
    type Done = Photo;
    type Refusal = PhotoRefusal;

    fn wants<'a>(&'a self, wanted: &mut Wanted<'a>) {
        wanted.initiators.insert(&self.cert_id);
    }

    fn bytes(&self) -> usize {
        self.content.len()
    }

    fn decide(&self, world: &mut World) -> Result<Photo, PhotoRefusal> {
        if !crate::initiator::is_active(world, &self.cert_id) {
            return Err(PhotoRefusal::UnknownInitiator);
        }
        let size = Some(self.content.len()).filter(|size| (1..=PHOTO_BYTES_MAX).contains(size));
        let bytes = size.and_then(|size| u32::try_from(size).ok()).ok_or(PhotoRefusal::Size)?;
        let photo = Photo {
            id: world.take_id(),
            cert_id: self.cert_id.clone(),
            sha256: self.sha256,
            format: self.format,
            bytes,
            name: self.name.clone(),
            pic_type: self.pic_type.clone(),
            flow_id: self.flow_id.clone(),
            uploaded_at: world.now,
            used: false,
        };
        world.photos.insert(photo.id, photo.clone());
        let content = PhotoContent { sha256: self.sha256, content: Arc::clone(&self.content) };
        world.photo_contents.push(content);
        Ok(photo)
    }
}

/// Removes photos that no enrolment names, with their contents where no other photo has the same.
/// Done tells how many went; others are left alone, so asking twice does no harm.
#[derive(Clone, Debug)]
pub struct RemovePhotos {
    /// Which.
    pub photos: Vec<Id>,
    /// Only those that were uploaded at this moment or before it.
    pub uploaded_until: Timestamp,
}

impl Command for RemovePhotos {
    type Done = u64;
    type Refusal = std::convert::Infallible;

    fn wants<'a>(&'a self, wanted: &mut Wanted<'a>) {
        wanted.photos.extend(&self.photos);
    }

    fn decide(&self, world: &mut World) -> Result<u64, Self::Refusal> {
        let mut removed = 0;
        for id in &self.photos {
            let orphan = world
                .photos
                .get(id)
                .is_some_and(|photo| !photo.used && photo.uploaded_at <= self.uploaded_until);
            if orphan && let Some(photo) = world.photos.remove(id) {
                world.removed_photos.push(photo);
                removed += 1;
            }
        }
        Ok(removed)
    }
}
