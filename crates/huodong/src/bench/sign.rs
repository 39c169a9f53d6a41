//! `huodong bench sign`: what the machine can sign, which bounds replies and callbacks.

use std::time::Duration;

use clap::Args;
use huodong_engine::source::monotonic;
use huodong_engine::{Chance, Clock};
use huodong_wire::lakala::SigningKey;
use serde_json::{Value, json};

use crate::failure::{Context as _, Failure};

/// About as much as a reply's signature covers.
const MESSAGE_BYTES: usize = 640;
/// The longest run.
const SECONDS_MAX: f64 = 600.0;

/// Every reply and every callback carries an RSA signature, so no server on this machine can give
/// more of them a second than this.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  huodong bench sign --seconds 5")]
pub(crate) struct Sign {
    /// Seconds for each measurement.
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Print the findings as JSON.
    #[arg(long)]
    json: bool,
}

impl Sign {
    pub(super) fn run(&self) -> Result<(), Failure> {
        if !(0.01..=SECONDS_MAX).contains(&self.seconds) {
            return Err(Failure::usage("--seconds must be in 0.01 to 600"));
        }
        let bound = Bound::measure(&fresh_key()?, Duration::from_secs_f64(self.seconds))?;
        if self.json {
            println!("{}", bound.json());
        } else {
            println!("{bound}");
        }
        Ok(())
    }
}

/// RSA-2048 signatures a second, base64 included.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bound {
    /// On one thread.
    one_core: f64,
    /// On a thread for each core.
    pub(super) all_cores: f64,
    /// How many that is.
    pub(super) cores: usize,
}

impl Bound {
    /// Measures both, for so long each.
    pub(super) fn measure(key: &SigningKey, span: Duration) -> Result<Self, Failure> {
        let cores = cores();
        Ok(Self { one_core: rate(key, 1, span)?, all_cores: rate(key, cores, span)?, cores })
    }

    /// The mean of two measurements.
    pub(super) fn mean([a, b]: [Self; 2]) -> Self {
        let one_core = f64::midpoint(a.one_core, b.one_core);
        Self { one_core, all_cores: f64::midpoint(a.all_cores, b.all_cores), ..a }
    }

    /// How much of it a rate is.
    pub(super) fn share(&self, rate: f64) -> f64 {
        rate / self.all_cores.max(1e-9)
    }

    pub(super) fn json(&self) -> Value {
        json!({"one_core": self.one_core, "all_cores": self.all_cores, "cores": self.cores})
    }
}

impl std::fmt::Display for Bound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { one_core, all_cores, cores } = self;
        write!(f, "RSA-2048 signatures: {one_core:.0} /s on one core, {all_cores:.0} /s on {cores}")
    }
}

/// How many threads can sign at once.
pub(super) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, Into::into)
}

/// A key that nobody else has.
pub(super) fn fresh_key() -> Result<SigningKey, Failure> {
    let made = huodong_server::keys::make("bench", 1, Clock::system().real(), Chance);
    SigningKey::from_pem(&made.cannot("make a key")?.private_key_pem).cannot("use the key")
}

#[allow(clippy::cast_precision_loss)]
fn rate(key: &SigningKey, threads: usize, span: Duration) -> Result<f64, Failure> {
    let until = monotonic() + span;
    let sign = || {
        let mut message = vec![b'x'; MESSAGE_BYTES];
        let mut count = 0_u64;
        while monotonic() < until {
            message[..8].copy_from_slice(&count.to_be_bytes());
            std::hint::black_box(key.sign(&message));
            count += 1;
        }
        count
    };
    let begin = monotonic();
    let counts: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(sign)).collect();
        threads.into_iter().map(std::thread::ScopedJoinHandle::join).collect()
    });
    let seconds = begin.elapsed().as_secs_f64();
    let mut all = 0;
    for count in counts {
        all += count.map_err(|_| Failure::new("a signing thread panicked"))?;
    }
    Ok(all as f64 / seconds)
}
