//! A database in which callbacks are owed.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use huodong_campaign::{CouponKey, CreateOrganization, Issue};
use huodong_engine::{Chance, Clock, Engine, EngineOptions};
use huodong_server::{App, MasterKey, Metrics, Settings};
use huodong_store::{Store, StoreOptions};
use jiff::{SignedDuration, Timestamp};

use super::coupon_partner;
use super::fill::operate;
use crate::credentials::Lakala;
use crate::failure::{Context as _, Failure};

/// Orders under way at once while placing.
const UNDER_WAY: u64 = 4_096;
const DEADLINE: Duration = Duration::from_secs(120);

/// Callbacks that fall due together, or evenly over a while.
#[derive(Clone, Copy, Debug)]
pub(super) struct Batch {
    /// How many.
    pub(super) count: u64,
    /// When the first coupon is issued; its callback is due a second later.
    pub(super) from: Timestamp,
    /// How many are issued a second; `None`: all at that moment.
    pub(super) per_s: Option<f64>,
}

/// The database, while coupons are issued in it whose callbacks the receivers get in turn.
pub(super) struct Owed {
    engine: Engine,
    clock: Clock,
    partner: Arc<Lakala>,
    addresses: Arc<[Box<str>]>,
}

impl Owed {
    /// Makes it.
    pub(super) async fn open(
        directory: &Path,
        key: MasterKey,
        receivers: &[SocketAddr],
    ) -> Result<Self, Failure> {
        let options = StoreOptions::at(directory);
        let (store, _) = Store::open(&options).cannot("open the database")?;
        let clock = Clock::system();
        let engine = Engine::start(store, clock.clone(), EngineOptions::default());
        let engine = engine.cannot("start the engine")?;
        let app = App::new(engine.clone(), key, Settings::default(), Arc::new(Metrics::new()));
        let organization = CreateOrganization {
            org_no: None,
            name: "Bench".to_owned(),
            merchant_no: "19680000001".to_owned(),
        };
        let org_no = operate(&engine, organization).await?.org_no;
        let partner = Arc::new(coupon_partner::make(&app, &org_no, Vec::new()).await?);
        clock.freeze(true);
        let addresses = receivers.iter().map(|at| format!("http://{at}/issued").into());
        Ok(Self { engine, clock, partner, addresses: addresses.collect() })
    }

    /// Issues a batch.
    pub(super) async fn add(&self, batch: Batch) -> Result<(), Failure> {
        for (from, count) in batch.moments() {
            self.clock.set(from);
            self.issue(count).await?;
        }
        Ok(())
    }

    /// Ends, so that a server may take it.
    pub(super) async fn close(self) {
        self.engine.stop().await;
    }

    /// Issues so many coupons at the moment the clock shows.
    async fn issue(&self, count: u64) -> Result<(), Failure> {
        let next = Arc::new(AtomicU64::new(0));
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..count.min(UNDER_WAY) {
            let (engine, next) = (self.engine.clone(), Arc::clone(&next));
            let (partner, addresses) = (Arc::clone(&self.partner), Arc::clone(&self.addresses));
            tasks.spawn(async move {
                loop {
                    if next.fetch_add(1, Ordering::Relaxed) >= count {
                        return Ok(());
                    }
                    let receiver = u64::from_be_bytes(Chance.bytes()) % addresses.len() as u64;
                    let address = &addresses[usize::try_from(receiver).unwrap_or(0)];
                    let outcome = engine.submit(order(&partner, address), DEADLINE).await;
                    outcome.cannot("issue a coupon")?.map_err(|refusal| {
                        Failure::new(format!("a coupon was refused: {refusal}"))
                    })?;
                }
            });
        }
        while let Some(ended) = tasks.join_next().await {
            ended.cannot("issue coupons")??;
        }
        Ok(())
    }
}

impl Batch {
    /// When how many are issued.
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
    fn moments(self) -> Vec<(Timestamp, u64)> {
        let Some(per_s) = self.per_s else { return vec![(self.from, self.count)] };
        let mut moments: Vec<(Timestamp, u64)> = Vec::new();
        for number in 0..self.count {
            let after = SignedDuration::from_millis((number as f64 / per_s * 1_000.0) as i64);
            let at = self.from.checked_add(after).unwrap_or(Timestamp::MAX);
            match moments.last_mut() {
                Some((last, count)) if *last == at => *count += 1,
                _ => moments.push((at, 1)),
            }
        }
        moments
    }
}

fn order(partner: &Lakala, address: &str) -> Issue {
    let activity = &partner.activities[0];
    let fresh = hex::encode(Chance.bytes::<12>());
    Issue {
        key: CouponKey { appid: partner.appid.as_str().into(), mer_order_id: fresh.clone().into() },
        activity_no: activity.activity_id.as_str().into(),
        promotion_id: activity.promotion_id.as_str().into(),
        owner_id: partner.owner_id.as_str().into(),
        member_id: format!("{}0000000001", partner.member_prefix).into(),
        openid: format!("oBench{fresh}").as_str().into(),
        post_notify: Some(address.into()),
        write_off_notify: address.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_spread_evenly_over_its_time() {
        let batch = Batch { count: 5, from: Timestamp::UNIX_EPOCH, per_s: Some(2_000.0) };
        let moments: Vec<_> =
            batch.moments().into_iter().map(|(at, count)| (at.as_millisecond(), count)).collect();
        assert_eq!(moments, [(0, 2), (1, 2), (2, 1)]);
        let together = Batch { per_s: None, ..batch };
        assert_eq!(together.moments(), [(Timestamp::UNIX_EPOCH, 5)]);
    }
}
