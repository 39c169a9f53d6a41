//! `huodong bench callbacks`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use huodong_engine::{Chance, Clock};
use huodong_server::MasterKey;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::delivered::Delivered;
use super::owed::{Batch, Owed};
use super::receiver::Receivers;
use super::served::Served;
use super::sign::{Bound, fresh_key};
use crate::failure::{Context as _, Failure};

/// How long the bound is measured.
const BOUND: Duration = Duration::from_secs(1);
/// An issue callback is signed within its body and once more in its header.
const SIGNATURES_EACH: f64 = 2.0;
/// When the callbacks that only wait are due.
const FAR: SignedDuration = SignedDuration::from_hours(24);

/// Measures `huodong serve` as it delivers issue callbacks to receivers in this process, which
/// acknowledge at once:
///
/// 1. throughput: all are overdue when the server starts; beside what the machine can sign;
/// 2. lateness: they fall due evenly at half of that rate; from due to sent;
/// 3. the same with a million more that only wait; with the server's memory, and how long it takes
///    to look for what is due.
///
/// Each part has a database of its own, which is audited afterwards and removed.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  huodong bench callbacks
  huodong bench callbacks --count 2000 --seconds 2 --owed 10000     # a quick look")]
pub(crate) struct Callbacks {
    /// Callbacks in the first part.
    #[arg(long, default_value_t = 20_000)]
    count: u64,
    /// Seconds over which callbacks fall due in the other parts.
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    /// Callbacks a second in the other parts; half of what the first finds unless given.
    #[arg(long)]
    rate: Option<f64>,
    /// Seconds that starting a server may take in the other parts, before the first is due.
    #[arg(long, default_value_t = 6.0)]
    lead: f64,
    /// Callbacks that only wait in the third part; 0 leaves it out.
    #[arg(long, default_value_t = 1_000_000)]
    owed: u64,
    /// Receivers they go to in turn.
    #[arg(long, default_value_t = 8)]
    receivers: usize,
    /// Where the databases go while it runs; the system's temporary directory unless given.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Print the findings as JSON.
    #[arg(long)]
    json: bool,
}

/// What one part runs on.
struct Part {
    directory: PathBuf,
    key: String,
    receivers: Receivers,
}

impl Callbacks {
    pub(super) fn run(self) -> Result<(), Failure> {
        self.check()?;
        let directory = match &self.data {
            Some(directory) => tempfile::tempdir_in(directory),
            None => tempfile::tempdir(),
        };
        let directory = directory.cannot("make a directory for the databases")?;
        let key = fresh_key()?;
        let before = Bound::measure(&key, BOUND)?;
        crate::runtime()?.block_on(async {
            let per_s = self.throughput(&directory.path().join("throughput")).await?;
            let bound = Bound::mean([before, Bound::measure(&key, BOUND)?]);
            let share = bound.share(per_s * SIGNATURES_EACH);
            let rate = self.rate.unwrap_or(per_s / 2.0);
            let few = self.lateness(&directory.path().join("lateness"), rate, 0).await?;
            let many = match self.owed {
                0 => None,
                owed => Some(self.lateness(&directory.path().join("owed"), rate, owed).await?),
            };
            if self.json {
                let found = json!({
                    "signing_per_s": bound.json(),
                    "callbacks_per_s": per_s,
                    "signatures_per_s": per_s * SIGNATURES_EACH,
                    "share_of_signing": share,
                    "rate": rate,
                    "lateness": few.json(),
                    "owed": many.as_ref().map(Delivered::json),
                });
                println!("{found}");
                return Ok(());
            }
            println!("{bound}");
            println!(
                "{per_s:.0} callbacks/s, two signatures each: {:.0} % of what it can sign",
                share * 100.0
            );
            println!("at {rate:.0} /s\n  {few}");
            if let Some(many) = many {
                println!("at {rate:.0} /s, with {} more that wait\n  {many}", self.owed);
            }
            Ok(())
        })
    }

    fn check(&self) -> Result<(), Failure> {
        let rules = [
            ((1..=10_000_000).contains(&self.count), "--count must be 1 to 10000000"),
            (self.seconds > 0.0 && self.seconds <= 600.0, "--seconds must be above 0, up to 600"),
            (self.rate.is_none_or(|rate| rate >= 1.0), "--rate must be at least 1"),
            ((0.0..=600.0).contains(&self.lead), "--lead must be in 0 to 600"),
            (self.owed <= 10_000_000, "--owed must be 0 to 10000000"),
            ((1..=1_000).contains(&self.receivers), "--receivers must be 1 to 1000"),
        ];
        match rules.iter().find(|(holds, _)| !holds) {
            Some((_, rule)) => Err(Failure::usage(*rule)),
            None => Ok(()),
        }
    }

    async fn part(&self, directory: &Path) -> Result<(Part, Owed), Failure> {
        let key = hex::encode(Chance.bytes::<32>());
        let receivers = Receivers::open(self.receivers).await?;
        let master_key = MasterKey::from_hex(&key).cannot("use a fresh master key")?;
        let owed = Owed::open(directory, master_key, &receivers.addresses).await?;
        Ok((Part { directory: directory.to_owned(), key, receivers }, owed))
    }

    /// Callbacks a second when all are overdue.
    #[allow(clippy::cast_precision_loss)]
    async fn throughput(&self, directory: &Path) -> Result<f64, Failure> {
        let (part, owed) = self.part(directory).await?;
        let from = real_now() - SignedDuration::from_secs(2);
        owed.add(Batch { count: self.count, from, per_s: None }).await?;
        owed.close().await;
        let server = Served::start(&part.directory, &part.key).await?;
        server.until_delivered(&part.receivers, self.count).await?;
        let took = part.receivers.took();
        server.stop().await?;
        Delivered::read(&part.directory)?.all_at_the_first_attempt(self.count)?;
        Ok(self.count as f64 / took.as_secs_f64().max(1e-9))
    }

    /// How late they are when they fall due evenly, while others wait.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    async fn lateness(
        &self,
        directory: &Path,
        rate: f64,
        waiting: u64,
    ) -> Result<Delivered, Failure> {
        let (part, owed) = self.part(directory).await?;
        if waiting > 0 {
            let from = real_now() + FAR;
            owed.add(Batch { count: waiting, from, per_s: None }).await?;
        }
        let count = ((self.seconds * rate) as u64).max(1);
        // Each millisecond's worth is committed by itself, which takes about as long.
        let placing = Duration::from_secs_f64(self.seconds * 2.0);
        let lead = Duration::from_secs_f64(self.lead) + placing;
        let from = real_now().checked_add(lead).cannot("tell when the first is due")?;
        owed.add(Batch { count, from, per_s: Some(rate) }).await?;
        owed.close().await;
        let server = Served::start(&part.directory, &part.key).await?;
        if real_now() > from {
            return Err(Failure::new(
                "preparing took longer than planned, so the first were late from the beginning; \
                 take fewer --seconds, or more --lead",
            ));
        }
        server.until_delivered(&part.receivers, count).await?;
        let memory = server.memory_mib()?;
        server.stop().await?;
        let mut delivered = Delivered::read(&part.directory)?;
        delivered.all_at_the_first_attempt(count)?;
        delivered.memory_mib = Some(memory);
        Ok(delivered)
    }
}

fn real_now() -> Timestamp {
    Clock::system().real()
}
