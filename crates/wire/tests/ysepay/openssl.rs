//! OpenSSL's command line as a second opinion: what it signs and encrypts is verified and opened
//! here, and what is signed and sealed here it verifies and decrypts.

use std::path::Path;
use std::process::{Command, Output};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use huodong_wire::ysepay::{
    ContentKey, Empty, Fields, KeyError, Mode, PrivateKey, PublicKey, open, seal,
};
use tempfile::TempDir;

use crate::counting;

const KEY: &[u8; 16] = b"Zm0aQ7xK2pLr9TsU";
const CONTENT: &str = r#"{"mercId":"826100053110001","creator":"张三"}"#;
const SM2_OPTIONS: &str = "-rawin -digest sm3 -pkeyopt distid:1234567812345678";

pub(crate) struct Openssl(TempDir);

impl Openssl {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn dir(&self) -> &Path {
        self.0.path()
    }

    fn try_run(&self, arguments: &str) -> Output {
        let arguments = arguments.split_ascii_whitespace();
        Command::new("openssl").args(arguments).current_dir(self.dir()).output().unwrap()
    }

    pub(crate) fn run(&self, arguments: &str) -> Vec<u8> {
        let ran = self.try_run(arguments);
        let told = String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.success(), "openssl {arguments}: {told}");
        ran.stdout
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.dir().join(name), bytes).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.dir().join(name)).unwrap()
    }

    pub(crate) fn text(&self, name: &str) -> String {
        String::from_utf8(self.read(name)).unwrap()
    }

    /// A key as key.pem, its public half as public.pem and its certificate as certificate.pem.
    pub(crate) fn identity(&self, kind: &str) {
        let options = match kind.strip_prefix("rsa:") {
            Some(bits) => format!("-algorithm RSA -pkeyopt rsa_keygen_bits:{bits}"),
            None => "-algorithm EC -pkeyopt ec_paramgen_curve:SM2".to_owned(),
        };
        self.run(&format!("genpkey {options} -out key.pem"));
        self.run("pkey -in key.pem -pubout -out public.pem");
        let digest = if kind == "sm2" { "-sm3 -sigopt distid:1234567812345678" } else { "-sha256" };
        self.run(&format!(
            "req -x509 -new -key key.pem {digest} -subj /CN=initiator -days 30 -out certificate.pem"
        ));
    }

    fn private(&self) -> PrivateKey {
        PrivateKey::from_pem(&self.text("key.pem")).unwrap()
    }

    /// Its signature of the file `message`, in base64.
    fn sign(&self, mode: Mode) -> String {
        match mode {
            Mode::Rsa => self.run("dgst -sha256 -sign key.pem -out signature message"),
            Mode::Sm2 => self.run(&format!(
                "pkeyutl -sign -inkey key.pem {SM2_OPTIONS} -in message -out signature"
            )),
        };
        STANDARD.encode(self.read("signature"))
    }

    /// Whether it takes a signature, in base64, of the file `message`.
    fn verify(&self, mode: Mode, signature: &str) -> bool {
        self.write("signature", STANDARD.decode(signature).unwrap());
        let told = self.try_run(&match mode {
            Mode::Rsa => "dgst -sha256 -verify public.pem -signature signature message".to_owned(),
            Mode::Sm2 => format!(
                "pkeyutl -verify -pubin -inkey public.pem {SM2_OPTIONS} -in message \
                 -sigfile signature"
            ),
        });
        told.status.success()
    }

    /// A content sealed under [`KEY`]: check and bizContent.
    fn seal(&self, content: &str) -> [String; 2] {
        self.write("content-key", KEY);
        self.write("content", content);
        self.run("pkeyutl -encrypt -pubin -inkey public.pem -in content-key -out check");
        let key = hex::encode(KEY);
        self.run(&format!("enc -aes-128-ecb -K {key} -in content -out encrypted"));
        ["check", "encrypted"].map(|name| STANDARD.encode(self.read(name)))
    }

    fn open(&self, check: &str, biz_content: &str) -> Vec<u8> {
        self.write("check", STANDARD.decode(check).unwrap());
        self.write("encrypted", STANDARD.decode(biz_content).unwrap());
        let key = hex::encode(self.run("pkeyutl -decrypt -inkey key.pem -in check"));
        self.run(&format!("enc -d -aes-128-ecb -K {key} -in encrypted"))
    }
}

/// A whole request of OpenSSL's is verified and opened here, and the other way round.
fn each_opens_and_verifies_the_others(kind: &str) {
    let openssl = Openssl::new();
    openssl.identity(kind);
    let private = openssl.private();
    let public = PublicKey::from_pem(&openssl.text("public.pem")).unwrap();
    assert_eq!(*private.public(), public);
    let mode = private.mode();

    let [check, biz_content] = openssl.seal(CONTENT);
    let mut request = Fields::default();
    for (name, value) in [
        ("method", "weChatActivities.preferentialRates.addData"),
        ("certId", "826100053110000"),
        ("check", &check),
        ("bizContent", &biz_content),
    ] {
        request.push(name, value).unwrap();
    }
    openssl.write("message", request.string_to_sign(Empty::Skipped));
    request.push("sign", openssl.sign(mode)).unwrap();
    assert!(request.verify(&public));
    let opened = open([&private], &check, &biz_content).unwrap();
    assert_eq!((opened.key.bytes(), opened.content), (KEY, CONTENT.as_bytes().to_vec()));

    let sealed = seal(CONTENT.as_bytes(), &ContentKey::new(*KEY), &public, &mut counting());
    assert_eq!(openssl.open(&sealed.check, &sealed.biz_content), CONTENT.as_bytes());
    for message in ["", "a=1&b=花", &"x".repeat(5000)] {
        // What reads a file to verify it wants something in it.
        if mode == Mode::Sm2 && message.is_empty() {
            continue;
        }
        openssl.write("message", message);
        let signature = private.sign(message.as_bytes());
        assert!(openssl.verify(mode, &signature), "{message}");
        assert!(public.verify(message.as_bytes(), &openssl.sign(mode)));
        openssl.write("message", format!("{message}."));
        assert!(!openssl.verify(mode, &signature), "{message}");
    }
}

#[test]
fn rsa_1024_is_understood_by_openssl() {
    each_opens_and_verifies_the_others("rsa:1024");
}

#[test]
fn rsa_1536_is_understood_by_openssl() {
    each_opens_and_verifies_the_others("rsa:1536");
}

#[test]
fn rsa_2048_is_understood_by_openssl() {
    each_opens_and_verifies_the_others("rsa:2048");
}

#[test]
fn rsa_4096_is_understood_by_openssl() {
    each_opens_and_verifies_the_others("rsa:4096");
}

#[test]
fn sm2_is_understood_by_openssl() {
    // Ten keys: one in 256 numbers has leading zeros, which DER leaves out.
    for _ in 0..10 {
        each_opens_and_verifies_the_others("sm2");
    }
}

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
        for name in ["public.der", "certificate.der"] {
            assert_eq!(PublicKey::from_der(&openssl.read(name)).unwrap(), public, "{kind} {name}");
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
    let text = STANDARD.encode(&file).into_bytes();
    for file in [&file, &text] {
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
