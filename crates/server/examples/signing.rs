//! What the signers make of the cores: signatures a second of plain threads, one for each core, and
//! of the server's signers with many callers waiting; and, as the machine may have other work, the
//! processor's time that each took (Linux only).
//!
//!     cargo run --release -p huodong-server --example signing -- 20000
#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::time::Instant;

use huodong_engine::source::monotonic;
use huodong_server::{Signers, Urgency, seed};
use huodong_wire::lakala::SigningKey;

const CALLERS: u32 = 256;

fn main() {
    let asked = std::env::args().nth(1).map(|text| text.parse().unwrap());
    let signatures: u32 = asked.unwrap_or(20_000);
    let key = SigningKey::from_pem(seed::REPLY_KEY.private_key_pem).unwrap();
    let cores = std::thread::available_parallelism().unwrap();
    let message = [b'x'; 600];

    let began = Began::now();
    std::thread::scope(|scope| {
        for _ in 0..cores.get() {
            let (key, share) = (&key, signatures as usize / cores.get());
            scope.spawn(move || (0..share).for_each(|_| drop(key.sign(&message))));
        }
    });
    began.told("plain threads", signatures);

    let runtime = tokio::runtime::Runtime::new().unwrap();
    let signers = Signers::for_each_core();
    let began = Began::now();
    runtime.block_on(async {
        let mut callers = tokio::task::JoinSet::new();
        for _ in 0..CALLERS {
            let (signers, key) = (signers.clone(), key.clone());
            callers.spawn(async move {
                for _ in 0..signatures / CALLERS {
                    let key = key.clone();
                    signers.run(Urgency::Reply, move || key.sign(&message)).await;
                }
            });
        }
        callers.join_all().await;
    });
    began.told("signers", signatures / CALLERS * CALLERS);
}

struct Began {
    at: Instant,
    cpu_ticks: f64,
}

impl Began {
    fn now() -> Self {
        Self { at: monotonic(), cpu_ticks: cpu_ticks() }
    }

    fn told(self, name: &str, signatures: u32) {
        let count = f64::from(signatures);
        let a_second = count / self.at.elapsed().as_secs_f64();
        // A tick is a hundredth of a second wherever Linux runs.
        let cpu_us = (cpu_ticks() - self.cpu_ticks) * 10_000.0 / count;
        println!("{name:14} {a_second:6.0} a second, {cpu_us:5.0} µs of processor time each");
    }
}

/// What this process's threads have used so far.
fn cpu_ticks() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum()
}
