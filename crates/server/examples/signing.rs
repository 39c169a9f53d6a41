//! What the signers make of the cores: signatures a second of plain threads, one for each core, and
//! of the server's signers with many callers waiting.
//!
//!     cargo run --release -p huodong-server --example signing -- 20000
#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::time::Duration;

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

    let began = monotonic();
    std::thread::scope(|scope| {
        for _ in 0..cores.get() {
            let (key, share) = (&key, signatures as usize / cores.get());
            scope.spawn(move || (0..share).for_each(|_| drop(key.sign(&message))));
        }
    });
    told("plain threads", signatures, began.elapsed());

    let runtime = tokio::runtime::Runtime::new().unwrap();
    let signers = Signers::for_each_core();
    let began = monotonic();
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
    told("signers", signatures / CALLERS * CALLERS, began.elapsed());
}

fn told(name: &str, signatures: u32, took: Duration) {
    println!("{name:14} {:8.0} signatures a second", f64::from(signatures) / took.as_secs_f64());
}
