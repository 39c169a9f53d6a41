//! Whether the time that opening takes tells why a request is not opened: for each key, checks that
//! are wrong in every way are opened in turn with the good one, many times over, and the median of
//! each is shown, its distance from the good one's, and how far the good one's two halves are from
//! each other, which is what chance makes of it. Run it on an idle core:
//!
//!     cargo build --release -p huodong-wire --example ysepay_timing
//!     taskset -c 1 target/release/examples/ysepay_timing 3000
#![allow(clippy::disallowed_methods, clippy::print_stdout, clippy::unwrap_used)]

use std::hint::black_box;
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use huodong_wire::ysepay::{ContentKey, Mode, PrivateKey, open, seal};

const CONTENT: &[u8] = &[b'x'; 600];

fn main() {
    let rounds = std::env::args().nth(1).map_or(3000, |text| text.parse().unwrap());
    for (name, pem) in [
        ("RSA 1024", include_str!("../tests/ysepay/rsa1024.pem")),
        ("RSA 2048", include_str!("../tests/ysepay/rsa2048.pem")),
        ("SM2", include_str!("../tests/ysepay/sm2.pem")),
    ] {
        println!("\n{name}");
        compare(&PrivateKey::from_pem(pem).unwrap(), rounds);
    }
}

fn compare(key: &PrivateKey, rounds: usize) {
    let mut count = 0_u8;
    let mut random = |bytes: &mut [u8]| {
        bytes.iter_mut().for_each(|byte| {
            count = count.wrapping_mul(5).wrapping_add(7);
            *byte = count;
        });
    };
    let sealed = seal(CONTENT, &ContentKey::new([b'k'; 16]), key.public(), &mut random);
    let checks = classes(key, &sealed.check);
    let mut took = vec![Vec::with_capacity(rounds); checks.len()];
    for round in 0..rounds {
        for turn in 0..checks.len() {
            // Another order in every round, so that none always follows the same one.
            let class = (turn + round) % checks.len();
            let start = Instant::now();
            let _ = black_box(open([key], &checks[class].1, &sealed.biz_content));
            took[class].push(start.elapsed().as_nanos());
        }
    }
    let good = median(&mut took[0].clone());
    for ((name, _), times) in checks.iter().zip(&took) {
        let (early, late) = times.split_at(rounds / 2);
        let halves = [early, late].map(|half| median(&mut half.to_vec()));
        let median = median(&mut times.clone());
        println!(
            "  {name:<36} {median:>9.1} µs  {:>+6.2} %   halves {:>+6.2} %",
            (median / good - 1.0) * 100.0,
            (halves[1] / halves[0] - 1.0) * 100.0
        );
    }
}

/// In microseconds.
fn median(times: &mut [u128]) -> f64 {
    times.sort_unstable();
    let middle = u32::try_from(times[times.len() / 2]).unwrap();
    f64::from(middle) / 1000.0
}

/// The good check, again the good one, and the wrong ones.
fn classes(key: &PrivateKey, check: &str) -> Vec<(&'static str, String)> {
    let good = STANDARD.decode(check).unwrap();
    let flipped = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        STANDARD.encode(bytes)
    };
    let mut classes = vec![
        ("good", check.to_owned()),
        ("good, again", check.to_owned()),
        ("not base64", format!("*{check}")),
        ("too short", STANDARD.encode(&good[..good.len() - 1])),
        ("empty", String::new()),
        ("zeros", STANDARD.encode(vec![0; good.len()])),
        ("above the modulus, or the field", STANDARD.encode(vec![0xff; good.len()])),
        ("last bit flipped", flipped(good.len() - 1)),
    ];
    match key.mode() {
        Mode::Rsa => {
            classes.push(("first byte's bit flipped", flipped(0)));
            classes.push(("a bit in the middle flipped", flipped(good.len() / 2)));
            let long = [good[good.len() - 1], 1, 2, 3];
            classes.push(("another number", STANDARD.encode([&good[4..], &long].concat())));
        }
        Mode::Sm2 => {
            classes.push(("point off the curve", flipped(10)));
            classes.push(("wrong C3", flipped(good.len() - 30)));
            classes.push(("raw, which has two orders", STANDARD.encode(&good[4..116])));
        }
    }
    classes
}
