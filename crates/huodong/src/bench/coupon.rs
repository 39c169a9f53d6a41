//! `huodong bench coupon`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use huodong_engine::source::monotonic;
use huodong_engine::{Chance, Clock};
use huodong_wire::lakala::SigningKey;
use huodong_wire::lakala::sign::RequestSigned;
use serde_json::json;

use super::load::{self, Load};
use super::order::scatter;
use super::report::Report;
use super::requests::Requests;
use super::sign::{Bound, cores};
use super::{Server, server};
use crate::credentials::Credentials;
use crate::failure::Failure;
use crate::institution::Institution;
use crate::reply_signature;

/// The most requests that are signed before a run; each takes about a kilobyte.
const REQUESTS_MAX: u64 = 500_000;
/// Signed requests are sent within this time, before servers find them stale.
const FRESH: Duration = Duration::from_secs(240);
/// How long the bound is measured, before and after.
const BOUND: Duration = Duration::from_secs(1);
/// Replies of each thread whose signature is verified afterwards.
const SAMPLES: usize = 256;

/// Issues coupons, each with a mer_order_id of its own and without postNotify, and puts the rate
/// beside what the machine can sign in the same run: each reply costs the server one signature.
///
/// All requests are signed before the load begins, as a signature costs the sender as much as the
/// server. A sample of the replies is verified afterwards.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  export HUODONG_MASTER_KEY=$(huodong master-key)
  huodong bench fill --data /tmp/bench --credentials /tmp/bench.json
  huodong serve --data /tmp/bench &
  huodong bench coupon --credentials /tmp/bench.json --connections 64
  kill %1; huodong audit --data /tmp/bench")]
pub(crate) struct Coupon {
    /// Whom to call and as whom: a file that `huodong sandbox` or `huodong bench fill` wrote.
    #[arg(long, value_name = "FILE")]
    credentials: PathBuf,
    /// Where to call, instead of what the file says.
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    /// Connections.
    #[arg(long, short, default_value_t = 64)]
    connections: usize,
    /// Threads that send.
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Seconds to measure.
    #[arg(long, default_value_t = 5.0)]
    duration: f64,
    /// Seconds to send before measuring.
    #[arg(long, default_value_t = 1.0)]
    warm_up: f64,
    /// Sign and send so many; as many as the machine could sign replies for unless given.
    #[arg(long)]
    count: Option<u64>,
    /// How many different users get them.
    #[arg(long, default_value_t = 1_000_000)]
    users: u64,
    /// Print the findings as JSON.
    #[arg(long)]
    json: bool,
}

impl Coupon {
    pub(super) fn run(self) -> Result<(), Failure> {
        self.check()?;
        let credentials = Credentials::read(&self.credentials)?;
        let base_url = self.base_url.as_deref().unwrap_or(&credentials.base_url);
        let Server { address, host } = server(base_url)?;
        let institution =
            credentials.lakala.ok_or_else(|| Failure::new("the credentials have no \"lakala\""))?;
        let key = institution.key()?;
        let before = Bound::measure(&key, BOUND)?;
        let count = self.count.unwrap_or_else(|| self.enough(&before)).min(REQUESTS_MAX);
        let begin = monotonic();
        let signed = self.sign(count, &institution, &key, &host)?;
        let seconds = self.warm_up + self.duration;
        if begin.elapsed() + Duration::from_secs_f64(seconds) > FRESH {
            return Err(Failure::usage(
                "so many requests go stale before they are sent; take fewer",
            ));
        }
        let report = load::run(&Load {
            address,
            host,
            requests: Requests::Signed { what: "coupons", all: signed },
            seed: 0,
            connections: self.connections,
            threads: self.threads,
            rate: None,
            warm_up: Duration::from_secs_f64(self.warm_up),
            duration: Duration::from_secs_f64(self.duration),
            count: Some(count),
            repeat: 0.0,
            samples: SAMPLES,
        })?;
        let after = Bound::measure(&key, BOUND)?;
        let verified = verify(&institution, &report.tally.samples)?;
        self.tell(&report, count, [before, after], verified);
        if report.accepted() == 0 {
            return Err(Failure::new("no coupon was issued"));
        }
        Ok(())
    }

    fn check(&self) -> Result<(), Failure> {
        let seconds = |seconds: f64| (0.0..=200.0).contains(&seconds);
        let rules = [
            (self.connections > 0, "--connections must be above zero"),
            (self.threads > 0, "--threads must be above zero"),
            (self.threads <= self.connections, "--threads must not be above --connections"),
            (seconds(self.duration) && self.duration > 0.0, "--duration must be in 0 to 200"),
            (seconds(self.warm_up), "--warm-up must be in 0 to 200"),
            (self.count.is_none_or(|count| count > 0), "--count must be above zero"),
            ((1..10_000_000_000).contains(&self.users), "--users must be 1 to 9999999999"),
        ];
        match rules.iter().find(|(holds, _)| !holds) {
            Some((_, rule)) => Err(Failure::usage(*rule)),
            None => Ok(()),
        }
    }

    /// More than can be answered in the time.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    fn enough(&self, bound: &Bound) -> u64 {
        (bound.all_cores * (self.warm_up + self.duration)) as u64 + self.connections as u64
    }

    /// The requests, signed on all cores.
    fn sign(
        &self,
        count: u64,
        institution: &Institution,
        key: &SigningKey,
        host: &str,
    ) -> Result<Vec<Vec<u8>>, Failure> {
        let activity = institution.activities.first();
        let activity = activity.ok_or_else(|| Failure::new("there is no activity to issue of"))?;
        let seed = u64::from_be_bytes(Chance.bytes());
        let timestamp = Clock::system().real().as_second().to_string();
        let request = |number: u64| {
            let (order, user) = (scatter(seed ^ scatter(number)), scatter(number) % self.users);
            let body = json!({
                "member_id": format!("{}{user:010}", institution.member_prefix),
                "activity_id": activity.activity_id,
                "owner_id": institution.owner_id,
                "promotion_id": activity.promotion_id,
                "channel_openid": format!("oBench{user:022}"),
                "mer_order_id": format!("{seed:016x}{order:016x}"),
                "writeOffNotify": "https://partner.example/writeoff",
            })
            .to_string();
            let nonce = format!("{seed:016x}{number:016x}");
            let signed = RequestSigned {
                appid: &institution.appid,
                serial_no: &institution.serial_no,
                timestamp: &timestamp,
                nonce_str: &nonce,
            };
            let signature = key.sign(&signed.string_to_sign(body.as_bytes()));
            let authorization = signed.to_header(&signature);
            let (path, length) = (&institution.issue_path, body.len());
            format!(
                "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n\
                 Authorization: {authorization}\r\nContent-Length: {length}\r\n\r\n{body}"
            )
            .into_bytes()
        };
        let threads = cores() as u64;
        let shares: Vec<_> = std::thread::scope(|scope| {
            let share =
                |thread: u64| (thread..count).step_by(cores()).map(request).collect::<Vec<_>>();
            let threads: Vec<_> = (0..threads).map(|t| scope.spawn(move || share(t))).collect();
            threads.into_iter().map(std::thread::ScopedJoinHandle::join).collect()
        });
        let mut all = Vec::with_capacity(usize::try_from(count).unwrap_or_default());
        for share in shares {
            all.extend(share.map_err(|_| Failure::new("a signing thread panicked"))?);
        }
        Ok(all)
    }

    fn tell(&self, report: &Report, count: u64, bounds: [Bound; 2], verified: usize) {
        // The machine's speed changes under us; the run lies between the two.
        let bound = Bound::mean(bounds);
        let share = bound.share(report.accepted_per_s());
        if self.json {
            let mut found = report.json();
            found["signing_per_s"] = bound.json();
            found["share_of_signing"] = json!(share);
            found["replies_verified"] = json!(verified);
            println!("{found}");
        } else {
            println!("{report}\n{bound}");
            if report.ran_out {
                println!(
                    "the load ended early: all {count} signed requests were sent (at most \
                     {REQUESTS_MAX} are signed)"
                );
            }
            println!(
                "that is {:.0} % of what it can sign; {verified} replies verified",
                share * 100.0
            );
        }
    }
}

/// How many replies carried a right signature; all must.
fn verify(institution: &Institution, samples: &[Vec<u8>]) -> Result<usize, Failure> {
    let certificates = institution.platform_certificates()?;
    if certificates.is_empty() {
        return Ok(0);
    }
    for sample in samples {
        let end = sample.windows(4).position(|window| window == b"\r\n\r\n");
        let (head, body) = sample.split_at(end.unwrap_or(sample.len()));
        let head = String::from_utf8_lossy(head);
        let header = |name: &str| {
            let fields = head.lines().filter_map(|line| line.split_once(':'));
            let mut named = fields.filter(|(field, _)| field.eq_ignore_ascii_case(name));
            named.next().map(|(_, value)| value.trim())
        };
        let body = body.get(4..).unwrap_or_default();
        reply_signature::verify(&institution.appid, &certificates, header, body)
            .map_err(|why| Failure::new(format!("a reply's signature is wrong: {why}")))?;
    }
    Ok(samples.len())
}
