//! Random texts as vendors want them: short, of letters and digits.

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A nonce in hex, written with so many letters and digits: at most 21, which hold what 32 hex
/// digits do. Other nonces are returned as they are, but no longer than that.
pub(crate) fn shortened(nonce: String, chars: usize) -> String {
    let Ok(mut number) = u128::from_str_radix(&nonce, 16) else {
        return nonce.chars().take(chars).collect();
    };
    let mut letter = || {
        let at = usize::try_from(number % 62).unwrap_or_default();
        number /= 62;
        char::from(ALPHABET[at])
    };
    (0..chars).map(|_| letter()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_so_many_letters_and_digits() {
        for chars in [12, 20] {
            let short = |nonce: String| shortened(nonce, chars);
            let (one, other) = (short("f".repeat(32)), short(format!("{}e", "f".repeat(31))));
            assert_ne!(one, other);
            for nonce in [one, other, short("0".repeat(32))] {
                assert_eq!(nonce.len(), chars);
                assert!(nonce.bytes().all(|byte| byte.is_ascii_alphanumeric()));
            }
            assert_eq!(short("not-hex".to_owned()), "not-hex");
            assert_eq!(short("not-hex".repeat(3)).len(), chars);
        }
    }
}
