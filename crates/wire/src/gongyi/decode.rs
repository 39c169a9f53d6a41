use super::{Code, Request};
use crate::decode::{DecodeError, read};

impl From<&DecodeError> for Code {
    /// The code it is answered with.
    fn from(error: &DecodeError) -> Self {
        match error {
            DecodeError::NotJson => Self::BodyUnreadable,
            DecodeError::Field { .. } => Self::InvalidRequest,
        }
    }
}

/// Reads a request. Unknown fields are ignored.
pub fn decode<'de, R: Request<'de>>(body: &'de [u8]) -> Result<R, DecodeError> {
    let request: R = read(body)?;
    request.check()?;
    Ok(request)
}
