//! The orders a load consists of. Order `k` of a seed is always the same order, so nothing needs
//! to be remembered to send one again, or to ask afterwards whether it is there.

use std::io::Write as _;

use aws_lc_rs::hmac;
use serde::Deserialize;

/// Where the orders go: an activity and one of its projects.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Target {
    /// Whose money.
    pub(super) activity_no: String,
    /// Who receives it.
    pub(super) project_no: String,
}

/// Who calls.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Caller {
    /// Signs as this …
    pub(super) appid: String,
    /// … with this …
    pub(super) secret: String,
    /// … and pays by this.
    pub(super) bid: String,
}

/// What tells one load from another.
#[derive(Clone, Debug)]
pub(super) struct Orders {
    /// Keys, users and amounts follow from it.
    pub(super) seed: u64,
    /// How many different users.
    pub(super) users: u64,
    /// Where the orders go, evenly.
    pub(super) targets: Vec<Target>,
}

/// What differs from order to order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Order {
    /// Which of the targets.
    pub(super) target: usize,
    /// Which user; printed as ten digits.
    pub(super) user: u64,
    /// The key; printed as 32 hexadecimal digits.
    pub(super) key: u128,
    /// The amount in fen, three digits.
    pub(super) money: u32,
}

/// The moment every order names as its `reward_time`: it must be the same when one is sent again.
pub(super) const REWARD_TIME: &str = "2026-01-01 12:00:00";
/// The points every order names.
pub(super) const REWARD: u32 = 1_000;

impl Orders {
    /// Order `k`.
    pub(super) fn order(&self, k: u64) -> Order {
        let high = scatter(self.seed ^ scatter(k));
        let low = scatter(high ^ k);
        let rest = scatter(low);
        let targets = self.targets.len() as u64;
        Order {
            target: usize::try_from(rest % targets).expect("an index of a list"),
            user: (rest >> 16) % self.users,
            key: u128::from(high) << 64 | u128::from(low),
            money: 100 + u32::try_from((rest >> 8) % 900).expect("below 900"),
        }
    }
}

/// Spreads numbers evenly over 64 bits (the finalizer of splitmix64).
pub(super) fn scatter(number: u64) -> u64 {
    let mut bits = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// Requests, ready but for what differs: each field of fixed width is written into its place.
pub(super) struct Stamp {
    key: hmac::Key,
    requests: Vec<Request>,
    signed: Vec<u8>,
    signed_nonce: usize,
    signed_timestamp: usize,
}

struct Request {
    bytes: Vec<u8>,
    nonce: usize,
    timestamp: usize,
    signature: usize,
    transcode: usize,
    user: usize,
    money: usize,
}

const NONCE: &str = "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn";
const TIMESTAMP: &str = "tttttttttt";
const TRANSCODE: &str = "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk";
const USER: &str = "uuuuuuuuuu";
const MONEY: &str = "mmm";

impl Stamp {
    /// For requests to `host`, signed by `caller`.
    pub(super) fn new(host: &str, caller: &Caller, targets: &[Target]) -> Self {
        let Caller { appid, secret, bid } = caller;
        let signed = format!(
            "Gy-H-Api-Appid={appid}&Gy-H-Api-Nonce-Str={NONCE}&Gy-H-Api-Timestamp={TIMESTAMP}\
             &key={secret}"
        );
        let requests = targets.iter().map(|target| Request::new(host, appid, bid, target));
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()),
            requests: requests.collect(),
            signed_nonce: find(signed.as_bytes(), NONCE),
            signed_timestamp: find(signed.as_bytes(), TIMESTAMP),
            signed: signed.into_bytes(),
        }
    }

    /// Writes the request for `order` to `out`, signed at `timestamp` (ten digits) with `nonce`.
    pub(super) fn write(
        &mut self,
        order: &Order,
        nonce: u128,
        timestamp: &[u8; 10],
        out: &mut Vec<u8>,
    ) {
        let mut nonce_text = [0; 32];
        put(&mut nonce_text, format_args!("{nonce:032x}"));
        self.signed[self.signed_nonce..][..32].copy_from_slice(&nonce_text);
        self.signed[self.signed_timestamp..][..10].copy_from_slice(timestamp);
        let tag = hmac::sign(&self.key, &self.signed);

        let request = &self.requests[order.target];
        out.clear();
        out.extend_from_slice(&request.bytes);
        out[request.nonce..][..32].copy_from_slice(&nonce_text);
        out[request.timestamp..][..10].copy_from_slice(timestamp);
        hex_upper(tag.as_ref(), &mut out[request.signature..][..64]);
        put(&mut out[request.transcode..][..32], format_args!("{:032x}", order.key));
        put(&mut out[request.user..][..10], format_args!("{:010}", order.user));
        put(&mut out[request.money..][..3], format_args!("{:03}", order.money));
    }
}

impl Request {
    fn new(host: &str, appid: &str, bid: &str, target: &Target) -> Self {
        let text = |text: &str| serde_json::Value::from(text).to_string();
        let body = format!(
            "{{\"activity_no\":{},\"project_no\":{},\"third_uid\":\"user{USER}\",\
             \"reward\":{REWARD},\"reward_transcode\":\"{TRANSCODE}\",\
             \"reward_time\":\"{REWARD_TIME}\",\"money\":{MONEY},\"bid\":{}}}",
            text(&target.activity_no),
            text(&target.project_no),
            text(bid),
        );
        let signature = "s".repeat(64);
        let bytes = format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\nGy-H-Api-Appid: {appid}\r\n\
             Gy-H-Api-Timestamp: {TIMESTAMP}\r\nGy-H-Api-Nonce-Str: {NONCE}\r\n\
             Gy-H-Api-Sign: {signature}\r\n\r\n{body}",
            path = super::PATH,
            length = body.len(),
        )
        .into_bytes();
        // Each place is sought with what stands before it, so that no caller's name is mistaken.
        let head = bytes.len() - body.len();
        let timestamp = find(&bytes, &format!("Timestamp: {TIMESTAMP}")) + "Timestamp: ".len();
        let nonce = find(&bytes, &format!("Nonce-Str: {NONCE}")) + "Nonce-Str: ".len();
        Self {
            nonce,
            timestamp,
            signature: head - 4 - signature.len(),
            transcode: head + find(body.as_bytes(), &format!("e\":\"{TRANSCODE}")) + "e\":\"".len(),
            user: head + find(body.as_bytes(), &format!("user{USER}")) + "user".len(),
            money: head + find(body.as_bytes(), &format!("money\":{MONEY}")) + "money\":".len(),
            bytes,
        }
    }
}

fn find(bytes: &[u8], text: &str) -> usize {
    let mut windows = bytes.windows(text.len());
    windows.position(|window| window == text.as_bytes()).expect("the template has the place")
}

fn put(mut place: &mut [u8], text: std::fmt::Arguments<'_>) {
    place.write_fmt(text).expect("the text has the width of its place");
}

fn hex_upper(bytes: &[u8], place: &mut [u8]) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for (byte, digits) in bytes.iter().zip(place.chunks_exact_mut(2)) {
        digits[0] = DIGITS[usize::from(byte >> 4)];
        digits[1] = DIGITS[usize::from(byte & 15)];
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn orders() -> Orders {
        let target = |n: u32| Target { activity_no: n.to_string(), project_no: "p".into() };
        Orders { seed: 7, users: 50, targets: vec![target(1), target(2)] }
    }

    #[test]
    fn an_order_is_a_function_of_seed_and_number_and_no_key_comes_twice() {
        let keys: std::collections::HashSet<_> =
            (0..100_000).map(|k| orders().order(k).key).collect();
        assert_eq!(keys.len(), 100_000);
        assert_eq!(orders().order(42), orders().order(42));
        let other = Orders { seed: 8, ..orders() };
        assert_ne!(orders().order(42).key, other.order(42).key);
    }

    #[test]
    fn the_stamped_request_carries_the_contracts_signature_and_valid_json() {
        let caller = Caller {
            appid: "demo_app".into(),
            secret: "secret_0123456789".into(),
            bid: "b\"1".into(),
        };
        let mut stamp = Stamp::new("h:1", &caller, &orders().targets);
        let mut out = Vec::new();
        let order = orders().order(3);
        let nonce = 0x1a2b_3c4d_5e6f_7a8b_1a2b_3c4d_5e6f_7a8b;
        stamp.write(&order, nonce, b"1650812345", &mut out);
        let text = String::from_utf8(out).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"secret_0123456789");
        let signed = "Gy-H-Api-Appid=demo_app&Gy-H-Api-Nonce-Str=1a2b3c4d5e6f7a8b1a2b3c4d5e6f7a8b\
                      &Gy-H-Api-Timestamp=1650812345&key=secret_0123456789";
        let signature = hex::encode_upper(hmac::sign(&key, signed.as_bytes()));
        assert!(head.contains(&format!("Gy-H-Api-Sign: {signature}")), "{head}");
        assert!(head.contains("Gy-H-Api-Timestamp: 1650812345\r\n"));
        assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())));
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["bid"], "b\"1");
        assert_eq!(body["reward_transcode"], format!("{:032x}", order.key));
        assert_eq!(body["money"], order.money);
        assert_eq!(body["third_uid"], format!("user{:010}", order.user));
    }
}
