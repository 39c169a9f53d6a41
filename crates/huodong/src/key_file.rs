//! Keys from files, whichever kind of file it is.

use std::path::Path;

use huodong_wire::ysepay::{KeyError, PrivateKey, PublicKey};

use crate::failure::{Context as _, Failure};

/// Where the password of a key file is taken from, unless it is given.
pub(crate) const PASSWORD_VARIABLE: &str = "HUODONG_KEY_PASSWORD";

/// A private key: PEM, DER, PKCS#12 or .sm2.
pub(crate) fn private(path: &Path, password: Option<&str>) -> Result<PrivateKey, Failure> {
    let file = read(path)?;
    PrivateKey::read(&file, password).map_err(|error| hinted(path, &error))
}

/// A public key: PEM or DER, alone or in a certificate; or the public half of a private key.
pub(crate) fn public(path: &Path, password: Option<&str>) -> Result<PublicKey, Failure> {
    let file = read(path)?;
    let read = match std::str::from_utf8(&file) {
        Ok(text) if text.contains("-----BEGIN ") => PublicKey::from_pem(text),
        _ => PublicKey::from_der(&file),
    };
    read.or_else(|error| match PrivateKey::read(&file, password) {
        Ok(key) => Ok(key.public().clone()),
        Err(locked @ (KeyError::PasswordMissing | KeyError::WrongPassword)) => Err(locked),
        // What is neither is told of as the public key it was to be.
        Err(_) => Err(error),
    })
    .map_err(|error| hinted(path, &error))
}

pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).cannot(format_args!("read {}", path.display()))
}

pub(crate) fn hinted(path: &Path, error: &KeyError) -> Failure {
    let hint = match error {
        KeyError::PasswordMissing => {
            format!("; give it by --password or in {PASSWORD_VARIABLE}")
        }
        _ => String::new(),
    };
    Failure::new(format!("cannot use the key in {}: {error}{hint}", path.display()))
}
