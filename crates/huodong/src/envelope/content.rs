//! What is encrypted under the content key, or why it does not open.

use aws_lc_rs::cipher::{AES_128, DecryptingKey, DecryptionContext, UnboundCipherKey};
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use huodong_wire::ysepay::{Charset, ContentKey};

/// A block of AES, in bytes.
const BLOCK: usize = 16;

/// What it is when only the first block comes out right.
const FEEDBACK: &str =
    "CBC with an IV of zeros was used, or another mode with feedback: it must be ECB";

/// Which step failed, and what is usually the cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unopened {
    pub(super) fault: String,
    pub(super) causes: Vec<&'static str>,
}

/// Decrypts `bizContent` or `businessData`.
pub(super) fn open(encrypted: &str, key: &ContentKey) -> Result<Vec<u8>, Unopened> {
    key.decrypt(encrypted).map_err(|_| diagnose(encrypted, key))
}

fn diagnose(encrypted: &str, key: &ContentKey) -> Unopened {
    let in_hex = hex::decode(encrypted.trim()).map(|bytes| BASE64_STANDARD.encode(bytes));
    if in_hex.is_ok_and(|right| key.decrypt(&right).is_ok()) {
        let causes = vec!["it decrypts once it is read as hex: it must be written in base64"];
        return Unopened { fault: "it is hex, not base64".to_owned(), causes };
    }
    let compact: String = encrypted.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let padded = match compact.len() % 4 {
        0 => compact,
        missing => format!("{compact}{}", "=".repeat(4 - missing)),
    };
    let Ok(bytes) = BASE64_STANDARD.decode(padded) else {
        return Unopened {
            fault: "it is not base64".to_owned(),
            causes: vec![
                "it was written in the URL-safe alphabet of base64, or was cut off on the way",
                "it is the plain content: it was not encrypted",
            ],
        };
    };
    if bytes.is_empty() || bytes.len() % BLOCK != 0 {
        return Unopened {
            fault: format!("its {} bytes are no whole number of AES blocks", bytes.len()),
            causes: vec![
                "a mode that needs no blocks was used (CTR, GCM); it must be ECB with PKCS#7 padding",
                "the bytes were converted to text and back before they were written in base64",
            ],
        };
    }
    let fault = "it does not decrypt: the padding is wrong".to_owned();
    if let Some(seeded) = seeded(key)
        && seeded.decrypt(encrypted).is_ok_and(|text| is_text(&text))
    {
        let cause = "the content key was made the seed of SHA1PRNG (Java's KeyGenerator with a seeded \
                     SecureRandom): use its 16 bytes as the AES key, with SecretKeySpec";
        return Unopened { fault, causes: vec![cause] };
    }
    let causes = match blocks(&bytes, key) {
        Some(plain) if is_text(&plain) => {
            vec!["it was padded otherwise than PKCS#7 has it: with zeros or blanks, say"]
        }
        Some(plain) if is_text(&plain[..BLOCK]) => vec![FEEDBACK],
        _ => vec![
            "it was encrypted under another key than the one in check",
            "CBC was used with an IV, or SM4 in place of AES: the content stays AES-128-ECB-PKCS7 in \
             国密 mode too",
        ],
    };
    Unopened { fault, causes }
}

/// What Java's SHA1PRNG makes of a seed: the AES key of many callers, by mistake.
fn seeded(key: &ContentKey) -> Option<ContentKey> {
    let once = digest(&SHA1_FOR_LEGACY_USE_ONLY, key.bytes());
    let twice = digest(&SHA1_FOR_LEGACY_USE_ONLY, once.as_ref());
    Some(ContentKey::new(twice.as_ref().get(..BLOCK)?.try_into().ok()?))
}

/// Decrypted, whatever it is padded with.
fn blocks(bytes: &[u8], key: &ContentKey) -> Option<Vec<u8>> {
    let key = UnboundCipherKey::new(&AES_128, key.bytes()).ok()?;
    let key = DecryptingKey::ecb(key).ok()?;
    let mut plain = bytes.to_vec();
    key.decrypt(&mut plain, DecryptionContext::None).ok()?;
    Some(plain)
}

/// Whether it may be the beginning of a content, or all of it: text with nothing unprintable but
/// padding of zeros.
fn is_text(bytes: &[u8]) -> bool {
    let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    // A character may be cut off at the end.
    let whole = match std::str::from_utf8(&bytes[..end]) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return false,
    };
    !whole.is_empty() && !whole.chars().any(|c| c.is_control() && !c.is_whitespace())
}

/// A decrypted content's text in this charset, or what it is instead.
pub(super) fn text(content: &[u8], charset: Charset) -> Result<String, Unopened> {
    if let Some(text) = charset.decode(content) {
        return Ok(text.into_owned());
    }
    let decoded = |other: &Charset| other.decode(content).is_some();
    if content.len() > BLOCK && is_text(&content[..BLOCK]) && !is_text(&content[BLOCK..]) {
        let garbled = Charset::ALL.iter().find(|other| decoded(other)).is_none();
        if garbled {
            let fault = "it decrypts, but only its first block is text".to_owned();
            return Err(Unopened { fault, causes: vec![FEEDBACK] });
        }
    }
    Err(match Charset::ALL.into_iter().find(decoded) {
        Some(other) => Unopened {
            fault: format!("it decrypts, but is no text in {charset}; it is one in {other}"),
            causes: vec!["charset says one encoding and the content is in another"],
        },
        None => Unopened {
            fault: format!("it decrypts, but is no text in {charset}, nor in any other charset"),
            causes: vec![
                "it was encrypted under another key, whose padding happened to look right",
            ],
        },
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use aws_lc_rs::cipher::EncryptingKey;

    use super::*;

    const KEY: ContentKey = ContentKey::new(*b"0123456789abcdef");
    const CONTENT: &[u8] = br#"{"userId":"2088","merchantId":"12"}"#;

    fn causes(encrypted: &str) -> String {
        open(encrypted, &KEY).unwrap_err().causes.join("; ")
    }

    fn raw(plain: &[u8]) -> Vec<u8> {
        let key = UnboundCipherKey::new(&AES_128, KEY.bytes()).unwrap();
        let mut text = plain.to_vec();
        EncryptingKey::ecb(key).unwrap().encrypt(&mut text).unwrap();
        text
    }

    #[test]
    fn what_opens_is_what_was_sealed() {
        assert_eq!(open(&KEY.encrypt(CONTENT), &KEY).unwrap(), CONTENT);
    }

    #[test]
    fn the_usual_mistakes_are_recognised() {
        let sealed = BASE64_STANDARD.decode(KEY.encrypt(CONTENT)).unwrap();
        assert!(causes(&hex::encode(sealed)).contains("read as hex"));
        assert!(causes(&String::from_utf8_lossy(CONTENT)).contains("not encrypted"));
        assert!(causes(&BASE64_STANDARD.encode(CONTENT)).contains("CTR, GCM"));
        let other = ContentKey::new(*b"fedcba9876543210");
        assert!(causes(&other.encrypt(CONTENT)).contains("another key than the one in check"));
        let seeded = seeded(&KEY).unwrap();
        assert!(causes(&seeded.encrypt(CONTENT)).contains("SHA1PRNG"));
        let mut zeros = CONTENT.to_vec();
        zeros.resize(48, 0);
        assert!(causes(&BASE64_STANDARD.encode(raw(&zeros))).contains("with zeros"));
        assert!(causes(&chained(&zeros[..32])).contains("IV of zeros"));
        // One time in 256 the padding looks right.
        let lucky = open(&chained(&zeros), &KEY).unwrap();
        assert!(text(&lucky, Charset::Utf8).unwrap_err().causes.contains(&FEEDBACK));
    }

    /// In CBC mode with an IV of zeros.
    fn chained(plain: &[u8]) -> String {
        let mut chained = Vec::new();
        for block in plain.chunks(BLOCK) {
            let before = chained.len().checked_sub(BLOCK).map(|at| chained[at..].to_vec());
            let before = before.unwrap_or_else(|| vec![0; BLOCK]);
            let mixed: Vec<u8> = block.iter().zip(before).map(|(a, b)| a ^ b).collect();
            chained.extend(raw(&mixed));
        }
        BASE64_STANDARD.encode(chained)
    }

    #[test]
    fn a_content_in_another_charset_is_recognised() {
        let gbk = Charset::Gbk.encode("张三").unwrap().into_owned();
        assert_eq!(text(&gbk, Charset::Gbk).unwrap(), "张三");
        assert!(text(&gbk, Charset::Utf8).unwrap_err().fault.contains("it is one in gbk"));
        assert!(text(&[0xff], Charset::Utf8).unwrap_err().fault.contains("nor in any other"));
    }
}
