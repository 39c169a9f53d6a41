//! The contract's vectors, made by the toolkit that this vendor's certificates come from.

use huodong_wire::ysepay::{ContentKey, PrivateKey, open, seal};

use crate::counting;

const D: &str = "03de46e97630be3c98ba3a2f40318fd77259934aa0acc0dccebba2de0fb37110";
const X: &str = "3baf4a962ac73736c91130f6b1fe78e16834d6a22b2e9506a606981377a1c8f3";
const Y: &str = "da0986a80b194e0be9fc6d400ceb8c93d81da5c82527519382a460503bcbe610";
const SIGNATURE: &str = "MEUCIQDmuPJlCbdOJfj7e024MgaZqfEoSVoZZKByvC4pumFbsQIgAebpzLJK6psvipS1fEMul\
                         qV6j/n1f0Vhe8j7zg7Bpbc=";

fn key() -> PrivateKey {
    let mut number = [0; 32];
    hex::decode_to_slice(D, &mut number).unwrap();
    PrivateKey::from_sm2_number(&number).unwrap()
}

#[test]
fn the_public_key_is_the_vectors() {
    assert!(hex::encode(key().public().to_der()).ends_with(&format!("04{X}{Y}")));
}

#[test]
fn the_toolkits_signature_verifies_and_no_other() {
    let message = "a".repeat(100);
    let public = key().public().clone();
    assert!(public.verify(message.as_bytes(), SIGNATURE));
    assert!(!public.verify("a".repeat(99).as_bytes(), SIGNATURE));
    let ours = key().sign(message.as_bytes());
    assert_ne!(ours, SIGNATURE);
    assert!(public.verify(message.as_bytes(), &ours));
    assert_eq!(ours, key().sign(message.as_bytes()));
}

#[test]
fn what_is_sealed_is_opened() {
    let content = ContentKey::new(*b"0123456789abcdef");
    let sealed = seal("{\"名\":1}".as_bytes(), &content, key().public(), &mut counting());
    let opened = open([&key()], &sealed.check, &sealed.biz_content).unwrap();
    assert_eq!(opened.content, "{\"名\":1}".as_bytes());
    assert_eq!(opened.key.bytes(), content.bytes());
}
