use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use reqwest::{Method, Url};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::caller::{SANDBOX_URL, client, no_answer};
use crate::failure::{Context as _, Failure};
use crate::files::write_private;

/// How long an answer is awaited; making a key takes a moment.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// What is read of a list; nobody has as many keys.
const KEYS_MAX: usize = 500;

/// The keys with which a running server signs: `reply` its answers to 拉卡拉 partners, `notify` its
/// callbacks, `gateway-rsa` and `gateway-sm2` its answers to 银盛 partners of each mode, who also encrypt
/// for them. They
/// are made in the server, sealed under its master key, and never leave it; partners get the
/// certificates. Serving makes the first of each by itself.
#[derive(Debug, Subcommand)]
#[command(after_help = "What a server signs with, asked with an admin's token in HUODONG_TOKEN:
  huodong keys platform list --server http://127.0.0.1:8080

To rotate a key while everything goes on, with --server as above:
  huodong keys platform add reply …                      # 1. published; nothing is signed with it yet
  huodong keys platform certificates --out certs …       # 2. both certificates of a purpose in one
                                                         #    file: give it to every partner, and
                                                         #    wait until they have taken it in
  huodong keys platform sign-with NEW_SERIAL …           # 3. from now on this one signs
  huodong keys platform retire OLD_SERIAL …              # 4. once nobody verifies what the old one
                                                         #    has signed

A gateway's key that does not sign any more still opens what partners encrypt for it, until it is
retired.

Replies name their certificate's serial (Lklapi-Serial). Callbacks name none: receivers try each
certificate of notify.pem.")]
pub(crate) enum Platform {
    /// List the keys.
    List {
        #[command(flatten)]
        operator: Operator,
    },
    /// Make a key and publish its certificate; the first of its purpose signs at once.
    Add {
        /// What it signs.
        #[arg(value_enum)]
        purpose: Purpose,
        /// For how many years its certificate is valid.
        #[arg(long, default_value_t = 10)]
        years: u16,
        #[command(flatten)]
        operator: Operator,
    },
    /// Sign with this key from now on; the one before stays published.
    SignWith {
        /// Its serial.
        serial: String,
        #[command(flatten)]
        operator: Operator,
    },
    /// Retire a key for good: what it signed is not to be trusted any more.
    Retire {
        /// Its serial.
        serial: String,
        #[command(flatten)]
        operator: Operator,
    },
    /// Write reply.pem, notify.pem, gateway_rsa.pem and gateway_sm2.pem, the certificates partners are
    /// to trust.
    Certificates {
        /// The directory to put them in; made where missing.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        #[command(flatten)]
        operator: Operator,
    },
}

/// A purpose of keys.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Purpose {
    /// Answers to calls.
    Reply,
    /// Callbacks.
    Notify,
    /// Answers of the 银盛 gateway in RSA mode.
    GatewayRsa,
    /// Answers of the 银盛 gateway in 国密 mode.
    GatewaySm2,
}

impl Purpose {
    fn name(self) -> &'static str {
        match self {
            Self::Reply => "reply",
            Self::Notify => "notify",
            Self::GatewayRsa => "gateway_rsa",
            Self::GatewaySm2 => "gateway_sm2",
        }
    }
}

/// Which server, and by what right.
#[derive(Debug, Args)]
pub(crate) struct Operator {
    /// Where the server's operator API is.
    #[arg(long, value_name = "URL", env = "HUODONG_BASE_URL", default_value = SANDBOX_URL)]
    server: Url,
    /// An operator's token; changes need the role admin.
    #[arg(long, env = "HUODONG_TOKEN", hide_env_values = true)]
    token: String,
    /// Trust the certificates in this PEM file, and no others.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
}

/// A key as the operator API shows it.
#[derive(Debug, Deserialize)]
struct Key {
    serial_no: String,
    purpose: String,
    status: String,
    certificate: String,
    valid_until: String,
}

impl Platform {
    pub(super) fn run(self) -> Result<(), Failure> {
        crate::runtime()?.block_on(async {
            match self {
                Self::List { operator } => {
                    for key in operator.keys().await? {
                        println!("{}", key.line());
                    }
                }
                Self::Add { purpose, years, operator } => {
                    let body = json!({"purpose": purpose.name(), "years": years});
                    let made = operator.ask(Method::POST, "", Some(body)).await?;
                    println!("{}", key_of(made)?.line());
                }
                Self::SignWith { serial, operator } => {
                    let path = format!("/{serial}/sign-with");
                    let key = operator.ask(Method::POST, &path, Some(json!({}))).await?;
                    println!("{}", key_of(key)?.line());
                }
                Self::Retire { serial, operator } => {
                    let path = format!("/{serial}/retire");
                    let key = operator.ask(Method::POST, &path, Some(json!({}))).await?;
                    println!("{}", key_of(key)?.line());
                }
                Self::Certificates { out, operator } => {
                    let keys = operator.keys().await?;
                    std::fs::create_dir_all(&out)
                        .cannot(format_args!("make the directory {}", out.display()))?;
                    for purpose in Purpose::value_variants() {
                        let path = out.join(format!("{}.pem", purpose.name()));
                        let text = certificates(&keys, *purpose);
                        if text.is_empty() {
                            let name = purpose.name();
                            return Err(Failure::new(format!("there is no key for {name}")));
                        }
                        write_private(&path, text.trim_end())?;
                        println!("wrote {}", path.display());
                    }
                }
            }
            Ok(())
        })
    }
}

/// What partners are to trust for a purpose: the one that signs first.
fn certificates(keys: &[Key], purpose: Purpose) -> String {
    let of = |status: &str| {
        let found = keys.iter().filter(|key| key.purpose == purpose.name() && key.status == status);
        found.map(|key| format!("{}\n", key.certificate.trim_end())).collect::<String>()
    };
    of("signing") + &of("published")
}

fn key_of(value: Value) -> Result<Key, Failure> {
    serde_json::from_value(value).cannot("read the server's answer")
}

impl Key {
    fn line(&self) -> String {
        format!(
            "{:<34} {:<11} {:<10} until {}",
            self.serial_no, self.purpose, self.status, self.valid_until
        )
    }
}

impl Operator {
    async fn keys(&self) -> Result<Vec<Key>, Failure> {
        let list = self.ask(Method::GET, &format!("?limit={KEYS_MAX}"), None).await?;
        let items = list.get("items").cloned().unwrap_or_default();
        serde_json::from_value(items).cannot("read the server's list of keys")
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value, Failure> {
        let url = self.server.join(&format!("/operator/v1/platform-keys{path}"));
        let url = url.cannot(format_args!("call below {}", self.server))?;
        let client = client(ANSWER_TIMEOUT, self.ca_file.as_deref())?;
        let mut request = client.request(method, url.clone());
        request = request.bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.map_err(|error| no_answer(&self.server, &error))?;
        let status = answer.status();
        let text = answer.text().await.map_err(|error| no_answer(&self.server, &error))?;
        if status.is_success() {
            return serde_json::from_str(&text).cannot("read the server's answer");
        }
        let problem: Option<Value> = serde_json::from_str(&text).ok();
        let detail = problem.as_ref().and_then(|problem| problem.get("detail")?.as_str());
        Err(Failure::new(format!("{url} answered {status}: {}", detail.unwrap_or(&text))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partners_get_every_certificate_that_is_valid_and_the_signing_one_first() {
        let key = |serial: &str, purpose: &str, status: &str| Key {
            serial_no: serial.to_owned(),
            purpose: purpose.to_owned(),
            status: status.to_owned(),
            certificate: format!("-{serial}-\n"),
            valid_until: String::new(),
        };
        let keys = [
            key("1", "reply", "retired"),
            key("2", "reply", "published"),
            key("3", "reply", "signing"),
            key("4", "notify", "signing"),
        ];
        assert_eq!(certificates(&keys, Purpose::Reply), "-3-\n-2-\n");
        assert_eq!(certificates(&keys, Purpose::Notify), "-4-\n");
    }
}
