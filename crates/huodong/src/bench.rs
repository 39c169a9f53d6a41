//! `huodong bench`: how fast is it, on this machine?

mod answer;
mod bare;
mod callbacks;
mod connection;
mod coupon;
mod coupon_partner;
mod cpu;
mod delivered;
mod donate;
mod envelope_bound;
mod fill;
mod gateway_partner;
mod load;
mod order;
mod owed;
mod receiver;
mod report;
mod requests;
mod sealed;
mod served;
mod sign;
mod ysepay;

use std::net::{SocketAddr, ToSocketAddrs as _};

use clap::Subcommand;

use crate::failure::{Context as _, Failure};

/// What is called to donate.
const PATH: &str = "/api/reward_donate_service/RewardToDonate";

#[derive(Debug, Subcommand)]
pub(crate) enum Bench {
    /// Send donations and measure: accepted a second, latency percentiles.
    Donate(Box<donate::Donate>),
    /// Issue coupons and measure, beside what the machine can sign.
    Coupon(Box<coupon::Coupon>),
    /// Deliver callbacks and measure: rate, lateness, and what a million owed ones cost.
    Callbacks(Box<callbacks::Callbacks>),
    /// Call the 银盛 gateway in both modes, beside what the machine can do with its keys.
    Ysepay(Box<ysepay::Ysepay>),
    /// Measure what the machine can sign: RSA-2048 signatures a second.
    Sign(sign::Sign),
    /// Serve the yardstick: a route that only parses the same JSON.
    ///
    /// An axum route at RewardToDonate's path that parses the request and answers a body of the
    /// same shape: no signature, no limits, no ledger, no disk. `huodong bench donate` sends it the
    /// same load, so that the two rates can be put side by side.
    Bare {
        /// Where to listen.
        #[arg(long, default_value = "127.0.0.1:18081")]
        listen: SocketAddr,
    },
    /// Make a database to measure on, with orders at rest.
    Fill(Box<fill::Fill>),
}

impl Bench {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self {
            Self::Donate(donate) => donate.run(),
            Self::Coupon(coupon) => coupon.run(),
            Self::Callbacks(callbacks) => callbacks.run(),
            Self::Ysepay(ysepay) => ysepay.run(),
            Self::Sign(sign) => sign.run(),
            Self::Fill(fill) => fill.run(),
            Self::Bare { listen } => crate::runtime()?.block_on(bare::serve(listen)),
        }
    }
}

/// Where a load goes.
struct Server {
    address: SocketAddr,
    /// As the `Host` header has it.
    host: String,
}

fn server(base_url: &str) -> Result<Server, Failure> {
    let host = base_url.strip_prefix("http://").map(|rest| rest.trim_end_matches('/'));
    let host = host
        .ok_or_else(|| Failure::usage(format!("the load goes by plain http, not to {base_url}")))?;
    let address = host.to_socket_addrs().cannot(format_args!("find {host}"))?.next();
    let address = address.ok_or_else(|| Failure::new(format!("{host} has no address")))?;
    Ok(Server { address, host: host.to_owned() })
}
