//! `huodong keys`: keys and certificates, RSA and SM2, a partner's own and the platform's.

mod new;
mod platform;
mod show;

use clap::Subcommand;

use crate::failure::Failure;

/// Keys and certificates for 拉卡拉 (RSA) and 银盛 (RSA, or SM2 in 国密 mode).
///
/// A partner signs its requests with a private key of its own and gives the platform the
/// certificate, or for 银盛 the public key. The platform signs replies and callbacks with keys of its
/// own and gives partners their certificates; 银盛 partners also encrypt for it. Nobody gives a private
/// key away.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  huodong keys new --cn 'Example Bank' --out keys    # a partner's key and certificate
  huodong keys new --kind sm2 --cn 826584560000001 --out keys   # for the 银盛 gateway in 国密 mode
  huodong keys show 826584560000001.sm2 --password …     # what is in a key file
  huodong keys convert cert.pfx --password … --out private_key.pem
  huodong keys platform list --server http://127.0.0.1:8080   # the platform's keys
  huodong help keys platform                         # how to rotate them")]
pub(crate) enum Keys {
    /// Make a private key and its self-signed certificate.
    New(new::New),
    /// Tell what a key file holds.
    Show(show::Show),
    /// Write a key of any file as PEM.
    Convert(show::Convert),
    /// List and rotate the keys with which a running server signs.
    #[command(subcommand)]
    Platform(platform::Platform),
}

impl Keys {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self {
            Self::New(new) => new.run(),
            Self::Show(show) => show.run(),
            Self::Convert(convert) => convert.run(),
            Self::Platform(platform) => platform.run(),
        }
    }
}
