use std::sync::LazyLock;

use huodong_wire::ysepay::{
    ContentKey, Empty, Fields, Mode, PrivateKey, PublicKey, ReceivedReply, open, seal,
};

pub(super) const WORDS: &[&str] = &[
    "{",
    "}",
    "\"",
    ":",
    ",",
    "=",
    "+",
    "/",
    "AAAA",
    "MH",
    "\"check\":\"",
    "\"bizContent\":\"",
    "\"sign\":\"",
    "\"businessData\":\"",
    "-----BEGIN PUBLIC KEY-----\n",
    "-----END PUBLIC KEY-----\n",
];

/// The gateway's keys, of both modes. They protect nothing.
static KEYS: LazyLock<[PrivateKey; 2]> = LazyLock::new(|| {
    [include_str!("../keys/rsa.pem"), include_str!("../keys/sm2.pem")]
        .map(|pem| PrivateKey::from_pem(pem).expect("the keys are good"))
});

/// A body with an envelope in it; or what an envelope is made of: a `check`, a content, a
/// signature, a key.
pub fn envelope(input: &[u8]) {
    if let Ok(fields) = Fields::from_json(input) {
        let text = |name| fields.get(name).unwrap_or_default();
        opens(text("check"), text("bizContent"));
        for key in KEYS.iter() {
            _ = fields.verify(key.public());
        }
    }
    let encoded = ContentKey::new([7; 16]).encrypt(input);
    opens(&in_base64(input), &encoded);
    signs(input);
    comes_back(input);
    reads_keys(input);
    if let Ok(reply) = ReceivedReply::read(input) {
        _ = reply.open(&ContentKey::new([7; 16]));
        _ = reply.verify(KEYS[1].public());
    }
}

/// Whatever it is, it opens always alike: what does not open does not open by chance either.
fn opens(check: &str, content: &str) {
    for key in KEYS.iter() {
        let [first, second] = [(); 2].map(|()| open([key], check, content));
        match (first, second) {
            (Ok(first), Ok(second)) => {
                assert_eq!(
                    (first.key.bytes(), first.content),
                    (second.key.bytes(), second.content)
                );
            }
            (Err(_), Err(_)) => {}
            _ => panic!("it opened once of twice"),
        }
    }
}

/// What is no signature verifies nothing; what is, verifies its message and no other.
fn signs(input: &[u8]) {
    let key = &KEYS[1];
    assert_eq!(key.mode(), Mode::Sm2);
    assert!(!key.public().verify(b"never signed", &in_base64(input)));
    let signature = key.sign(input);
    assert!(key.public().verify(input, &signature));
    assert!(!key.public().verify(&[input, b"x"].concat(), &signature));
}

/// What was sealed is opened.
fn comes_back(input: &[u8]) {
    let mut seed = input.iter().fold(1_u64, |sum, byte| sum.wrapping_mul(31) + u64::from(*byte));
    let mut random = |bytes: &mut [u8]| {
        for byte in bytes {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            *byte = seed.to_be_bytes()[0];
        }
    };
    let content_key = ContentKey::from_random(*b"0123456789abcdef");
    for key in KEYS.iter() {
        let sealed = seal(input, &content_key, key.public(), &mut random);
        let opened = open(
            KEYS.iter().filter(|it| it.mode() == key.mode()),
            &sealed.check,
            &sealed.biz_content,
        );
        let opened = opened.expect("what was sealed is opened");
        assert_eq!((opened.key.bytes(), &*opened.content), (content_key.bytes(), input));
    }
}

/// A key that is read is written and read again as the same.
fn reads_keys(input: &[u8]) {
    if let Ok(key) = PublicKey::from_der(input) {
        assert_eq!(PublicKey::from_der(&key.to_der()), Ok(key));
    }
    if let Ok(key) = PrivateKey::from_der(input) {
        let again = PrivateKey::from_pem(&key.to_pem());
        assert_eq!(again.as_ref().map(PrivateKey::public), Ok(key.public()));
    }
    if let Ok(text) = std::str::from_utf8(input) {
        _ = PublicKey::from_pem(text);
        _ = PrivateKey::from_pem(text);
        _ = Fields::default().string_to_sign(Empty::Kept);
    }
}

fn in_base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
