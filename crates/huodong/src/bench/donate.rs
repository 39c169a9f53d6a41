//! `huodong bench donate`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use huodong_engine::Chance;

use super::load::{self, Load};
use super::order::{Caller, Orders, Target};
use super::requests::Requests;
use super::{Server, server};
use crate::credentials::{self, Credentials};
use crate::failure::Failure;

/// Each request is signed and carries a key of its own, random and unique. One or many activities
/// take the money in turn.
///
/// Closed loop (the default): each connection sends its next request when its answer has come.
/// Open loop (--rate): requests are sent on a schedule, whether or not answers come, and latency
/// counts from the moment a request was due, so that a server that stalls is charged for the stall.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  huodong bench donate --credentials sandbox.json --connections 64 --duration 10
  huodong bench donate --credentials sandbox.json --connections 256 --rate 20000 --repeat 0.05
  huodong bench donate --credentials sandbox.json --connections 64 --count 100000 --json")]
pub(crate) struct Donate {
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
    /// Send so many requests a second (open loop).
    #[arg(long)]
    rate: Option<f64>,
    /// Seconds to measure.
    #[arg(long, default_value_t = 10.0)]
    duration: f64,
    /// Seconds to send before measuring.
    #[arg(long, default_value_t = 2.0)]
    warm_up: f64,
    /// Stop after so many new donations.
    #[arg(long)]
    count: Option<u64>,
    /// Spread over the first N activities of the file.
    #[arg(long, value_name = "N", default_value_t = 1)]
    activities: usize,
    /// Use these activities and not the file's.
    #[arg(long, value_name = "ACTIVITY_NO:PROJECT_NO")]
    activity: Vec<String>,
    /// How many different users donate.
    #[arg(long, default_value_t = 1_000_000)]
    users: u64,
    /// Share of requests that send an earlier donation again, 0 to 1.
    #[arg(long, default_value_t = 0.0)]
    repeat: f64,
    /// Keys, users and amounts follow from it; random where it is not given.
    #[arg(long)]
    seed: Option<u64>,
    /// Print the findings as JSON.
    #[arg(long)]
    json: bool,
}

impl Donate {
    pub(super) fn run(self) -> Result<(), Failure> {
        let seed = self.seed.unwrap_or_else(|| u64::from_be_bytes(Chance.bytes()));
        let load = self.load(seed)?;
        let report = load::run(&load)?;
        if self.json {
            println!("{}", report.json());
        } else {
            println!("{report}\nseed {seed}");
        }
        if report.accepted() == 0 {
            return Err(Failure::new("no donation was accepted"));
        }
        Ok(())
    }

    fn load(&self, seed: u64) -> Result<Load, Failure> {
        let credentials = Credentials::read(&self.credentials)?;
        let base_url = self.base_url.as_deref().unwrap_or(&credentials.base_url);
        let Server { address, host } = server(base_url)?;
        let gongyi = credentials.gongyi;
        let listed = gongyi.activities.into_iter().take(self.activities);
        let targets = if self.activity.is_empty() {
            let target = |a: credentials::Activity| Target {
                activity_no: a.activity_no,
                project_no: a.project_no,
            };
            listed.map(target).collect()
        } else {
            self.activity.iter().map(|text| target(text)).collect::<Result<Vec<_>, _>>()?
        };
        self.check(&targets)?;
        Ok(Load {
            address,
            host,
            requests: Requests::Donations {
                caller: Caller { appid: gongyi.appid, secret: gongyi.secret, bid: gongyi.bid },
                orders: Orders { seed, users: self.users, targets },
            },
            seed,
            connections: self.connections,
            threads: self.threads,
            rate: self.rate,
            warm_up: Duration::from_secs_f64(self.warm_up),
            duration: Duration::from_secs_f64(self.duration),
            count: self.count,
            repeat: self.repeat,
            samples: 0,
        })
    }

    fn check(&self, targets: &[Target]) -> Result<(), Failure> {
        // A day is longer than anybody measures, and still fits every clock.
        let seconds = |seconds: f64| (0.0..=86_400.0).contains(&seconds);
        let rules = [
            (!targets.is_empty(), "there is no activity to donate to"),
            (self.connections > 0, "--connections must be above zero"),
            (self.threads > 0, "--threads must be above zero"),
            (self.threads <= self.connections, "--threads must not be above --connections"),
            (self.rate.is_none_or(|rate| rate >= 0.1), "--rate must be at least 0.1"),
            (seconds(self.duration) && self.duration > 0.0, "--duration must be in 0 to 86400"),
            (seconds(self.warm_up), "--warm-up must be in 0 to 86400"),
            ((1..10_000_000_000).contains(&self.users), "--users must be 1 to 9999999999"),
            ((0.0..=1.0).contains(&self.repeat), "--repeat must be in 0 to 1"),
        ];
        match rules.iter().find(|(holds, _)| !holds) {
            Some((_, rule)) => Err(Failure::usage(*rule)),
            None => Ok(()),
        }
    }
}

fn target(text: &str) -> Result<Target, Failure> {
    match text.split_once(':') {
        Some((activity_no, project_no)) if !activity_no.is_empty() && !project_no.is_empty() => {
            Ok(Target { activity_no: activity_no.into(), project_no: project_no.into() })
        }
        _ => Err(Failure::usage(format!("--activity takes ACTIVITY_NO:PROJECT_NO, not {text:?}"))),
    }
}
