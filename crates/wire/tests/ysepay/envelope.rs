//! The envelope: every layout that is opened, and that nothing tells why another is not.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use huodong_wire::ysepay::{
    CannotOpen, Charset, ContentKey, Mode, Opened, PrivateKey, Sealed, open,
};

use crate::fixed;

const CONTENT: &[u8] = "{\"mercId\":\"826100053110001\",\"creator\":\"张三\"}".as_bytes();

fn bytes(base64: &str) -> Vec<u8> {
    STANDARD.decode(base64).unwrap()
}

fn opens(key: &PrivateKey, sealed: &Sealed) -> bool {
    match open([key], &sealed.check, &sealed.biz_content) {
        Ok(Opened { key, content }) => {
            assert_eq!((key.bytes(), content.as_slice()), (fixed::CONTENT_KEY, CONTENT));
            true
        }
        Err(CannotOpen) => false,
    }
}

/// The parts of an SM2 ciphertext in DER: x, y, C3, C2.
fn parts(der: &[u8]) -> [Vec<u8>; 4] {
    let mut rest = &der[2..];
    std::array::from_fn(|_| {
        let (part, after) = rest[2..].split_at(usize::from(rest[1]));
        rest = after;
        part.to_vec()
    })
}

fn tlv(tag: u8, value: &[u8]) -> Vec<u8> {
    [&[tag, u8::try_from(value.len()).unwrap()], value].concat()
}

fn sm2_der(parts: [&[u8]; 4]) -> Vec<u8> {
    let [x, y, c3, c2] = parts;
    tlv(0x30, &[tlv(2, x), tlv(2, y), tlv(4, c3), tlv(4, c2)].concat())
}

fn padded(number: &[u8]) -> Vec<u8> {
    let digits = number.strip_prefix(&[0]).unwrap_or(number);
    [vec![0; 32 - digits.len()], digits.to_vec()].concat()
}

#[test]
fn an_sm2_check_is_opened_in_every_layout() {
    let key = fixed::sm2();
    let sealed = fixed::sealed(CONTENT, key.public());
    let der = bytes(&sealed.check);
    let [x, y, c3, c2] = parts(&der);
    assert_eq!((c3.len(), c2.len(), der[0]), (32, 16, 0x30));
    let (long_x, long_y) = (padded(&x), padded(&y));
    let raw = [&long_x[..], &long_y].concat();
    let zeros = |number: &[u8]| [&[0, 0][..], number].concat();
    for layout in [
        der.clone(),
        [&raw[..], &c3, &c2].concat(),
        [&[4][..], &raw, &c3, &c2].concat(),
        [&raw[..], &c2, &c3].concat(),
        [&[4][..], &raw, &c2, &c3].concat(),
        // Without the zero that makes a number positive, and with zeros that nobody needs.
        sm2_der([&long_x, &long_y, &c3, &c2]),
        sm2_der([&zeros(&x), &zeros(&y), &c3, &c2]),
    ] {
        let check = STANDARD.encode(&layout);
        assert!(opens(&key, &Sealed { check, ..sealed.clone() }), "{}", hex::encode(layout));
    }
}

#[test]
fn an_sm2_check_whose_numbers_have_leading_zeros_is_opened() {
    let key = fixed::sm2();
    let mut seen = 0;
    for start in 0..=u8::MAX {
        let mut count = start;
        let mut random = |bytes: &mut [u8]| {
            bytes.iter_mut().for_each(|byte| {
                count = count.wrapping_mul(5).wrapping_add(7);
                *byte = count;
            });
        };
        let check = key.public().seal_check(&fixed::content_key(), &mut random);
        let biz_content = fixed::content_key().encrypt(CONTENT);
        let [x, y, ..] = parts(&bytes(&check));
        seen += usize::from(x.len() < 32 || y.len() < 32);
        assert!(opens(&key, &Sealed { check, biz_content }));
    }
    assert!(seen > 0, "not one number was short");
}

#[test]
fn an_sm2_signature_is_verified_in_every_layout() {
    let key = fixed::sm2();
    for message in ["a", "b", "c", "d", "e"] {
        let der = bytes(&key.sign(message.as_bytes()));
        let [r, s] = [&der[4..4 + usize::from(der[3])], &der[6 + usize::from(der[3])..]];
        let (long_r, long_s) = (padded(r), padded(s));
        let zeros = |number: &[u8]| [&[0, 0][..], number].concat();
        let two = |r: &[u8], s: &[u8]| tlv(0x30, &[tlv(2, r), tlv(2, s)].concat());
        for layout in [
            der.clone(),
            [long_r.clone(), long_s.clone()].concat(),
            two(&long_r, &long_s),
            two(&zeros(r), &zeros(s)),
        ] {
            let signature = STANDARD.encode(&layout);
            assert!(key.public().verify(message.as_bytes(), &signature));
            assert!(!key.public().verify(b"another", &signature));
        }
        let nothing = [0; 32];
        for wrong in [
            Vec::new(),
            der[1..].to_vec(),
            der[..der.len() - 1].to_vec(),
            [&der[..], &[0]].concat(),
            [&nothing[..], &long_s].concat(),
            [&long_r[..], &nothing].concat(),
            [long_s.clone(), long_r.clone()].concat(),
            two(&[&[1], &long_r[..]].concat(), &long_s),
            two(&[], &long_s),
            [0xff; 64].to_vec(),
        ] {
            assert!(!key.public().verify(message.as_bytes(), &STANDARD.encode(wrong)));
        }
    }
}

#[test]
fn base64_is_taken_with_line_breaks_and_without_padding() {
    for key in fixed::all() {
        let sealed = fixed::sealed(CONTENT, key.public());
        let broken = |text: &str| {
            text.as_bytes().chunks(76).fold(String::new(), |lines, line| {
                lines + std::str::from_utf8(line).unwrap() + "\r\n"
            })
        };
        let bare = |text: &str| text.trim_end_matches('=').to_owned();
        for change in [broken as fn(&str) -> String, bare] {
            let sealed =
                Sealed { check: change(&sealed.check), biz_content: change(&sealed.biz_content) };
            assert!(opens(&key, &sealed));
            assert!(key.public().verify(b"x", &change(&key.sign(b"x"))));
        }
    }
}

/// A name for what was done to a check, and the check.
type Damaged = (String, String);

/// Every way in which a check is wrong that its decoding or its decryption could tell apart.
fn damaged(key: &PrivateKey, check: &str) -> Vec<Damaged> {
    let good = bytes(check);
    let mut checks: Vec<(String, Vec<u8>)> = vec![
        ("nothing".to_owned(), Vec::new()),
        ("one byte".to_owned(), vec![0x30]),
        ("one byte less".to_owned(), good[..good.len() - 1].to_vec()),
        ("one byte more".to_owned(), [&good[..], &[7]].concat()),
        ("zeros".to_owned(), vec![0; good.len()]),
        ("as large as can be".to_owned(), vec![0xff; good.len()]),
        ("very long".to_owned(), vec![0x55; 100_000]),
    ];
    for at in [0, 1, 2, 3, 5, good.len() / 2, good.len() - 17, good.len() - 1] {
        let mut flipped = good.clone();
        flipped[at] ^= 1;
        checks.push((format!("bit flipped at {at}"), flipped));
    }
    match key.mode() {
        Mode::Rsa => {
            // A sound padding around what is no content key.
            let other = fixed::all()
                .into_iter()
                .find(|other| other.mode() == Mode::Rsa && other.bits() != key.bits());
            let sealed = fixed::sealed(CONTENT, other.unwrap().public());
            checks.push(("sealed for a key of another length".to_owned(), bytes(&sealed.check)));
        }
        Mode::Sm2 => {
            let [x, y, c3, c2] = parts(&good);
            let mut off = padded(&y);
            off[31] ^= 1;
            let raw = |y: &[u8], c3: &[u8]| [&padded(&x), y, c3, &c2].concat();
            let long = [c2.clone(), c2.clone()].concat();
            checks.extend([
                ("point off the curve, DER".to_owned(), sm2_der([&x, &off, &c3, &c2])),
                ("point off the curve, raw".to_owned(), raw(&off, &c3)),
                ("wrong C3, DER".to_owned(), sm2_der([&x, &y, &[9; 32], &c2])),
                ("wrong C3, raw".to_owned(), raw(&padded(&y), &[9; 32])),
                ("C3 too short".to_owned(), sm2_der([&x, &y, &c3[..31], &c2])),
                ("content key too long".to_owned(), sm2_der([&x, &y, &c3, &long])),
                ("content key too short".to_owned(), sm2_der([&x, &y, &c3, &c2[..15]])),
                ("content key missing".to_owned(), sm2_der([&x, &y, &c3, &[]])),
                ("x missing".to_owned(), sm2_der([&[], &y, &c3, &c2])),
                ("x too long".to_owned(), sm2_der([&[1; 33], &y, &c3, &c2])),
                ("x above the field".to_owned(), sm2_der([&[0xff; 32], &y, &c3, &c2])),
            ]);
        }
    }
    let mut damaged: Vec<Damaged> =
        checks.into_iter().map(|(name, check)| (name, STANDARD.encode(check))).collect();
    damaged.push(("not base64".to_owned(), format!("*{check}")));
    damaged.push(("not ASCII".to_owned(), format!("{check}花")));
    damaged
}

#[test]
fn every_damage_to_check_gets_one_answer() {
    for key in fixed::all() {
        let sealed = fixed::sealed(CONTENT, key.public());
        assert!(opens(&key, &sealed));
        for (damage, check) in damaged(&key, &sealed.check) {
            let answer = open([&key], &check, &sealed.biz_content).map(|opened| opened.content);
            // A key that is made up fits the padding once in 256 times; these are none of them.
            assert_eq!(answer, Err(CannotOpen), "{key:?}: {damage}");
        }
    }
    assert_eq!(CannotOpen.to_string(), "check 或 bizContent 解密失败");
}

#[test]
fn every_damage_to_the_content_gets_the_same_answer() {
    for key in fixed::all() {
        let sealed = fixed::sealed(CONTENT, key.public());
        let good = bytes(&sealed.biz_content);
        let mut last = good.clone();
        *last.last_mut().unwrap() ^= 1;
        for damaged in [
            Vec::new(),
            good[1..].to_vec(),
            good[..good.len() - 16].to_vec(),
            [&good[..], &[0; 16]].concat(),
            last,
        ] {
            let answer = open([&key], &sealed.check, &STANDARD.encode(damaged));
            assert_eq!(answer.map(|opened| opened.content), Err(CannotOpen));
        }
        for text in ["", "*", "花"] {
            let answer = open([&key], &sealed.check, text);
            assert_eq!(answer.map(|opened| opened.content), Err(CannotOpen));
        }
    }
}

#[test]
fn a_check_for_another_key_gets_the_same_answer() {
    let mut number = [0x11; 32];
    let others = [1, 2, 3, 4].map(|last| {
        number[31] = last;
        PrivateKey::from_sm2_number(&number).unwrap()
    });
    let sealed = fixed::sealed(CONTENT, fixed::sm2().public());
    for other in &others {
        assert!(!opens(other, &sealed));
    }
    for rsa in [fixed::rsa_1024(), fixed::rsa_2048()] {
        assert!(!opens(&rsa, &sealed));
    }
    // Whichever of several it was sealed for, in whichever place.
    for place in 0..=others.len() {
        let mut keys = others.to_vec();
        keys.insert(place, fixed::sm2());
        let opened = open(&keys, &sealed.check, &sealed.biz_content).unwrap();
        assert_eq!(opened.content, CONTENT);
    }
    assert_eq!(open([], &sealed.check, &sealed.biz_content).unwrap_err(), CannotOpen);
}

/// Forged checks fit by chance once in 256 times. What comes out then is the same every time and in
/// every spelling, so that asking again tells nothing, and depends on the key, so that nobody can
/// foresee it.
#[test]
fn a_forged_check_is_opened_with_a_key_that_is_made_up_once() {
    for (key, other) in [
        (fixed::rsa_1024(), fixed::rsa_2048()),
        (fixed::sm2(), PrivateKey::from_sm2_number(&[0x11; 32]).unwrap()),
    ] {
        let biz_content = fixed::content_key().encrypt(CONTENT);
        let mut fitted = 0;
        for forged in 0..2000_u32 {
            let check = STANDARD.encode(forged.to_be_bytes());
            let Ok(opened) = open([&key], &check, &biz_content) else { continue };
            fitted += 1;
            assert_ne!(opened.key.bytes(), fixed::CONTENT_KEY);
            let broken = format!("{}\r\n{}", &check[..4], &check[4..]);
            for again in [&check, &broken, check.trim_end_matches('=')] {
                let again = open([&key], again, &biz_content).unwrap();
                assert_eq!(again.key.bytes(), opened.key.bytes());
            }
            let another = open([&other], &check, &biz_content);
            assert!(another.is_err_and(|error| error == CannotOpen));
        }
        assert!((1..30).contains(&fitted), "{fitted}");
    }
}

#[test]
fn secrets_are_not_shown() {
    assert_eq!(format!("{:?}", fixed::content_key()), "ContentKey(…)");
    assert_eq!(format!("{:?}", fixed::sm2()), "PrivateKey(sm2, 256 bits)");
    assert_eq!(format!("{:?}", fixed::rsa_1024().public()), "PublicKey(rsa, 1024 bits)");
    let sealed = fixed::sealed(b"x", fixed::sm2().public());
    let opened = open([&fixed::sm2()], &sealed.check, &sealed.biz_content).unwrap();
    assert!(!format!("{opened:?}").contains("Zm0a"));
}

#[test]
fn a_content_key_is_letters_and_digits() {
    let key = ContentKey::from_random(std::array::from_fn(|at| u8::try_from(at * 17).unwrap()));
    assert!(key.bytes().iter().all(u8::is_ascii_alphanumeric));
    assert_eq!(key.decrypt(&key.encrypt(b"")).unwrap(), b"");
}

#[test]
fn charsets_are_read_and_written() {
    let text = r#"{"creator":"张三"}"#;
    for (name, charset, start) in [
        ("utf-8", Charset::Utf8, [0xe5, 0xbc]),
        ("UTF-8", Charset::Utf8, [0xe5, 0xbc]),
        ("gbk", Charset::Gbk, [0xd5, 0xc5]),
        ("GBK", Charset::Gbk, [0xd5, 0xc5]),
        ("GB2312", Charset::Gb2312, [0xd5, 0xc5]),
    ] {
        assert_eq!(Charset::from_name(name), Some(charset));
        let bytes = charset.encode(text).unwrap();
        assert_eq!(bytes[12..14], start);
        assert_eq!(charset.decode(&bytes).as_deref(), Some(text));
    }
    assert_eq!(Charset::from_name("utf8"), None);
    assert_eq!(Charset::Utf8.decode(&[0xd5, 0xc5]), None);
    assert_eq!(Charset::Gbk.decode(&[0xd5]), None);
    assert_eq!(Charset::Gbk.encode("😀"), None);
}
