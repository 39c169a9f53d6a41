//! Several nodes over one database, while connections, servers and nodes fail.
//!
//! `HUODONG_FAILURE_ROUNDS` makes the tests longer, and `HUODONG_FAILURE_SEED` repeats what a run
//! did at random.

mod cut;
mod failover;
mod load;
mod lost;
mod node;
mod receiver;
mod site;

use crate::support::Dice;

/// How often a test does what it is about; its quick form has a few rounds of its own.
fn rounds(quick: u64) -> u64 {
    number("HUODONG_FAILURE_ROUNDS").unwrap_or(quick)
}

/// Whether everything is waited for as long as it takes in life.
fn is_long() -> bool {
    number("HUODONG_FAILURE_ROUNDS").is_some()
}

fn dice() -> Dice {
    let seed = number("HUODONG_FAILURE_SEED");
    let seed = seed.unwrap_or_else(|| u64::from_be_bytes(huodong_engine::Chance.bytes()));
    println!("HUODONG_FAILURE_SEED={seed}");
    Dice(seed)
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}
