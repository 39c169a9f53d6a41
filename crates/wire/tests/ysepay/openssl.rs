//! OpenSSL's command line as a second opinion: what it signs and encrypts is verified and opened
//! here, and what is signed and sealed here it verifies and decrypts.

use std::path::Path;
use std::process::{Command, Output};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use huodong_wire::ysepay::{ContentKey, Empty, Fields, Mode, PrivateKey, PublicKey, open, seal};
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

    pub(crate) fn private(&self) -> PrivateKey {
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
