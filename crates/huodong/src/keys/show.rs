use std::path::PathBuf;

use clap::Args;
use huodong_wire::ysepay::{Mode, PrivateKey, PublicKey};

use crate::failure::Failure;
use crate::files::write_new;
use crate::key_file;

/// What a key file holds: kind, length, fingerprint and the public key in PEM. A private key is not
/// printed.
///
/// Reads PEM and DER (PKCS#8, PKCS#1, SEC1, public keys, certificates), PKCS#12 (.pfx, .p12) and the
/// .sm2 files of CFCA's toolkit, RSA and SM2.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  huodong keys show gateway.cer
  huodong keys show 826584560000001.pfx --password …
  HUODONG_KEY_PASSWORD=… huodong keys show 826584560000001.sm2

The fingerprint is SHA-256 over the public key (SubjectPublicKeyInfo), so that a private key, its public
key and its certificate have the same. With OpenSSL:
  openssl x509 -in gateway.cer -noout -pubkey | openssl pkey -pubin -outform DER | sha256sum")]
pub(crate) struct Show {
    #[command(flatten)]
    file: KeyFile,
}

/// Writes a private key as PKCS#8 in PEM, or a public one as SubjectPublicKeyInfo in PEM.
///
/// A private key goes to a new file that only its owner reads; a public one goes to standard output
/// unless --out says otherwise. The kinds of files are those of `huodong keys show`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  huodong keys convert 826584560000001.sm2 --password … --out private_key.pem
  huodong keys convert gateway.cer > gateway.pem
  huodong keys convert private_key.pem --public > public_key.pem")]
pub(crate) struct Convert {
    #[command(flatten)]
    file: KeyFile,
    /// The file to write; one that is there is never overwritten.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Only the public half.
    #[arg(long)]
    public: bool,
}

#[derive(Debug, Args)]
struct KeyFile {
    /// The key file.
    #[arg(value_name = "FILE")]
    path: PathBuf,
    /// Its password, where it has one; better put in the environment, where no list of processes
    /// shows it.
    #[arg(long, env = key_file::PASSWORD_VARIABLE, hide_env_values = true)]
    password: Option<String>,
}

/// What was in it.
enum Found {
    Private(PrivateKey),
    Public(PublicKey),
}

impl KeyFile {
    fn read(&self) -> Result<Found, Failure> {
        let password = self.password.as_deref();
        match key_file::public(&self.path, password) {
            Ok(public) => match key_file::private(&self.path, password) {
                Ok(private) => Ok(Found::Private(private)),
                // A public key's file holds no private one.
                Err(_) => Ok(Found::Public(public)),
            },
            Err(failure) => Err(failure),
        }
    }
}

impl Found {
    fn public(&self) -> &PublicKey {
        match self {
            Self::Private(key) => key.public(),
            Self::Public(key) => key,
        }
    }
}

impl Show {
    pub(super) fn run(&self) -> Result<(), Failure> {
        let found = self.file.read()?;
        let key = found.public();
        let kind = match key.mode() {
            Mode::Rsa => "RSA",
            Mode::Sm2 => "SM2",
        };
        let half = match found {
            Found::Private(_) => "private",
            Found::Public(_) => "public",
        };
        let fingerprint = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &key.to_der());
        println!("kind         {kind} {half} key");
        println!("bits         {}", key.bits());
        println!("fingerprint  {}", hex::encode(fingerprint));
        print!("{}", key.to_pem());
        Ok(())
    }
}

impl Convert {
    pub(super) fn run(&self) -> Result<(), Failure> {
        let found = self.file.read()?;
        match (&found, &self.out) {
            (Found::Private(key), Some(out)) if !self.public => {
                write_new(out, &key.to_pem(), 0o600)
            }
            (Found::Private(_), None) if !self.public => Err(Failure::usage(
                "a private key is not printed: name a file by --out, or ask for --public",
            )),
            (found, Some(out)) => write_new(out, &found.public().to_pem(), 0o644),
            (found, None) => {
                print!("{}", found.public().to_pem());
                Ok(())
            }
        }
    }
}
