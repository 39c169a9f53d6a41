//! `huodong keys`: RSA keys and certificates, a partner's own and the platform's.

mod new;
mod platform;

use clap::Subcommand;

use crate::failure::Failure;

/// Keys and certificates for 拉卡拉 signatures (SHA256withRSA).
///
/// A partner signs its requests with a private key of its own and gives the platform the
/// certificate. The platform signs replies and callbacks with two keys of its own and gives
/// partners their certificates. Nobody gives a private key away.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  huodong keys new --cn 'Example Bank' --out keys    # a partner's key and certificate
  huodong keys platform list --server http://127.0.0.1:8080 --token $TOKEN   # the platform's keys
  huodong help keys platform                         # how to rotate them")]
pub(crate) enum Keys {
    /// Make a private key and its self-signed certificate.
    New(new::New),
    /// List and rotate the keys with which a running server signs.
    #[command(subcommand)]
    Platform(platform::Platform),
}

impl Keys {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self {
            Self::New(new) => new.run(),
            Self::Platform(platform) => platform.run(),
        }
    }
}
