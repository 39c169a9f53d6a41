use std::path::PathBuf;

use clap::{ArgGroup, Args, ValueEnum};
use huodong_engine::{Chance, Clock};
use huodong_wire::lakala::sign::{NONCE_CHARS, NONCE_CHARS_MAX, RequestSigned};
use serde_json::json;

use crate::failure::{Context as _, Failure};
use crate::institution::{Caller, Institution};

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).args(["body", "body_file"]))]
pub(crate) struct SignLakala {
    /// The body that is signed.
    #[arg(long, value_name = "BODY")]
    body: Option<String>,
    /// The file with the body that is signed; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    body_file: Option<PathBuf>,
    /// header: the header's line; curl: lines for `curl -K`; json: an object.
    #[arg(long, value_enum, default_value = "header")]
    format: Format,
    /// Visible ASCII characters without quotation marks, 1 to 64; 12 random ones unless given.
    #[arg(long)]
    nonce: Option<String>,
    /// Unix seconds; now unless given.
    #[arg(long)]
    timestamp: Option<u64>,
    #[command(flatten)]
    caller: Caller,
}

/// How the header is printed.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// Its line.
    Header,
    /// Lines for `curl -K`.
    Curl,
    /// An object.
    Json,
}

impl SignLakala {
    pub(super) fn run(self) -> Result<(), Failure> {
        let called = self.caller.resolve()?;
        let body = self.body()?;
        let well_formed = |nonce: &String| {
            (1..=NONCE_CHARS_MAX).contains(&nonce.len())
                && nonce.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\')
        };
        if self.nonce.as_ref().is_some_and(|nonce| !well_formed(nonce)) {
            return Err(Failure::usage(
                "--nonce must be 1 to 64 visible ASCII characters without quotation marks",
            ));
        }
        let value = authorization(&called.institution, &body, self.nonce, self.timestamp)?;
        match self.format {
            Format::Header => println!("Authorization: {value}"),
            Format::Curl => {
                println!("header = \"Authorization: {}\"", value.replace('"', "\\\""));
                println!("header = \"Content-Type: application/json\"");
            }
            Format::Json => println!("{}", json!({"Authorization": value})),
        }
        Ok(())
    }

    fn body(&self) -> Result<Vec<u8>, Failure> {
        match (&self.body, &self.body_file) {
            (Some(body), _) => Ok(body.clone().into_bytes()),
            (None, Some(path)) if path.as_os_str() == "-" => {
                let mut body = Vec::new();
                std::io::Read::read_to_end(&mut std::io::stdin(), &mut body)
                    .cannot("read standard input")?;
                Ok(body)
            }
            (None, Some(path)) => {
                std::fs::read(path).cannot(format_args!("read the body in {}", path.display()))
            }
            (None, None) => Err(Failure::usage("give the body by --body or --body-file")),
        }
    }
}

/// The value of the `Authorization` header for a body.
pub(crate) fn authorization(
    institution: &Institution,
    body: &[u8],
    nonce: Option<String>,
    timestamp: Option<u64>,
) -> Result<String, Failure> {
    let nonce = nonce.unwrap_or_else(|| hex::encode(Chance.bytes::<{ NONCE_CHARS / 2 }>()));
    let timestamp =
        timestamp.map_or_else(|| Clock::system().real().as_second().to_string(), |s| s.to_string());
    let signed = RequestSigned {
        appid: &institution.appid,
        serial_no: &institution.serial_no,
        timestamp: &timestamp,
        nonce_str: &nonce,
    };
    let signature = institution.key()?.sign(&signed.string_to_sign(body));
    Ok(signed.to_header(&signature))
}
