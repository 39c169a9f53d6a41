use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use huodong_engine::{Chance, Clock};
use huodong_server::keys::{make, make_sm2};
use huodong_wire::ysepay;

use crate::failure::{Context as _, Failure};
use crate::files::write_new;

const PRIVATE_KEY: &str = "private_key.pem";
const PUBLIC_KEY: &str = "public_key.pem";
const CERTIFICATE: &str = "certificate.pem";

/// Makes private_key.pem (RSA-2048 or SM2, PKCS#8, readable by its owner only), public_key.pem and
/// certificate.pem (self-signed) and prints the certificate's serial, which 拉卡拉 requests name as
/// serial_no. The certificate, or for 银盛 the public key, goes to the platform's operator; the private
/// key goes nowhere.
///
/// To rotate: make a new pair, give the new certificate to the operator, who sets it with a moment
/// until which the previous one is still accepted; switch your program over before that.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  huodong keys new --cn 'Example Bank' --out keys
  huodong keys new --kind sm2 --cn 826584560000001 --out sm2-keys
  openssl x509 -in keys/certificate.pem -noout -serial -subject -enddate")]
pub(crate) struct New {
    /// The kind of key: rsa for 拉卡拉 and for 银盛 in RSA mode, sm2 for 银盛 in 国密 mode.
    #[arg(long, value_enum, default_value = "rsa")]
    kind: Kind,
    /// Whose: the certificate's common name.
    #[arg(long = "cn", alias = "subject", value_name = "NAME", default_value = "huodong partner")]
    common_name: String,
    /// For how many years the certificate is valid.
    #[arg(long, default_value_t = 5)]
    years: u16,
    /// The directory to put them in; made where missing. A key that is there is never overwritten.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// A kind of key.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    /// RSA with 2048 bits.
    Rsa,
    /// SM2.
    Sm2,
}

impl New {
    pub(super) fn run(&self) -> Result<(), Failure> {
        let [private_key, public_key, certificate] =
            [PRIVATE_KEY, PUBLIC_KEY, CERTIFICATE].map(|name| self.out.join(name));
        for path in [&private_key, &public_key, &certificate] {
            refuse_if_there(path)?;
        }
        let now = Clock::system().real();
        let made = match self.kind {
            Kind::Rsa => make(&self.common_name, self.years, now, Chance),
            Kind::Sm2 => make_sm2(&self.common_name, self.years, now, Chance),
        };
        let made = made.cannot("make a key")?;
        let key = ysepay::PrivateKey::from_pem(&made.private_key_pem).cannot("use the new key")?;
        std::fs::create_dir_all(&self.out)
            .cannot(format_args!("make the directory {}", self.out.display()))?;
        write_new(&private_key, &made.private_key_pem, 0o600)?;
        write_new(&public_key, &key.public().to_pem(), 0o644)?;
        write_new(&certificate, &made.certificate_pem, 0o644)?;
        eprintln!(
            "wrote {}, {} and {}",
            private_key.display(),
            public_key.display(),
            certificate.display()
        );
        // The serial alone on standard output, so that a script can take it.
        println!("{}", made.serial);
        Ok(())
    }
}

fn refuse_if_there(path: &Path) -> Result<(), Failure> {
    if path.try_exists().cannot(format_args!("look for {}", path.display()))? {
        return Err(Failure::new(format!(
            "{} is there already; a key is never overwritten: name another --out, or move it away",
            path.display()
        )));
    }
    Ok(())
}
