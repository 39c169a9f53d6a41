//! `huodong call` and `huodong sign`: one signed call, to see how it is made.

use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use huodong_campaign::SHANGHAI;
use huodong_engine::{Chance, Clock};
use huodong_wire::gongyi::{Api, sign};
use jiff::civil::DateTime;
use jiff::{Span, Timestamp};
use reqwest::{Certificate, Client, Url};
use serde_json::Value;

use crate::caller::{Called, Caller, no_answer};
use crate::failure::{Context as _, Failure};
use crate::json_text::pretty;

/// How long an answer is awaited: longer than any server of ours lets a call wait.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// How long the time is awaited; without an answer it is this machine's.
const CLOCK_TIMEOUT: Duration = Duration::from_secs(2);
/// Who donates and receives flowers, unless it is said.
const USER: &str = "user_001";

#[derive(Debug, Subcommand)]
pub(crate) enum Call {
    /// 腾讯公益 points donations and small red flowers.
    ///
    /// Fields that are not given are filled in from the credentials, so that a call without any
    /// just works against a sandbox: activity, project and bid, a fresh reward_transcode, the
    /// time now (by the sandbox's clock). The request and the answer's head go to standard error, the answer's body to
    /// standard output. Exit code 0 when the answer's code is 0.
    #[command(after_help = "Calls:
  GetActivityInfo RewardToDonate RewardDonateQuery
  CheckXhh PreTry CheckIsTransExist QueryUserXhh

Examples:
  huodong call gongyi RewardToDonate
  huodong call gongyi RewardToDonate money=5000 third_uid=user_007 reward_transcode=t-1
  huodong call gongyi RewardDonateQuery reward_transcode=t-1 third_uid=user_007
  huodong call gongyi RewardToDonate money:='\"five\"'       # := takes JSON, right or wrong
  huodong call gongyi GetActivityInfo --json '{\"project_no\":\"224328\"}'
  echo '{}' | huodong call gongyi RewardToDonate --json -   # a body of your own, as it stands")]
    Gongyi(Gongyi),
}

#[derive(Debug, Args)]
pub(crate) struct Gongyi {
    /// The call, by the vendor's name for it.
    #[arg(value_parser = api)]
    api: Api,
    /// field=text, or field:=JSON.
    #[arg(value_name = "FIELD=VALUE", conflicts_with = "json")]
    fields: Vec<String>,
    /// The whole body, sent as it stands; `-` reads it from standard input.
    #[arg(long, value_name = "BODY")]
    json: Option<String>,
    /// Print the answer's body only.
    #[arg(long, short)]
    quiet: bool,
    /// Trust the certificates in this PEM file, and no others.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    #[command(flatten)]
    caller: Caller,
}

pub(crate) fn api(name: &str) -> Result<Api, String> {
    Api::ALL.into_iter().find(|api| api.name().eq_ignore_ascii_case(name)).ok_or_else(|| {
        let names: Vec<_> = Api::ALL.iter().map(|api| api.name()).collect();
        format!("the calls are {}", names.join(", "))
    })
}

impl Call {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let Self::Gongyi(call) = self;
        crate::runtime()?.block_on(call.run())
    }
}

impl Gongyi {
    async fn run(self) -> Result<(), Failure> {
        let called = self.caller.resolve()?;
        let client = self.client()?;
        let body = self.body(&client, &called).await?;
        let url = called
            .base_url
            .join(self.api.path())
            .cannot(format_args!("call below {}", called.base_url))?;
        let headers = Signature::new(&called, None, None).headers();
        if !self.quiet {
            eprintln!("> POST {url}\n> Content-Type: application/json");
            headers.iter().for_each(|(name, value)| eprintln!("> {name}: {value}"));
            eprintln!(">\n{}\n", pretty(body.as_bytes()));
        }
        let mut request = client.post(url).header("content-type", "application/json");
        for (name, value) in &headers {
            request = request.header(*name, value);
        }
        let answer = request.body(body).send().await;
        let answer = answer.map_err(|error| no_answer(&called.base_url, &error))?;
        let status = answer.status();
        if !self.quiet {
            eprintln!("< {:?} {status}", answer.version());
            for (name, value) in answer.headers() {
                eprintln!("< {name}: {}", String::from_utf8_lossy(value.as_bytes()));
            }
            eprintln!("<");
        }
        let body = answer.bytes().await.map_err(|error| no_answer(&called.base_url, &error))?;
        // Not println: a reader such as `head` that has seen enough is no failure of ours.
        let mut out = std::io::stdout().lock();
        writeln!(out, "{}", pretty(&body)).cannot("print the answer")?;
        let code = serde_json::from_slice(&body)
            .ok()
            .and_then(|answer: Value| answer.get("code")?.as_i64());
        match code {
            Some(0) => Ok(()),
            Some(code) => Err(Failure::new(format!("answered code {code}"))),
            None => Err(Failure::new(format!("answered {status} without a code"))),
        }
    }

    fn client(&self) -> Result<Client, Failure> {
        let mut builder = Client::builder().timeout(ANSWER_TIMEOUT).no_proxy();
        if let Some(path) = &self.ca_file {
            let what = format!("read the certificates in {}", path.display());
            let pem = std::fs::read(path).cannot(&what)?;
            let certificates = Certificate::from_pem_bundle(&pem).cannot(&what)?;
            builder = builder.tls_certs_only(certificates);
        }
        builder.build().cannot("make an HTTP client")
    }

    async fn body(&self, client: &Client, called: &Called) -> Result<String, Failure> {
        match self.json.as_deref() {
            Some("-") => {
                let mut body = String::new();
                std::io::stdin().read_to_string(&mut body).cannot("read standard input")?;
                Ok(body)
            }
            Some(body) => Ok(body.to_owned()),
            None => {
                let now = match self.api {
                    Api::RewardToDonate | Api::CheckXhh | Api::PreTry => {
                        sandbox_time(client, &called.base_url).await
                    }
                    _ => None,
                };
                let now = now.unwrap_or_else(|| Clock::system().now());
                let mut fields = defaults(self.api, called, SHANGHAI.to_datetime(now));
                for field in &self.fields {
                    let (name, value) = parse_field(field)?;
                    match fields.iter_mut().find(|(known, _)| *known == name) {
                        Some((_, slot)) => *slot = value,
                        None => fields.push((name, value)),
                    }
                }
                Ok(object(&fields))
            }
        }
    }
}

/// What time it is by a sandbox's clock, which may have been moved; `None` where there is none.
async fn sandbox_time(client: &Client, base_url: &Url) -> Option<Timestamp> {
    let url = base_url.join("/sandbox/v1/clock").ok()?;
    let answer = client.get(url).timeout(CLOCK_TIMEOUT).send().await.ok()?;
    let reading: Value = answer.error_for_status().ok()?.json().await.ok()?;
    Timestamp::from_second(reading.get("now_unix")?.as_i64()?).ok()
}

/// A JSON object with its fields in this order.
fn object(fields: &[(String, Value)]) -> String {
    let text = |(name, value): &(String, Value)| format!("{}:{value}", Value::from(name.as_str()));
    format!("{{{}}}", fields.iter().map(text).collect::<Vec<_>>().join(","))
}

/// `name=text`, `name:=json`. The fields that are numbers on the wire are numbers here too.
fn parse_field(field: &str) -> Result<(String, Value), Failure> {
    let (name, value) = field.split_once('=').ok_or_else(|| {
        Failure::usage(format!("{field:?}: a field is given as name=value or name:=JSON"))
    })?;
    if let Some(name) = name.strip_suffix(':') {
        let value = serde_json::from_str(value).map_err(|error| {
            Failure::usage(format!("{field:?}: what follows := must be JSON: {error}"))
        })?;
        return Ok((name.to_owned(), value));
    }
    let number = matches!(name, "money" | "reward" | "xhh_num").then(|| value.parse::<u64>().ok());
    let value = number.flatten().map_or_else(|| Value::from(value), Value::from);
    Ok((name.to_owned(), value))
}

/// What a call needs and nobody has said, in the order of the vendor's document.
fn defaults(api: Api, called: &Called, now: DateTime) -> Vec<(String, Value)> {
    let text = |name: &str, value: &str| (name.to_owned(), Value::from(value));
    let number = |name: &str, value: u32| (name.to_owned(), Value::from(value));
    let activity = called.gongyi.activities.first();
    let activity_no = text("activity_no", activity.map_or("", |found| &found.activity_no));
    let project_no = text("project_no", activity.map_or("", |found| &found.project_no));
    let third_uid = text("third_uid", USER);
    let open_id = text("open_id", USER);
    let bid = text("bid", &called.gongyi.bid);
    let wall = |time: DateTime| time.strftime("%Y-%m-%d %H:%M:%S").to_string();
    let day = now.strftime("%Y%m%d").to_string();
    let fresh = hex::encode(Chance.bytes::<12>());
    match api {
        Api::GetActivityInfo => vec![project_no],
        Api::RewardToDonate => vec![
            activity_no,
            project_no,
            third_uid,
            number("reward", 1000),
            text("reward_transcode", &fresh),
            // Always the same: a call that is repeated with its key must differ in nothing.
            text("reward_time", "2026-01-01 12:00:00"),
            number("money", 100),
            bid,
        ],
        Api::RewardDonateQuery => vec![activity_no, project_no, third_uid, bid],
        Api::CheckXhh => vec![open_id, text("trans_date", &day), number("xhh_num", 1)],
        Api::PreTry => vec![
            open_id,
            text("trans_code", &format!("{day}{fresh}")),
            text("time_start", &wall(now)),
            text("time_expire", &wall(now.saturating_add(Span::new().minutes(5)))),
            number("xhh_num", 1),
        ],
        Api::CheckIsTransExist | Api::QueryUserXhh => vec![open_id],
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Sign {
    /// Print signed headers for one call.
    ///
    /// The signature covers appid, nonce and timestamp, not the body and not the path; it is good
    /// for one call within the freshness window.
    #[command(after_help = "Examples:
  curl $(huodong sign gongyi) -d '{\"project_no\":\"224328\"}' \\
      http://127.0.0.1:18080/api/reward_donate_service/GetActivityInfo
  huodong sign gongyi --format headers
  huodong sign gongyi --appid demo_app --secret secret_0123456789 \\
      --nonce 1a2b3c4d5e6f7g8h1a2b3c4d5e6f7g8h --timestamp 1650812345 --format json")]
    Gongyi {
        /// curl: `-H` options for a command line; headers: one a line; json: an object.
        #[arg(long, value_enum, default_value = "curl")]
        format: SignFormat,
        /// Letters and digits, 1 to 64; random unless given.
        #[arg(long)]
        nonce: Option<String>,
        /// Unix seconds; now unless given.
        #[arg(long)]
        timestamp: Option<u64>,
        #[command(flatten)]
        caller: Caller,
    },
}

/// How headers are printed.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum SignFormat {
    /// `-H` options for a command line.
    Curl,
    /// One a line.
    Headers,
    /// An object.
    Json,
}

impl Sign {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let Self::Gongyi { format, nonce, timestamp, caller } = self;
        let called = caller.resolve()?;
        if nonce.as_deref().is_some_and(|nonce| !sign::nonce_is_well_formed(nonce)) {
            return Err(Failure::usage("--nonce must be 1 to 64 letters and digits"));
        }
        if called.gongyi.appid.contains(|c: char| !c.is_ascii_graphic() || "'\"\\$`*?[".contains(c))
        {
            return Err(Failure::usage("the appid holds what a header or a shell would misread"));
        }
        let headers = Signature::new(&called, nonce, timestamp).headers();
        match format {
            // Without blanks, so that the words of an unquoted $(…) are the right ones.
            SignFormat::Curl => {
                let words = headers.map(|(name, value)| format!("-H {name}:{value}"));
                println!("-H Content-Type:application/json {}", words.join(" "));
            }
            SignFormat::Headers => {
                headers.iter().for_each(|(name, value)| println!("{name}: {value}"));
            }
            SignFormat::Json => println!("{}", Value::from_iter(headers)),
        }
        Ok(())
    }
}

/// The four headers' values.
struct Signature {
    appid: String,
    timestamp: String,
    nonce: String,
    sign: String,
}

impl Signature {
    fn new(called: &Called, nonce: Option<String>, timestamp: Option<u64>) -> Self {
        let appid = called.gongyi.appid.clone();
        let nonce = nonce.unwrap_or_else(|| hex::encode(Chance.bytes::<16>()));
        let timestamp = timestamp
            .map_or_else(|| Clock::system().real().as_second().to_string(), |s| s.to_string());
        let sign = sign::sign(&appid, &nonce, &timestamp, &called.gongyi.secret);
        Self { appid, timestamp, nonce, sign }
    }

    fn headers(self) -> [(&'static str, String); 4] {
        [
            (sign::APPID, self.appid),
            (sign::TIMESTAMP, self.timestamp),
            (sign::NONCE, self.nonce),
            (sign::SIGN, self.sign),
        ]
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_are_text_unless_the_wire_says_number_or_the_caller_says_json() {
        assert_eq!(parse_field("money=5").unwrap(), ("money".into(), json!(5)));
        assert_eq!(parse_field("money=five").unwrap(), ("money".into(), json!("five")));
        assert_eq!(parse_field("bid=5").unwrap(), ("bid".into(), json!("5")));
        assert_eq!(parse_field("bid:=5").unwrap(), ("bid".into(), json!(5)));
        assert_eq!(parse_field("a=b=c").unwrap(), ("a".into(), json!("b=c")));
        assert!(parse_field("money").is_err());
        assert!(parse_field("money:=five").is_err());
    }
}
