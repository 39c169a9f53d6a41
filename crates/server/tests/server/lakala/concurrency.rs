//! Many at once.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use huodong_campaign::{
    ActivityNo, CouponKey, CouponStatus, InstitutionId, Issue, OpenId, OwnerId, PromotionId,
};
use huodong_engine::EngineOptions;

use super::partner::{Partner, activity, promotion_of, request, request_of, sandbox};
use crate::app::{Setup, TestApp};

#[tokio::test(flavor = "multi_thread")]
async fn of_64_callers_for_the_last_coupon_one_gets_it() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    let bodies: Vec<_> = (0..64).map(|_| request_of(activity::LAST)).collect();
    let answers = join_all(bodies.iter().map(|body| partner.issue(body))).await;
    let of = |code: &str| answers.iter().filter(|answer| answer.data["resCode"] == code).count();
    assert_eq!((of("000000"), of("300003")), (1, 63));
    server.assert_balanced().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_64_callers_with_one_key_all_hear_of_one_coupon() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    let body = request();
    let answers = join_all((0..64).map(|_| partner.issue(&body))).await;
    answers[0].assert_outcome("SUCCESS", "000000");
    assert!(answers.iter().all(|answer| answer.whole == answers[0].whole));
    let activity_no = ActivityNo::from(activity::INSTANT);
    let found = server.app.engine.read(move |reader| reader.activity(&activity_no)).await;
    let (found, ..) = found.unwrap().unwrap();
    assert_eq!(found.coupon.unwrap().stock_left, 999);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_10_000_callers_for_the_last_coupon_one_gets_it() {
    let mut setup = Setup::default();
    setup.settings.sandbox = true;
    setup.engine = EngineOptions { queue_max: 20_000, ..EngineOptions::default() };
    let server = TestApp::with(setup).await;
    let app = Arc::clone(&server.app);
    let issues = (0..10_000).map(|number| {
        let engine = app.engine.clone();
        let issue = Issue {
            key: CouponKey {
                appid: InstitutionId::from("OP00000003"),
                mer_order_id: format!("order {number}").into(),
            },
            activity_no: ActivityNo::from(activity::LAST),
            promotion_id: PromotionId::from(promotion_of(activity::LAST)),
            owner_id: OwnerId::from("80000007"),
            member_id: "AAA200154561278".into(),
            openid: OpenId::from(format!("user {number}")),
            post_notify: None,
            write_off_notify: "https://partner.example/notify".into(),
        };
        tokio::spawn(async move { engine.submit(issue, Duration::from_secs(60)).await })
    });
    let mut issued = 0;
    for outcome in join_all(issues).await {
        let coupon = outcome.unwrap().unwrap().unwrap().coupon;
        match coupon.status {
            CouponStatus::Issued => issued += 1,
            other => assert_eq!(other, CouponStatus::Failed),
        }
    }
    assert_eq!(issued, 1);
    server.assert_balanced().await;
}
