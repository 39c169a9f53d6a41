//! A signature that does not verify: what callers usually get wrong, tried one after the other.

use aws_lc_rs::signature::{RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY, UnparsedPublicKey};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use huodong_wire::ysepay::{Empty, Mode, PublicKey};

use super::captured::Captured;
use super::keyring::Named;

/// A string that may have been signed by mistake, and the mistake.
struct Guess {
    mistake: String,
    string: String,
}

/// The mistake that explains a signature, where it is one of the usual ones.
pub(super) fn explain(
    captured: &Captured,
    keys: &[Named<PublicKey>],
    content: Option<&str>,
) -> Option<String> {
    let sign = captured.fields.get("sign")?;
    let right = captured.fields.string_to_sign(Empty::Skipped);
    let cert_id = captured.fields.get("certId").unwrap_or_default();
    for Named { name, key, .. } in keys {
        if let Some(mistake) = otherwise(key, &right, sign, cert_id) {
            return Some(format!("{mistake}, with {name}"));
        }
    }
    for guess in guesses(captured, content) {
        for Named { name, key, .. } in keys {
            if key.verify(guess.string.as_bytes(), sign) {
                return Some(format!("{}, with {name}", guess.mistake));
            }
        }
    }
    None
}

/// The right string, signed by another rule.
fn otherwise(key: &PublicKey, string: &str, sign: &str, cert_id: &str) -> Option<&'static str> {
    let message = string.as_bytes();
    if let Ok(bytes) = hex::decode(sign.trim())
        && key.verify(message, &BASE64_STANDARD.encode(bytes))
    {
        return Some("sign is right, and written in hex; it must be base64");
    }
    match key.mode() {
        Mode::Sm2 => {
            if key.verify_under_id(message, sign, "") {
                return Some(
                    "it was made under the empty user id, as OpenSSL does it unless told (distid); \
                     it must be 1234567812345678",
                );
            }
            if key.verify_under_id(message, sign, cert_id) {
                return Some(
                    "it was made under the certId as user id; it must be 1234567812345678",
                );
            }
            key.verify_hashed_twice(message, sign).then_some(
                "the string was hashed with SM3 before it was signed, which hashes it again",
            )
        }
        Mode::Rsa => {
            let signature = BASE64_STANDARD.decode(sign.trim()).ok()?;
            let der = key.to_der();
            let sha1 = &RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY;
            let verified = UnparsedPublicKey::new(sha1, der).verify(message, &signature);
            verified.is_ok().then_some("it was made with SHA1withRSA; it must be SHA256withRSA")
        }
    }
}

fn guesses(captured: &Captured, content: Option<&str>) -> Vec<Guess> {
    let signed: Vec<(&str, &str)> = captured
        .order
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .filter(|(name, value)| !matches!(*name, "sign" | "file") && !value.is_empty())
        .collect();
    let mut sorted = signed.clone();
    sorted.sort_unstable();
    let mut guesses = Vec::new();
    let mut guess = |mistake: &str, string: String| {
        guesses.push(Guess { mistake: mistake.to_owned(), string });
    };
    guess("the fields were not sorted, but signed in the order they came", joined(&signed));
    let mut folded = signed.clone();
    folded.sort_by_key(|(name, _)| name.to_ascii_lowercase());
    guess("the fields were sorted without regard to case: sort by their bytes", joined(&folded));
    let encoded: Vec<(&str, String)> = sorted
        .iter()
        .map(|(name, value)| {
            (*name, form_urlencoded::byte_serialize(value.as_bytes()).collect::<String>())
        })
        .collect();
    let percent = |blank: &str| {
        let pairs =
            encoded.iter().map(|(name, value)| format!("{name}={}", value.replace('+', blank)));
        pairs.collect::<Vec<_>>().join("&")
    };
    guess("the values were percent-encoded before they were signed", percent("+"));
    guess("the values were percent-encoded before they were signed", percent("%20"));
    let blanks: Vec<(&str, String)> =
        sorted.iter().map(|(name, value)| (*name, value.replace('+', " "))).collect();
    guess("the signed values had blanks in place of +", joined(&blanks));
    guess("the string ended with &", format!("{}&", joined(&sorted)));
    guess("the string ended with a line's end", format!("{}\n", joined(&sorted)));
    let mut with_sign = sorted.clone();
    with_sign.push(("sign", ""));
    with_sign.sort_unstable();
    guess("the string had sign= in it", joined(&with_sign));
    let values: String = sorted.iter().map(|(_, value)| *value).collect();
    guess("only the values were signed, without their names", values);
    if let Some(content) = content {
        let plain: Vec<_> = sorted
            .iter()
            .map(|(name, value)| (*name, if *name == "bizContent" { content } else { value }))
            .collect();
        guess(
            "the content was signed before it was encrypted: sign bizContent as it is sent",
            joined(&plain),
        );
        guess("only the content was signed", content.to_owned());
    }
    for (left_out, _) in &sorted {
        let rest: Vec<_> = sorted.iter().filter(|(name, _)| name != left_out).copied().collect();
        guess(
            &format!("{left_out} was left out of the string, or added after signing"),
            joined(&rest),
        );
    }
    guesses
}

fn joined<V: AsRef<str>>(pairs: &[(&str, V)]) -> String {
    let pairs = pairs.iter().map(|(name, value)| format!("{name}={}", value.as_ref()));
    pairs.collect::<Vec<_>>().join("&")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use huodong_wire::ysepay::PrivateKey;

    use super::super::keyring::Whose;

    use super::*;

    const UNSIGNED: &str =
        r#""version":"1.0","certId":"8","Extra":"a b+c","bizContent":"x","n":"""#;

    const RIGHT: &str = "Extra=a b+c&bizContent=x&certId=8&version=1.0";

    fn explained(string: &str) -> Option<String> {
        let key = PrivateKey::from_sm2_number(&[7; 32]).unwrap();
        explained_as(&key.sign(string.as_bytes()))
    }

    fn explained_as(sign: &str) -> Option<String> {
        let key = PrivateKey::from_sm2_number(&[7; 32]).unwrap();
        let message = format!("{{{UNSIGNED},\"sign\":\"{sign}\"}}");
        let captured = Captured::read(message.as_bytes()).unwrap();
        let key = key.public().clone();
        let named = Named { whose: Whose::Somebody, name: "K".to_owned(), key };
        explain(&captured, &[named], Some("{}"))
    }

    #[test]
    fn each_of_the_usual_mistakes_is_named() {
        for (string, mistake) in [
            ("version=1.0&certId=8&Extra=a b+c&bizContent=x", "not sorted"),
            ("bizContent=x&certId=8&Extra=a b+c&version=1.0", "without regard to case"),
            ("Extra=a+b%2Bc&bizContent=x&certId=8&version=1.0", "percent-encoded"),
            ("Extra=a%20b%2Bc&bizContent=x&certId=8&version=1.0", "percent-encoded"),
            ("Extra=a b c&bizContent=x&certId=8&version=1.0", "blanks in place of +"),
            ("Extra=a b+c&bizContent=x&certId=8&version=1.0&", "ended with &"),
            ("Extra=a b+c&bizContent=x&certId=8&version=1.0\n", "with a line's end"),
            ("Extra=a b+c&bizContent=x&certId=8&sign=&version=1.0", "had sign= in it"),
            ("a b+cx81.0", "only the values"),
            ("Extra=a b+c&bizContent={}&certId=8&version=1.0", "before it was encrypted"),
            ("{}", "only the content"),
            ("Extra=a b+c&bizContent=x&version=1.0", "certId was left out"),
        ] {
            let told = explained(string).unwrap_or_else(|| panic!("{string} is not explained"));
            assert!(told.contains(mistake) && told.ends_with(", with K"), "{told}");
        }
        assert_eq!(explained("something else"), None);
    }

    #[test]
    fn a_right_signature_in_hex_is_known_for_one() {
        let key = PrivateKey::from_sm2_number(&[7; 32]).unwrap();
        let sign = BASE64_STANDARD.decode(key.sign(RIGHT.as_bytes())).unwrap();
        let told = explained_as(&hex::encode(sign)).unwrap();
        assert!(told.contains("written in hex"), "{told}");
    }
}
