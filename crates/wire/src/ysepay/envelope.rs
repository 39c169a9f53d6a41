//! What is encrypted: the content key in `check`, and the content under it in `bizContent`.

use subtle::Choice;

use super::{CannotOpen, ContentKey, PrivateKey, PublicKey};

/// A request's content, opened.
#[derive(Clone, Debug)]
pub struct Opened {
    /// The key it was encrypted under, for the answer.
    pub key: ContentKey,
    /// The content, in the request's charset.
    pub content: Vec<u8>,
}

/// A request's content, sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// The field `check`.
    pub check: String,
    /// The field `bizContent`.
    pub biz_content: String,
}

/// Opens a request with whichever of these keys its `check` was sealed for.
///
/// Every key is tried every time, and where none fits the content is decrypted under a key that is
/// made up, so that neither the answer nor the time it takes tells how far a forger came. With
/// three keys it therefore takes thrice as long as with one.
///
/// # Errors
/// `check` or the content cannot be opened; [`CannotOpen`] does not say which, or why.
pub fn open<'a>(
    keys: impl IntoIterator<Item = &'a PrivateKey>,
    check: &str,
    biz_content: &str,
) -> Result<Opened, CannotOpen> {
    let mut found: Option<(ContentKey, Choice)> = None;
    for key in keys {
        let (candidate, genuine) = key.open_check(check);
        match &mut found {
            None => found = Some((candidate, genuine)),
            Some((chosen, before)) => {
                chosen.conditional_assign(&candidate, genuine & !*before);
                *before |= genuine;
            }
        }
    }
    let (key, _) = found.ok_or(CannotOpen)?;
    let content = key.decrypt(biz_content)?;
    Ok(Opened { key, content })
}

/// Seals a content under a content key, and that for the gateway.
///
/// `random` fills bytes with random numbers that nobody can guess; see [`PublicKey::seal_check`].
pub fn seal(
    content: &[u8],
    key: &ContentKey,
    to: &PublicKey,
    random: &mut dyn FnMut(&mut [u8]),
) -> Sealed {
    Sealed { check: to.seal_check(key, random), biz_content: key.encrypt(content) }
}
