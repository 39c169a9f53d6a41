//! Keys as OpenSSL's command line writes them, and as the vendor's toolkit does.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use huodong_wire::ysepay::{KeyError, PrivateKey, PublicKey};

use crate::openssl::Openssl;

#[test]
fn keys_of_a_length_that_is_not_supported_are_refused() {
    let openssl = Openssl::new();
    for bits in ["1023", "768", "4104"] {
        openssl.identity(&format!("rsa:{bits}"));
        let refused = KeyError::Rejected(format!("{bits} bits"));
        let private = PrivateKey::from_pem(&openssl.text("key.pem"));
        assert_eq!(private.unwrap_err(), refused);
        for name in ["public.pem", "certificate.pem"] {
            assert_eq!(PublicKey::from_pem(&openssl.text(name)).unwrap_err(), refused, "{name}");
        }
    }
    assert_eq!(
        KeyError::Rejected("768 bits".to_owned()).to_string(),
        "the key is not an RSA key of 1024 to 4096 bits: 768 bits"
    );
}

#[test]
fn keys_are_read_in_each_of_openssls_formats() {
    for kind in ["rsa:1024", "rsa:2048", "sm2"] {
        let openssl = Openssl::new();
        openssl.identity(kind);
        let public = openssl.private().public().clone();
        openssl.run("pkey -in key.pem -outform DER -out key.der");
        openssl.run("pkcs8 -topk8 -nocrypt -in key.pem -outform DER -out pkcs8.der");
        openssl.run("pkey -in key.pem -traditional -outform DER -out traditional.der");
        let label = if kind == "sm2" { "EC" } else { "RSA" };
        let traditional = STANDARD.encode(openssl.read("traditional.der"));
        openssl.write(
            "traditional.pem",
            format!("-----BEGIN {label} PRIVATE KEY-----\n{traditional}\n-----END {label} PRIVATE KEY-----\n"),
        );
        openssl.write("base64", STANDARD.encode(openssl.read("pkcs8.der")));
        let ours = openssl.private().to_pem();
        openssl.write("ours.pem", &*ours);
        for name in [
            "key.pem",
            "traditional.pem",
            "key.der",
            "pkcs8.der",
            "traditional.der",
            "base64",
            "ours.pem",
        ] {
            let key = PrivateKey::read(&openssl.read(name), None).unwrap();
            assert_eq!(*key.public(), public, "{kind} {name}");
        }
        assert_eq!(openssl.run("pkey -in ours.pem -pubout"), openssl.read("public.pem"));

        openssl.run("pkey -pubin -in public.pem -outform DER -out public.der");
        openssl.run("x509 -in certificate.pem -outform DER -out certificate.der");
        openssl.write("ours.pem", public.to_pem());
        assert_eq!(openssl.run("pkey -pubin -in ours.pem"), openssl.read("public.pem"));
        for name in ["public.pem", "certificate.pem", "ours.pem"] {
            assert_eq!(PublicKey::from_pem(&openssl.text(name)).unwrap(), public, "{kind} {name}");
        }
        openssl.write("public.base64", STANDARD.encode(openssl.read("public.der")));
        for name in
            ["public.pem", "certificate.pem", "public.der", "certificate.der", "public.base64"]
        {
            assert_eq!(PublicKey::read(&openssl.read(name)).unwrap(), public, "{kind} {name}");
        }
        if kind != "sm2" {
            openssl.run("rsa -pubin -in public.pem -RSAPublicKey_out -out pkcs1.pem");
            assert_eq!(PublicKey::from_pem(&openssl.text("pkcs1.pem")).unwrap(), public);
        }
    }
}

#[test]
fn a_key_for_something_else_is_told() {
    let openssl = Openssl::new();
    openssl.run("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key.pem");
    openssl.run("pkey -in key.pem -pubout -out public.pem");
    let private = PrivateKey::from_pem(&openssl.text("key.pem"));
    assert_eq!(private.unwrap_err(), KeyError::OtherAlgorithm);
    let public = PublicKey::from_pem(&openssl.text("public.pem"));
    assert_eq!(public.unwrap_err(), KeyError::OtherAlgorithm);
    openssl.run("pkey -in key.pem -traditional -out traditional.pem");
    let private = PrivateKey::from_pem(&openssl.text("traditional.pem"));
    assert_eq!(private.unwrap_err(), KeyError::OtherAlgorithm);
    assert_eq!(
        PrivateKey::from_pem(&openssl.text("public.pem")).unwrap_err(),
        KeyError::NoPrivateKey
    );
    assert_eq!(PublicKey::from_pem("花").unwrap_err(), KeyError::NoPublicKey);
    assert_eq!(PublicKey::read("花".as_bytes()).unwrap_err(), KeyError::NoPublicKey);
    let unreadable = PublicKey::read(b"\xff\xff").unwrap_err();
    assert!(matches!(unreadable, KeyError::Unreadable(_)), "{unreadable:?}");
}

#[test]
fn pkcs12_files_are_read_as_openssl_writes_them() {
    for kind in ["rsa:1024", "rsa:2048", "sm2"] {
        let openssl = Openssl::new();
        openssl.identity(kind);
        let public = openssl.private().public().clone();
        for options in ["", "-legacy", "-certpbe NONE", "-macalg sha1 -keypbe AES-128-CBC"] {
            openssl.run(&format!(
                "pkcs12 -export -inkey key.pem -in certificate.pem {options} -passout pass:s3cret \
                 -out key.p12"
            ));
            let file = openssl.read("key.p12");
            let key = PrivateKey::from_pkcs12(&file, "s3cret").unwrap();
            assert_eq!(*key.public(), public, "{kind} {options}");
            let wrong = PrivateKey::from_pkcs12(&file, "secret").unwrap_err();
            assert_eq!(wrong, KeyError::WrongPassword, "{kind} {options}");
            for file in [file.clone(), STANDARD.encode(&file).into_bytes()] {
                let key = PrivateKey::read(&file, Some("s3cret")).unwrap();
                assert_eq!(*key.public(), public, "{kind} {options}");
                let missing = PrivateKey::read(&file, None).unwrap_err();
                assert_eq!(missing, KeyError::PasswordMissing);
            }
        }
    }
}

#[test]
fn encrypted_pkcs8_is_read_as_openssl_writes_it() {
    for kind in ["rsa:1024", "sm2"] {
        let openssl = Openssl::new();
        openssl.identity(kind);
        let public = openssl.private().public().clone();
        for format in ["PEM", "DER"] {
            openssl.run(&format!(
                "pkcs8 -topk8 -in key.pem -passout pass:s3cret -outform {format} -out encrypted"
            ));
            let file = openssl.read("encrypted");
            let key = PrivateKey::read(&file, Some("s3cret")).unwrap();
            assert_eq!(*key.public(), public, "{kind} {format}");
            let wrong = PrivateKey::read(&file, Some("secret")).unwrap_err();
            assert_eq!(wrong, KeyError::WrongPassword);
            assert_eq!(PrivateKey::read(&file, None).unwrap_err(), KeyError::PasswordMissing);
        }
        for name in ["public.pem", "certificate.pem"] {
            let refused = PrivateKey::read(&openssl.read(name), Some("s3cret")).unwrap_err();
            assert_eq!(refused, KeyError::NoPrivateKey, "{name}");
        }
    }
}

fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let inside = parts.concat();
    let length = u16::try_from(inside.len()).unwrap().to_be_bytes();
    let length = match inside.len() {
        ..0x80 => vec![length[1]],
        0x80..0x100 => vec![0x81, length[1]],
        _ => vec![0x82, length[0], length[1]],
    };
    [vec![tag], length, inside].concat()
}

/// What the vendor's toolkit writes: IV and key are SM3(password ‖ 00000001).
fn sm2_file(openssl: &Openssl, number: &[u8], password: &str) -> Vec<u8> {
    openssl.write("password", [password.as_bytes(), &[0, 0, 0, 1]].concat());
    let derived = hex::encode(openssl.run("dgst -sm3 -binary password"));
    let (iv, key) = derived.split_at(32);
    openssl.write("number", number);
    openssl.run(&format!("enc -sm4-cbc -K {key} -iv {iv} -in number -out encrypted"));
    openssl.run("x509 -in certificate.pem -outform DER -out certificate.der");
    let data = hex::decode("060a2a811ccf550601040201").unwrap();
    let sm4 = hex::decode("06072a811ccf550168").unwrap();
    let encrypted = der(0x04, &[&openssl.read("encrypted")]);
    let certificate = der(0x04, &[&openssl.read("certificate.der")]);
    der(
        0x30,
        &[&[2, 1, 1], &der(0x30, &[&data, &sm4, &encrypted]), &der(0x30, &[&data, &certificate])],
    )
}

fn number_of(openssl: &Openssl) -> Vec<u8> {
    openssl.run("pkey -in key.pem -traditional -outform DER -out traditional.der");
    let sec1 = openssl.read("traditional.der");
    sec1[7..39].to_vec()
}

#[test]
fn the_vendors_sm2_file_is_read() {
    let openssl = Openssl::new();
    openssl.identity("sm2");
    let public = openssl.private().public().clone();
    let file = sm2_file(&openssl, &number_of(&openssl), "123456");
    let text = STANDARD.encode(&file);
    let lines = text.as_bytes().chunks(76).map(|line| String::from_utf8(line.to_vec()).unwrap());
    let lines = lines.collect::<Vec<_>>().join("\n");
    let pem = format!("-----BEGIN CFCA KEY-----\n{lines}\n-----END CFCA KEY-----\n");
    let key = PrivateKey::read(pem.as_bytes(), Some("123456")).unwrap();
    assert_eq!(*key.public(), public);
    for file in [&file[..], text.as_bytes(), lines.as_bytes()] {
        let key = PrivateKey::from_sm2_file(file, "123456").unwrap();
        assert_eq!(*key.public(), public);
        let key = PrivateKey::read(file, Some("123456")).unwrap();
        assert_eq!(*key.public(), public);
        assert_eq!(PrivateKey::read(file, None).unwrap_err(), KeyError::PasswordMissing);
        for wrong in ["", "123457", "花"] {
            let refused = PrivateKey::from_sm2_file(file, wrong).unwrap_err();
            assert_eq!(refused, KeyError::WrongPassword);
        }
    }
}

#[test]
fn an_sm2_file_whose_certificate_is_anothers_is_refused() {
    let openssl = Openssl::new();
    openssl.identity("sm2");
    let number = number_of(&openssl);
    openssl.identity("sm2");
    let file = sm2_file(&openssl, &number, "123456");
    let refused = PrivateKey::from_sm2_file(&file, "123456").unwrap_err();
    assert_eq!(refused, KeyError::WrongPassword);
}

#[test]
fn damaged_key_files_are_refused() {
    let openssl = Openssl::new();
    openssl.identity("sm2");
    let sm2 = sm2_file(&openssl, &number_of(&openssl), "123456");
    openssl
        .run("pkcs12 -export -inkey key.pem -in certificate.pem -passout pass:123456 -out key.p12");
    openssl.run("pkcs8 -topk8 -nocrypt -in key.pem -outform DER -out pkcs8.der");
    for file in [sm2, openssl.read("key.p12"), openssl.read("pkcs8.der")] {
        assert!(PrivateKey::read(&file, Some("123456")).is_ok());
        for length in 0..file.len() {
            assert!(PrivateKey::read(&file[..length], Some("123456")).is_err(), "{length}");
        }
    }
}
