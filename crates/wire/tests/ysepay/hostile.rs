//! What nobody means to send: no input makes anything panic, and a second implementation agrees.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use huodong_wire::ysepay::{
    Charset, Common, ContentKey, Fields, PrivateKey, PublicKey, ReceivedReply, open,
};
use proptest::prelude::*;
use sm2::dsa::signature::Signer;
use sm2::dsa::signature::hazmat::PrehashVerifier;
use sm2::pke::{DecryptingKey, EncryptingKey, Mode};
use sm3::{Digest, Sm3};

use crate::{counting, fixed};

/// Z of the key in sm2.pem, and SM3(Z ‖ message).
fn digest(verifier: &sm2::dsa::VerifyingKey, message: &[u8]) -> [u8; 32] {
    let der = verifier.to_sec1_bytes();
    let mut z = Sm3::new();
    z.update([0, 128]);
    z.update(verifier.distid());
    for parameter in [
        "fffffffeffffffffffffffffffffffffffffffff00000000fffffffffffffffc",
        "28e9fa9e9d9f5e344d5a9e4bcf6509a7f39789f515ab8f92ddbcbd414d940e93",
        "32c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7",
        "bc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0",
    ] {
        z.update(hex::decode(parameter).unwrap());
    }
    z.update(&der[1..]);
    Sm3::new_with_prefix(z.finalize()).chain_update(message).finalize().into()
}

fn theirs(number: &[u8; 32]) -> Option<sm2::SecretKey> {
    sm2::SecretKey::from_slice(number).ok()
}

/// Numbers near those where arithmetic goes wrong, and any others.
fn number() -> impl Strategy<Value = [u8; 32]> {
    let order = "fffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123";
    let field = "fffffffeffffffffffffffffffffffffffffffff00000000ffffffffffffffff";
    let near = [order, field, &"0".repeat(64)].map(|hex| {
        let mut number = [0; 32];
        hex::decode_to_slice(hex, &mut number).unwrap();
        number
    });
    prop_oneof![
        3 => any::<[u8; 32]>(),
        1 => (prop::sample::select(near.to_vec()), -3_i8..=3).prop_map(|(mut number, by)| {
            let low = u64::from_be_bytes(number[24..].try_into().unwrap());
            number[24..].copy_from_slice(&low.wrapping_add_signed(by.into()).to_be_bytes());
            number
        }),
    ]
}

proptest! {
    #[test]
    fn no_bytes_make_a_decoder_panic(bytes in any::<Vec<u8>>(), text in "\\PC*") {
        for bytes in [&bytes[..], text.as_bytes()] {
            for fields in [Fields::from_json(bytes), Fields::from_form(bytes)].into_iter().flatten() {
                let _ = Common::read(&fields);
            }
            let _ = ReceivedReply::read(bytes);
            let _ = PrivateKey::read(bytes, Some("x"));
            let _ = PublicKey::from_der(bytes);
            for charset in Charset::ALL {
                let _ = charset.decode(bytes);
            }
        }
        let _ = PublicKey::from_pem(&text);
        let _ = PrivateKey::from_pem(&text);
    }

    #[test]
    fn json_that_is_nearly_right_makes_nothing_panic(
        fields in prop::collection::vec(("[a-c]{0,2}", "[\"{}\\[\\]0-9ntf\\\\ue.\\-]{0,6}"), 0..6),
    ) {
        let inside = fields.iter().map(|(k, v)| format!("\"{k}\":{v}")).collect::<Vec<_>>();
        let _ = Fields::from_json(format!("{{{}}}", inside.join(",")).as_bytes());
    }

    #[test]
    fn no_check_and_no_content_make_opening_panic(
        check in any::<Vec<u8>>(),
        length in prop::sample::select(vec![64, 96, 97, 111, 112, 113, 114, 122, 123, 128, 256]),
        content in any::<Vec<u8>>(),
        text in "\\PC*",
    ) {
        let mut sized = check.clone();
        sized.resize(length, 0x5a);
        for check in [STANDARD.encode(&check), STANDARD.encode(&sized), text.clone()] {
            for key in [fixed::rsa_1024(), fixed::sm2()] {
                let _ = open([&key], &check, &STANDARD.encode(&content));
                let _ = open([&key], &check, &text);
            }
        }
        let _ = ContentKey::new([0; 16]).decrypt(&STANDARD.encode(&content));
    }

    #[test]
    fn any_der_that_says_it_is_a_signature_is_only_refused(
        bytes in prop::collection::vec(prop_oneof![Just(0x30_u8), Just(2), Just(4), Just(0), 0_u8..], 0..80),
    ) {
        let signature = STANDARD.encode(&bytes);
        for key in [fixed::rsa_1024(), fixed::sm2()] {
            prop_assert!(!key.public().verify(b"x", &signature));
        }
    }

    #[test]
    fn each_verifies_the_others_signatures(number in number(), message in any::<Vec<u8>>()) {
        let ours = PrivateKey::from_sm2_number(&number);
        let Some(secret) = theirs(&number) else {
            prop_assert!(ours.is_err());
            return Ok(());
        };
        // n - 1 has no inverse to sign with.
        let Ok(ours) = ours else { return Ok(()) };
        let signer = sm2::dsa::SigningKey::new("1234567812345678", &secret).unwrap();
        let signature: sm2::dsa::Signature = signer.sign(&message);
        prop_assert!(ours.public().verify(&message, &STANDARD.encode(signature.to_bytes())));
        let signature = STANDARD.decode(ours.sign(&message)).unwrap();
        let signature = sm2::dsa::Signature::from_der(&signature).unwrap();
        let verifier = signer.verifying_key();
        let digest = digest(verifier, &message);
        prop_assert!(verifier.verify_prehash(&digest, &signature).is_ok());
    }

    #[test]
    fn both_say_the_same_of_hostile_signatures(r in number(), s in number(), message in any::<Vec<u8>>()) {
        let secret = theirs(&[0x42; 32]).unwrap();
        let verifier = sm2::dsa::VerifyingKey::new("1234567812345678", secret.public_key()).unwrap();
        let raw = [r, s].concat();
        let said = sm2::dsa::Signature::from_slice(&raw)
            .is_ok_and(|signature| verifier.verify_prehash(&digest(&verifier, &message), &signature).is_ok());
        let ours = PrivateKey::from_sm2_number(&[0x42; 32]).unwrap();
        prop_assert_eq!(ours.public().verify(&message, &STANDARD.encode(&raw)), said);
    }

    #[test]
    fn each_opens_what_the_other_sealed(number in number(), content_key in any::<[u8; 16]>()) {
        let (Some(secret), Ok(ours)) = (theirs(&number), PrivateKey::from_sm2_number(&number)) else {
            return Ok(());
        };
        let key = ContentKey::new(content_key);
        let biz_content = key.encrypt(b"{}");
        for mode in [Mode::C1C3C2, Mode::C1C2C3] {
            let encrypter = EncryptingKey::new_with_mode(secret.public_key(), mode);
            let mut random = Counting(counting());
            let sealed = encrypter.encrypt(&mut random, &content_key).unwrap();
            let opened = open([&ours], &STANDARD.encode(&sealed), &biz_content).unwrap();
            prop_assert_eq!(opened.key.bytes(), &content_key);
        }
        let sealed = ours.public().seal_check(&key, &mut counting());
        let decrypter = DecryptingKey::new(secret);
        let opened = decrypter.decrypt_der(&STANDARD.decode(sealed).unwrap()).unwrap();
        prop_assert_eq!(opened, content_key);
    }
}

/// The counting numbers, as the other implementation asks for them.
struct Counting<F>(F);

impl<F: FnMut(&mut [u8])> rand_core::TryRng for Counting<F> {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        let mut bytes = [0; 4];
        (self.0)(&mut bytes);
        Ok(u32::from_ne_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        let mut bytes = [0; 8];
        (self.0)(&mut bytes);
        Ok(u64::from_ne_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, to: &mut [u8]) -> Result<(), Self::Error> {
        (self.0)(to);
        Ok(())
    }
}

impl<F: FnMut(&mut [u8])> rand_core::TryCryptoRng for Counting<F> {}
