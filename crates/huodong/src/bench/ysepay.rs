//! `huodong bench ysepay`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use huodong_engine::Chance;
use huodong_engine::source::monotonic;
use huodong_server::MasterKey;
use huodong_store::{Store, StoreOptions};
use huodong_wire::ysepay::{Api, Mode, ReceivedReply};
use serde_json::{Value, json};

use super::cpu::Cpu;
use super::envelope_bound::{Bound, Work};
use super::gateway_partner::{self, Calling, Partner};
use super::load::{self, Load};
use super::report::Report;
use super::requests::Requests;
use super::sealed;
use super::served::Served;
use super::sign::cores;
use crate::failure::{Context as _, Failure};

/// The most requests of one load; each takes about a kilobyte and a half.
const REQUESTS_MAX: u64 = 200_000;
/// Sealed requests are sent within this time, before the gateway finds them stale.
const FRESH: Duration = Duration::from_secs(240);
/// How long the bound is measured, before and after each load.
const BOUND: Duration = Duration::from_secs(1);
/// Replies of each thread whose signature is verified afterwards.
const SAMPLES: usize = 256;

/// Calls the 银盛 gateway in both modes and puts the rates beside what the machine can do with the
/// keys: each answer costs the server a verification, an opening and a signature.
///
/// The bound is those three on every core at once, and nothing else, measured before and after each
/// load; the load generator takes its share of the same cores. On a machine that others use, too, the
/// rates say little; what the processor time is spent on, told beside them, says more. All requests are sealed before the load
/// begins, as that is the callers' work, and differ in reqId, content and keys. The server is a process
/// of its own on a database of its own, which is audited at the end; a sample of the replies is
/// verified.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  huodong bench ysepay
  huodong bench ysepay --connections 256 --duration 10 --mode sm2
  huodong bench ysepay --json")]
pub(crate) struct Ysepay {
    /// Connections.
    #[arg(long, short, default_value_t = 64)]
    connections: usize,
    /// Threads that send.
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Seconds to measure, for each load.
    #[arg(long, default_value_t = 5.0)]
    duration: f64,
    /// Seconds to send before measuring, for each load.
    #[arg(long, default_value_t = 1.0)]
    warm_up: f64,
    /// Only this mode: sm2 or rsa.
    #[arg(long, value_parser = crate::initiator::mode)]
    mode: Option<Mode>,
    /// Send at most so many in each load.
    #[arg(long)]
    count: Option<u64>,
    /// Where the database goes for the time being: the disk to be measured.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Print the findings as JSON.
    #[arg(long)]
    json: bool,
}

/// What one load found.
struct Found {
    mode: Mode,
    api: Api,
    report: Report,
    /// What the keys' work alone takes.
    bound: Bound,
    verified: usize,
    /// Processor time of the server and of the load generator, in microseconds a call.
    server_us: f64,
    sender_us: f64,
}

impl Ysepay {
    pub(super) fn run(&self) -> Result<(), Failure> {
        self.check()?;
        let directory = match &self.data {
            Some(directory) => tempfile::tempdir_in(directory),
            None => tempfile::tempdir(),
        };
        let directory = directory.cannot("make a directory for the database")?;
        let directory = directory.path();
        let key = hex::encode(Chance.bytes::<32>());
        let runtime = crate::runtime()?;
        let (mut steps, mut found) = (Vec::new(), Vec::new());
        runtime.block_on(async {
            let master_key = MasterKey::from_hex(&key).cannot("use a fresh master key")?;
            // Each merchant enrols for both activities.
            let merchants = self.count.unwrap_or(REQUESTS_MAX).min(REQUESTS_MAX) / 2 + 1;
            let partner = gateway_partner::make(directory, master_key, merchants).await?;
            let server = Served::start(directory, &key).await?;
            let wanted = |calling: &&Calling| self.mode.is_none_or(|mode| mode == calling.mode());
            for calling in partner.initiators.iter().filter(wanted) {
                let work = partner.work(calling)?;
                steps.push(work.steps()?);
                for api in [Api::Consult, Api::AddData] {
                    found.push(self.measure(&server, &partner, calling, &work, api)?);
                }
            }
            server.stop().await
        })?;
        audit(directory)?;
        if self.json {
            let loads: Vec<_> = found.iter().map(Found::json).collect();
            let steps: Vec<_> = steps.iter().map(|steps| steps.json()).collect();
            println!("{}", json!({"cores": cores(), "one_core_per_s": steps, "loads": loads}));
        } else {
            steps.iter().for_each(|steps| println!("{steps}"));
            found.iter().for_each(|found| println!("\n{found}"));
        }
        match found.iter().find(|found| found.report.accepted() == 0) {
            Some(nothing) => {
                Err(Failure::new(format!("no {} {} was answered well", nothing.mode, nothing.api)))
            }
            None => Ok(()),
        }
    }

    fn check(&self) -> Result<(), Failure> {
        let seconds = |seconds: f64| (0.0..=100.0).contains(&seconds);
        let rules = [
            (self.connections > 0, "--connections must be above zero"),
            (self.threads > 0, "--threads must be above zero"),
            (self.threads <= self.connections, "--threads must not be above --connections"),
            (seconds(self.duration) && self.duration > 0.0, "--duration must be in 0 to 100"),
            (seconds(self.warm_up), "--warm-up must be in 0 to 100"),
            (self.count.is_none_or(|count| count > 0), "--count must be above zero"),
        ];
        match rules.iter().find(|(holds, _)| !holds) {
            Some((_, rule)) => Err(Failure::usage(*rule)),
            None => Ok(()),
        }
    }

    fn measure(
        &self,
        server: &Served,
        partner: &Partner,
        calling: &Calling,
        work: &Work,
        api: Api,
    ) -> Result<Found, Failure> {
        let before = work.bound(BOUND)?;
        let seconds = self.warm_up + self.duration;
        let count = self.count.unwrap_or_else(|| enough(before.per_s * seconds, self.connections));
        let count = count.min(REQUESTS_MAX);
        let begin = monotonic();
        let host = server.address.to_string();
        let sealed = sealed::requests(partner, calling, api, count, &host)?;
        if begin.elapsed() + Duration::from_secs_f64(seconds) > FRESH {
            return Err(Failure::usage(
                "so many requests go stale before they are sent; take fewer",
            ));
        }
        let (server_cpu, own_cpu) = (Cpu::of(server.id())?, Cpu::own()?);
        let report = load::run(&Load {
            address: server.address,
            host,
            requests: Requests::Signed { what: what(api), all: sealed },
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
        let sent = report.sent.max(1);
        let (server_us, sender_us) = (server_cpu.us_each(sent)?, own_cpu.us_each(sent)?);
        let after = work.bound(BOUND)?;
        let verified = verify(calling, &report.tally.samples)?;
        // The machine's speed changes under us; the run lies between the two.
        let bound = Bound::mean([before, after]);
        Ok(Found { mode: calling.mode(), api, report, bound, verified, server_us, sender_us })
    }
}

/// More than can be answered in the time.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn enough(answers: f64, connections: usize) -> u64 {
    answers as u64 + connections as u64
}

fn what(api: Api) -> &'static str {
    match api {
        Api::Upload => "photos",
        Api::AddData => "enrolments",
        Api::Consult => "consults",
    }
}

/// How many replies carried a right signature; all must.
fn verify(calling: &Calling, samples: &[Vec<u8>]) -> Result<usize, Failure> {
    for sample in samples {
        let end = sample.windows(4).position(|window| window == b"\r\n\r\n");
        let body = end.and_then(|end| sample.get(end + 4..)).unwrap_or_default();
        let reply = ReceivedReply::read(body).cannot("read a reply")?;
        if !reply.verify(&calling.as_whom.gateway) {
            return Err(Failure::new("a reply's signature is wrong"));
        }
    }
    Ok(samples.len())
}

/// Every invariant of the database.
fn audit(directory: &Path) -> Result<(), Failure> {
    let options = StoreOptions::at(directory);
    let (store, _) = Store::open_existing(&options).cannot("open the database")?;
    let report = store.reader().verify().cannot("audit the database")?;
    match report.violations.first() {
        Some(violation) => Err(Failure::new(format!("the books do not balance: {violation}"))),
        None => Ok(()),
    }
}

impl Found {
    fn share(&self) -> f64 {
        self.report.accepted_per_s() / self.bound.per_s.max(1e-9)
    }

    /// How much of the processor time is the keys' work; what the machine does for others is not in
    /// it.
    fn share_of_time(&self) -> f64 {
        self.bound.us_each / (self.server_us + self.sender_us).max(1e-9)
    }

    fn json(&self) -> Value {
        let mut found = self.report.json();
        found["mode"] = json!(self.mode.name());
        found["api"] = json!(self.api.name());
        found["bound_per_s"] = json!(self.bound.per_s);
        found["keys_us_each"] = json!(self.bound.us_each);
        found["share_of_time"] = json!(self.share_of_time());
        found["share_of_bound"] = json!(self.share());
        found["replies_verified"] = json!(self.verified);
        found["server_us_each"] = json!(self.server_us);
        found["sender_us_each"] = json!(self.sender_us);
        found
    }
}

impl std::fmt::Display for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { mode, api, report, bound, verified, server_us, sender_us } = self;
        let (share, cores) = (self.share() * 100.0, cores());
        writeln!(f, "{api}, {mode}: {report}")?;
        let Bound { per_s, us_each: keys_us } = bound;
        writeln!(
            f,
            "that is {share:.0} % of {per_s:.0} /s, the keys' work alone on all {cores} cores"
        )?;
        write!(
            f,
            "processor time a call: keys {keys_us:.0} µs, server in all {server_us:.0} µs, load \
             generator {sender_us:.0} µs: {:.0} % is the keys'; {verified} replies verified",
            self.share_of_time() * 100.0
        )
    }
}
