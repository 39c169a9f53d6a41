//! Many at once.

use futures_util::future::join_all;
use huodong_campaign::ActivityNo;

use super::partner::{Partner, activity, request, request_of, sandbox};

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
