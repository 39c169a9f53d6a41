//! Coupons whose time has come.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use huodong_campaign::{ActivityNo, CouponStatus, Deposit, Fen, OrgNo, Settlement};
use jiff::SignedDuration;
use tokio::sync::Notify;

use crate::scene::{Scene, done, seconds, tamper};

/// Nobody delivers here, so nothing is sent there.
const NOWHERE: &str = "https://bank.example.com/notify";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn coupons_in_process_are_decided_when_they_are_due() {
    let scene = Scene::new(Settlement::Deferred { delay_s: 60 }).await;
    let coupon = scene.issue(0, NOWHERE).await;
    scene.issue_many(1..1_500, NOWHERE).await;
    assert!(scene.callbacks(coupon).await.is_empty());
    let ran = scene.engine.run_due_after(|clock| clock.advance(seconds(59))).await.unwrap();
    assert_eq!(ran.coupons_settled, 0);
    let ran = scene.engine.run_due_after(|clock| clock.advance(seconds(1))).await.unwrap();
    assert_eq!(ran.coupons_settled, 1_500);
    assert_eq!(by_status(&scene).await, [(CouponStatus::Issued, 1_500)]);
    assert_eq!(scene.callbacks(coupon).await.len(), 1);
    scene.engine.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn coupons_that_end_together_leave_others_their_turn() {
    let scene = Scene::new(Settlement::Instant).await;
    let coupon = scene.issue(0, NOWHERE).await;
    scene.issue_many(1..5_000, NOWHERE).await;
    let (begun, done_expiring) = (Arc::new(Notify::new()), Arc::new(AtomicBool::new(false)));
    let caller = tokio::spawn({
        let (begun, over) = (Arc::clone(&begun), Arc::clone(&done_expiring));
        let engine = scene.engine.clone();
        async move {
            let mut answered = 0;
            while !over.load(Ordering::Acquire) {
                let org_no = OrgNo::from("org");
                done(&engine, Deposit { org_no, money: Fen(1) }).await;
                begun.notify_one();
                answered += 1;
            }
            answered
        }
    });
    begun.notified().await;
    let day = SignedDuration::from_hours(24);
    let ran = scene.engine.run_due_after(|clock| clock.advance(day)).await.unwrap();
    done_expiring.store(true, Ordering::Release);
    assert_eq!(ran.coupons_expired, 5_000);
    // Some eighty commands expire them, two at a time.
    let answered = caller.await.unwrap();
    assert!(answered >= 5, "{answered} calls were answered meanwhile");
    assert_eq!(by_status(&scene).await, [(CouponStatus::Expired, 5_000)]);
    assert_eq!(scene.callbacks(coupon).await.len(), 2);
    scene.engine.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_falls_due_while_many_expire_does_not_wait_for_the_last() {
    let scene = Scene::new(Settlement::Deferred { delay_s: 0 }).await;
    scene.issue_many(0..5_000, NOWHERE).await;
    scene.engine.run_due().await.unwrap();
    assert_eq!(by_status(&scene).await, [(CouponStatus::Issued, 5_000)]);
    // By itself, as nobody asks.
    scene.clock.advance(SignedDuration::from_hours(24));
    let late = scene.issue(5_000, NOWHERE).await;
    let mut left = 5_000;
    loop {
        let read = scene.engine.read(move |reader| reader.coupon(late));
        let status = read.await.unwrap().unwrap().status;
        if status == CouponStatus::Issued {
            break;
        }
        left = not_yet_expired(&scene).await;
        assert!(left > 0, "all others expired first");
    }
    assert!(left > 0);
    scene.engine.stop().await;
}

async fn not_yet_expired(scene: &Scene) -> u64 {
    let counts = by_status(scene).await;
    let issued = counts.iter().find(|(status, _)| *status == CouponStatus::Issued);
    issued.map_or(0, |(_, count)| *count)
}

async fn by_status(scene: &Scene) -> Vec<(CouponStatus, u64)> {
    let activity_no = ActivityNo::from("activity");
    let read = scene.engine.read(move |reader| reader.coupon_totals(&activity_no));
    let totals = read.await.unwrap().by_status;
    totals.into_iter().map(|(status, count, _)| (status, count)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_cannot_be_read_keeps_no_other_from_expiring() {
    let scene = Scene::new(Settlement::Instant).await;
    let coupon = scene.issue(0, NOWHERE).await;
    scene.issue_many(1..300, NOWHERE).await;
    scene.engine.stop().await;
    let damage = format!("UPDATE coupons SET reference = 'half' WHERE id = {coupon}");
    tamper(&scene.directory, &damage);
    let scene = scene.reopened().await;
    let day = SignedDuration::from_hours(24);
    let ran = scene.engine.run_due_after(|clock| clock.advance(day)).await.unwrap();
    assert_eq!(ran.coupons_expired, 299);
    scene.engine.stop().await;
}
