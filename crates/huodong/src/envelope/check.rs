//! `check`: what is in it, or why it does not open.

use huodong_wire::ysepay::{CheckFault, ContentKey, Layout, Mode};

use super::keyring::Named;
use huodong_wire::ysepay::PrivateKey;

/// A content key that was in a `check`.
pub(super) struct Found {
    pub(super) key: ContentKey,
    /// The key that opened `check`.
    pub(super) by: String,
    pub(super) mode: Mode,
    /// How that was laid out.
    pub(super) layout: Layout,
}

/// Why no key opened it, and what is usually the cause.
pub(super) struct Unopened {
    /// What each key found.
    pub(super) faults: Vec<String>,
    pub(super) causes: Vec<&'static str>,
}

/// Opens a `check` with whichever key fits.
pub(super) fn open(check: &str, keys: &[Named<PrivateKey>]) -> Result<Found, Unopened> {
    let mut faults = Vec::new();
    for Named { name, key, .. } in keys {
        match key.examine_check(check) {
            Ok((found, layout)) => {
                let (by, mode) = (format!("{name} ({})", key.mode()), key.mode());
                return Ok(Found { key: found, by, mode, layout });
            }
            Err(fault) => faults.push((name, key.mode(), fault)),
        }
    }
    let causes = causes(&faults.iter().map(|(_, mode, fault)| (*mode, *fault)).collect::<Vec<_>>());
    let told = faults.iter().map(|(name, mode, fault)| format!("{name} ({mode}): {fault}"));
    Err(Unopened { faults: told.collect(), causes })
}

/// The closest any key came decides.
fn causes(faults: &[(Mode, CheckFault)]) -> Vec<&'static str> {
    let any = |wanted: fn(&CheckFault) -> bool| faults.iter().any(|(_, fault)| wanted(fault));
    if faults.is_empty() {
        return vec![
            "no private key of the gateway is at hand: give it by --gateway-key, or the \
                     content key by --content-key",
        ];
    }
    if any(|fault| matches!(fault, CheckFault::NotBase64)) {
        return vec![
            "it was written in hex, or in the URL-safe alphabet of base64",
            "it was cut off on the way, or percent-encoded twice",
        ];
    }
    if any(|fault| matches!(fault, CheckFault::NoContentKey(24))) {
        return vec![
            "the key was written in base64 and that text was encrypted: encrypt its 16 bytes",
        ];
    }
    if any(|fault| matches!(fault, CheckFault::NoContentKey(32))) {
        return vec!["the key was written in hex, or is an AES-256 key: encrypt 16 bytes"];
    }
    if any(|fault| matches!(fault, CheckFault::NoContentKey(_))) {
        return vec!["something else than the 16 bytes of an AES-128 key was encrypted"];
    }
    if any(|fault| matches!(fault, CheckFault::NotOnCurve)) {
        return vec![
            "C1 begins elsewhere: a byte in front of it that is not 04, or a layout that is none of \
             DER, C1C3C2 and C1C2C3",
            "it was made on another curve than SM2's",
        ];
    }
    if any(|fault| matches!(fault, CheckFault::OtherKey | CheckFault::Padding)) {
        return vec![
            "it was encrypted for another key: the caller's own in place of the gateway's, or the \
             gateway's of another environment, or one that was replaced",
            "RSA: it was padded with OAEP; the gateway wants PKCS#1 v1.5",
            "it was damaged on the way",
        ];
    }
    vec![
        "it was encrypted for a key of the other mode, or of another length: which mode applies is a \
         property of the certId",
        "the bytes were converted to text and back before they were written in base64",
    ]
}

/// A layout in words.
pub(super) fn layout(layout: Layout) -> &'static str {
    match layout {
        Layout::Rsa => "PKCS#1 v1.5",
        Layout::Der => "DER{x, y, C3, C2}",
        Layout::C1C3C2 { prefixed: true } => "04 C1 C3 C2",
        Layout::C1C3C2 { prefixed: false } => "C1 C3 C2 without 04",
        Layout::C1C2C3 { prefixed: true } => "04 C1 C2 C3, the older order",
        Layout::C1C2C3 { prefixed: false } => "C1 C2 C3 without 04, the older order",
        Layout::Raw => "r ‖ s",
    }
}
