//! Trace ids: one for each request, in its answer and in every line of the log that is about it.

use std::fmt;
use std::hash::Hasher;
use std::sync::atomic::{AtomicU64, Ordering};

use http::HeaderMap;
use huodong_engine::Chance;
use siphasher::sip128::{Hasher128, SipHasher13};

/// A request's trace id: 32 lowercase hexadecimal digits, not all zero, as W3C Trace Context has
/// them.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceId([u8; 32]);

impl TraceId {
    /// As it travels.
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).expect("hexadecimal digits are ASCII")
    }

    /// The caller's trace id, where it sends a valid `traceparent` header.
    pub fn of_caller(headers: &HeaderMap) -> Option<Self> {
        let header = headers.get("traceparent")?.as_bytes();
        // version "-" trace-id "-" parent-id "-" flags; later versions may be longer.
        let is_hex = |part: &[u8]| part.iter().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'));
        let known = header.len() == 55 || (header.len() > 55 && header[55] == b'-');
        if !known || [header[2], header[35], header[52]] != *b"---" {
            return None;
        }
        let (version, parent) = (&header[..2], &header[36..52]);
        let trace_id: [u8; 32] = header[3..35].try_into().ok()?;
        let valid = is_hex(version)
            && version != b"ff"
            && (version != b"00" || header.len() == 55)
            && is_hex(&trace_id)
            && trace_id != [b'0'; 32]
            && is_hex(parent)
            && *parent != [b'0'; 16]
            && is_hex(&header[53..55]);
        valid.then_some(Self(trace_id))
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Makes trace ids: a counter through a hash under a random key, which costs no system call.
#[derive(Debug)]
pub struct TraceIds {
    key: [u8; 16],
    next: AtomicU64,
}

impl TraceIds {
    /// A new series.
    pub fn new(chance: Chance) -> Self {
        Self { key: chance.bytes(), next: AtomicU64::new(0) }
    }

    /// The caller's trace id, or a new one.
    pub fn of(&self, headers: &HeaderMap) -> TraceId {
        TraceId::of_caller(headers).unwrap_or_else(|| self.next())
    }

    /// A new one.
    pub fn next(&self) -> TraceId {
        let mut hasher = SipHasher13::new_with_key(&self.key);
        hasher.write_u64(self.next.fetch_add(1, Ordering::Relaxed));
        // The id must not be all zero; that this bit is lost matters to nobody.
        let bits = hasher.finish128().as_u128() | 1;
        let mut digits = [0; 32];
        hex::encode_to_slice(bits.to_be_bytes(), &mut digits).expect("16 bytes are 32 digits");
        TraceId(digits)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn caller(traceparent: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert("traceparent", traceparent.parse().expect("a header value"));
        TraceId::of_caller(&headers).map(|id| id.to_string())
    }

    #[test]
    fn trace_ids_are_32_lowercase_hex_digits_and_differ() {
        let ids = TraceIds::new(Chance);
        let made: HashSet<String> = (0..1000).map(|_| ids.next().to_string()).collect();
        assert_eq!(made.len(), 1000);
        let digit = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
        assert!(made.iter().all(|id| id.len() == 32 && id.bytes().all(digit)));
    }

    #[test]
    fn a_valid_traceparent_is_taken_over() {
        let id = "4bf92f3577b34da6a3ce929d0e0e4736";
        assert_eq!(caller(&format!("00-{id}-00f067aa0ba902b7-01")).as_deref(), Some(id));
        assert_eq!(caller(&format!("01-{id}-00f067aa0ba902b7-01-new")).as_deref(), Some(id));
    }

    #[test]
    fn an_invalid_traceparent_is_ignored() {
        let id = "4bf92f3577b34da6a3ce929d0e0e4736";
        for bad in [
            String::new(),
            id.to_owned(),
            format!("ff-{id}-00f067aa0ba902b7-01"),
            format!("00-{id}-00f067aa0ba902b7-01-more"),
            format!("00-{id}-0000000000000000-01"),
            format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)),
            format!("00-{}-00f067aa0ba902b7-01", id.to_uppercase()),
            format!("00_{id}_00f067aa0ba902b7_01"),
        ] {
            assert_eq!(caller(&bad), None, "{bad}");
        }
    }
}
