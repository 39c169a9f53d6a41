//! Base64 as this vendor's callers write it.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

const ENGINE: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

pub(super) fn encode(bytes: &[u8]) -> String {
    ENGINE.encode(bytes)
}

/// Reads the standard alphabet. Old Java encoders break lines, and some leave the padding out.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let breaks = |byte: u8| matches!(byte, b'\r' | b'\n');
    if text.bytes().any(breaks) {
        let joined: Vec<u8> = text.bytes().filter(|byte| !breaks(*byte)).collect();
        ENGINE.decode(joined).ok()
    } else {
        ENGINE.decode(text).ok()
    }
}
