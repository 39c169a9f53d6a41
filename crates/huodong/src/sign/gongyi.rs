use clap::{Args, ValueEnum};
use huodong_engine::{Chance, Clock};
use huodong_wire::gongyi::sign;
use serde_json::Value;

use crate::caller::{Called, Caller};
use crate::failure::Failure;

#[derive(Debug, Args)]
pub(crate) struct SignGongyi {
    /// curl: `-H` options for a command line; headers: one a line; json: an object.
    #[arg(long, value_enum, default_value = "curl")]
    format: Format,
    /// Letters and digits, 1 to 64; random unless given.
    #[arg(long)]
    nonce: Option<String>,
    /// Unix seconds; now unless given.
    #[arg(long)]
    timestamp: Option<u64>,
    #[command(flatten)]
    caller: Caller,
}

/// How headers are printed.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// `-H` options for a command line.
    Curl,
    /// One a line.
    Headers,
    /// An object.
    Json,
}

impl SignGongyi {
    pub(super) fn run(self) -> Result<(), Failure> {
        let Self { format, nonce, timestamp, caller } = self;
        let called = caller.resolve()?;
        if nonce.as_deref().is_some_and(|nonce| !sign::nonce_is_well_formed(nonce)) {
            return Err(Failure::usage("--nonce must be 1 to 64 letters and digits"));
        }
        if called.gongyi.appid.contains(|c: char| !c.is_ascii_graphic() || "'\"\\$`*?[".contains(c))
        {
            return Err(Failure::usage("the appid holds what a header or a shell would misread"));
        }
        let headers = GongyiSignature::new(&called, nonce, timestamp).headers();
        match format {
            // Without blanks, so that the words of an unquoted $(…) are the right ones.
            Format::Curl => {
                let words = headers.map(|(name, value)| format!("-H {name}:{value}"));
                println!("-H Content-Type:application/json {}", words.join(" "));
            }
            Format::Headers => {
                headers.iter().for_each(|(name, value)| println!("{name}: {value}"));
            }
            Format::Json => println!("{}", Value::from_iter(headers)),
        }
        Ok(())
    }
}

/// The four headers' values.
pub(crate) struct GongyiSignature {
    appid: String,
    timestamp: String,
    nonce: String,
    sign: String,
}

impl GongyiSignature {
    pub(crate) fn new(called: &Called, nonce: Option<String>, timestamp: Option<u64>) -> Self {
        let appid = called.gongyi.appid.clone();
        let nonce = nonce.unwrap_or_else(|| hex::encode(Chance.bytes::<16>()));
        let timestamp = timestamp
            .map_or_else(|| Clock::system().real().as_second().to_string(), |s| s.to_string());
        let sign = sign::sign(&appid, &nonce, &timestamp, &called.gongyi.secret);
        Self { appid, timestamp, nonce, sign }
    }

    pub(crate) fn headers(self) -> [(&'static str, String); 4] {
        [
            (sign::APPID, self.appid),
            (sign::TIMESTAMP, self.timestamp),
            (sign::NONCE, self.nonce),
            (sign::SIGN, self.sign),
        ]
    }
}
