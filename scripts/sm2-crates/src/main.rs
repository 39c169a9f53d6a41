//! SM2 of several crates, one after the other in rounds on one core: how many signatures,
//! verifications, encryptions and decryptions a second, and each as a multiple of the `sm2` crate
//! used as it comes. Run it on an idle core:
//!
//!     cargo build --release && taskset -c 1 target/release/sm2-crates
//!
//! The message is 600 bytes, as a request's string to sign is; what is encrypted is a content key
//! of 16 bytes. Before anything is timed, each crate opens and verifies what each other made, as
//! far as it can be asked to.

use std::hint::black_box;
use std::time::{Duration, Instant};

use huodong_wire::ysepay;
use sm2::dsa::signature::{Signer, Verifier};
use sm2::elliptic_curve::common::getrandom::SysRng;

const ID: &str = "1234567812345678";
const D: &str = "03de46e97630be3c98ba3a2f40318fd77259934aa0acc0dccebba2de0fb37110";
const KEY: [u8; 16] = *b"Zm0aQ7xK2pLr9TsU";
const ROUNDS: usize = 15;
const SLICE: Duration = Duration::from_millis(60);
const DOES: [&str; 4] = ["sign", "verify", "encrypt", "decrypt"];

/// What a crate does, in the order of [`DOES`]; none where it does not.
struct Crate {
    name: &'static str,
    does: [Option<Box<dyn FnMut()>>; 4],
}

type Action = Option<Box<dyn FnMut()>>;

fn does<R: 'static>(mut what: impl FnMut() -> R + 'static) -> Action {
    Some(Box::new(move || {
        black_box(what());
    }))
}

fn main() {
    let message: Vec<u8> = (0..600_u32).map(|at| b'a' + (at % 26) as u8).collect();
    let mut crates = [as_it_comes(&message), wire(&message)]
        .into_iter()
        .chain([efficient(&message), of_libsm(&message), of_gm(&message)])
        .collect::<Vec<_>>();
    let mut best = vec![[0_f64; 4]; crates.len()];
    for _ in 0..ROUNDS {
        for (at, one) in crates.iter_mut().enumerate() {
            for (what, action) in one.does.iter_mut().enumerate() {
                if let Some(action) = action {
                    best[at][what] = best[at][what].max(rate(action));
                }
            }
        }
    }
    println!("{:<28}{}", "a second", DOES.map(|what| format!("{what:>18}")).concat());
    for (at, one) in crates.iter().enumerate() {
        let cell = |what: usize| match best[at][what] {
            0.0 => format!("{:>18}", "-"),
            rate => format!("{rate:>10.0} ({:>4.2}×)", rate / best[0][what]),
        };
        println!("{:<28}{}", one.name, [0, 1, 2, 3].map(cell).concat());
    }
}

fn rate(action: &mut dyn FnMut()) -> f64 {
    let start = Instant::now();
    let mut count = 0_u32;
    while start.elapsed() < SLICE {
        for _ in 0..8 {
            action();
        }
        count += 8;
    }
    f64::from(count) / start.elapsed().as_secs_f64()
}

fn number() -> [u8; 32] {
    let mut number = [0; 32];
    hex::decode_to_slice(D, &mut number).expect("hex");
    number
}

/// The crate's own signing, verifying, encrypting and decrypting keys.
fn as_it_comes(message: &[u8]) -> Crate {
    use sm2::pke::{DecryptingKey, EncryptingKey};
    let secret = sm2::SecretKey::from_slice(&number()).expect("a key");
    let signer = sm2::dsa::SigningKey::new(ID, &secret).expect("a key");
    let verifier = signer.verifying_key().clone();
    let signature: sm2::dsa::Signature = signer.sign(message);
    let encrypter = EncryptingKey::new(secret.public_key());
    let decrypter = DecryptingKey::new(secret);
    let sealed = encrypter.encrypt(&mut SysRng, &KEY).expect("sealed");
    assert_eq!(decrypter.decrypt(&sealed).expect("opened"), KEY);
    let (signed, verified) = (message.to_vec(), message.to_vec());
    Crate {
        name: "sm2 0.14, as it comes",
        does: [
            does(move || -> sm2::dsa::Signature { signer.sign(&signed) }),
            does(move || verifier.verify(&verified, &signature).expect("verified")),
            does(move || encrypter.encrypt(&mut SysRng, &KEY).expect("sealed")),
            does(move || decrypter.decrypt(&sealed).expect("opened")),
        ],
    }
}

/// What this project makes of the same crate's arithmetic, base64 and a block of AES included.
fn wire(message: &[u8]) -> Crate {
    let private = ysepay::PrivateKey::from_sm2_number(&number()).expect("a key");
    let public = private.public().clone();
    let content = ysepay::ContentKey::new(KEY);
    let signature = private.sign(message);
    // Others read and write what we do.
    let theirs = sm2::SecretKey::from_slice(&number()).expect("a key");
    let theirs = sm2::dsa::SigningKey::new(ID, &theirs).expect("a key");
    let their_signature: sm2::dsa::Signature = theirs.sign(message);
    assert!(public.verify(message, &base64(their_signature.to_der().as_ref())));
    let random = |bytes: &mut [u8]| {
        use sm2::elliptic_curve::rand_core::TryRng;
        SysRng.try_fill_bytes(bytes).expect("random numbers");
    };
    let sealed = ysepay::seal(b"{}", &content, &public, &mut { random });
    let (signer, opener, sealer) = (private.clone(), private, public.clone());
    let (signed, verified) = (message.to_vec(), message.to_vec());
    Crate {
        name: "huodong-wire on sm2 0.14",
        does: [
            does(move || signer.sign(&signed)),
            does(move || assert!(public.verify(&verified, &signature))),
            does(move || sealer.seal_check(&content, &mut { random })),
            does(move || ysepay::open([&opener], &sealed.check, &sealed.biz_content).expect("opened")),
        ],
    }
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// Signs and verifies, does not encrypt.
fn efficient(message: &[u8]) -> Crate {
    let pair = efficient_sm2::KeyPair::new(&number()).expect("a key");
    let public = pair.public_key();
    let signature = pair.sign(message).expect("signed");
    let ours = ysepay::PrivateKey::from_sm2_number(&number()).expect("a key");
    let raw = [signature.r(), signature.s()].concat();
    assert!(ours.public().verify(message, &base64(&raw)));
    let (signed, verified) = (message.to_vec(), message.to_vec());
    Crate {
        name: "efficient-sm2 0.2.5",
        does: [
            does(move || pair.sign(&signed).expect("signed")),
            does(move || signature.verify(&public, &verified).expect("verified")),
            None,
            None,
        ],
    }
}

fn of_libsm(message: &[u8]) -> Crate {
    use libsm::sm2::encrypt::{DecryptCtx, EncryptCtx};
    use libsm::sm2::signature::SigCtx;
    let context = SigCtx::new();
    let secret = context.load_seckey(&number()).expect("a key");
    let public = context.pk_from_sk(&secret).expect("a key");
    let signature = context.sign(message, &secret, &public).expect("signed");
    let ours = ysepay::PrivateKey::from_sm2_number(&number()).expect("a key");
    assert!(ours.public().verify(message, &base64(&signature.der_encode())));
    let encrypter = EncryptCtx::new(KEY.len(), public.clone());
    let decrypter = DecryptCtx::new(KEY.len(), secret.clone());
    let sealed = encrypter.encrypt(&KEY).expect("sealed");
    let opened = ysepay::open([&ours], &base64(&sealed), &ysepay::ContentKey::new(KEY).encrypt(b"{}"));
    assert_eq!(opened.expect("opened").key.bytes(), &KEY);
    let (signed, verified) = (message.to_vec(), message.to_vec());
    let (signer, signer_public, verifier) = (SigCtx::new(), public.clone(), SigCtx::new());
    Crate {
        name: "libsm 0.6.1",
        does: [
            does(move || signer.sign(&signed, &secret, &signer_public).expect("signed")),
            does(move || assert!(verifier.verify(&verified, &public, &signature).expect("read"))),
            does(move || encrypter.encrypt(&KEY).expect("sealed")),
            does(move || decrypter.decrypt(&sealed).expect("opened")),
        ],
    }
}

fn of_gm(message: &[u8]) -> Crate {
    use gm_sm2::key::{Sm2Model, Sm2PrivateKey};
    let private = Sm2PrivateKey::new(&number()).expect("a key");
    let public = private.to_public_key();
    let signature = private.sign(None, message).expect("signed");
    let ours = ysepay::PrivateKey::from_sm2_number(&number()).expect("a key");
    assert!(ours.public().verify(message, &base64(&signature)));
    let sealed = public.encrypt(&KEY, false, Sm2Model::C1C3C2).expect("sealed");
    let opened = ysepay::open([&ours], &base64(&sealed), &ysepay::ContentKey::new(KEY).encrypt(b"{}"));
    assert_eq!(opened.expect("opened").key.bytes(), &KEY);
    let (signed, verified) = (message.to_vec(), message.to_vec());
    let (verifier, encrypter) = (private.to_public_key(), public);
    let decrypter = Sm2PrivateKey::new(&number()).expect("a key");
    Crate {
        name: "gm-sm2 0.13",
        does: [
            does(move || private.sign(None, &signed).expect("signed")),
            does(move || verifier.verify(None, &verified, &signature).expect("verified")),
            does(move || encrypter.encrypt(&KEY, false, Sm2Model::C1C3C2).expect("sealed")),
            does(move || decrypter.decrypt(&sealed, false, Sm2Model::C1C3C2).expect("opened")),
        ],
    }
}
