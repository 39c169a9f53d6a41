//! An institution that hands out coupons, and tills that take them.

use huodong_campaign::{
    ActivityNo, Attempt, AttemptOutcome, CallbackState, Claim, Coupon, CouponKey, Id,
    InstitutionId, Issue, OpenId, Outcome, OwnerId, PromotionId, RecordAttempt,
};
use serde_json::{Value, json};

use super::desk::Desk;
use crate::app::{ORG, fresh_nonce};

pub const APPID: &str = "OP00000003";
pub const OWNER: &str = "80000007";
pub const PROMOTION: &str = "WX1623452352312523523";
/// Where callbacks go; nothing listens there.
pub const RECEIVER: &str = "test.bank.com";
/// Two self-signed certificates, RSA-2048.
pub const CERTIFICATE: &str = include_str!("../../../src/seed/keys/institution.cert.pem");
pub const OTHER_CERTIFICATE: &str = include_str!("../../../src/seed/keys/other.cert.pem");

pub fn institution() -> Value {
    json!({
        "appid": APPID, "org_id": "86802221ca93cd", "name": "示例银行",
        "certificate": CERTIFICATE, "member_prefix": "AAA", "owners": [OWNER],
    })
}

/// A coupon activity that takes 10 yuan off 50 or more.
pub fn coupon_activity(activity_no: &str) -> Value {
    json!({
        "activity_no": activity_no, "org_no": ORG, "kind": "coupon", "name": "满减券",
        "starts_at": "2026-11-01 00:00:00", "ends_at": "2027-01-01 00:00:00",
        "offer": {
            "promotion_id": PROMOTION, "batch_code": "1254325364564365",
            "terms": {
                "discount": {"fixed": {"money": 1000}},
                "minimum_spend": 5000,
                "validity": {"days": 30},
            },
            "issuers": [APPID], "stock": 100,
        },
    })
}

/// Stops the business clock at eleven in Shanghai.
pub fn stop_clock(desk: &Desk) {
    let clock = desk.server.app.engine.clock();
    clock.freeze(true);
    clock.set("2026-11-21T03:00:00Z".parse().unwrap());
}

/// An institution, and an activity of its coupons that runs with money for a hundred.
pub async fn open(desk: &Desk, activity_no: &str) {
    desk.post("/institutions", institution()).await.ok();
    run(desk, coupon_activity(activity_no)).await;
}

/// Makes this activity, funds it with 1000 yuan and starts it.
pub async fn run(desk: &Desk, activity: Value) {
    let made = desk.post("/activities", activity).await.ok();
    let path = format!("/activities/{}", made["activity_no"].as_str().unwrap());
    desk.post(&format!("{path}/fund"), json!({"money": 100_000})).await.ok();
    desk.post(&format!("{path}/start"), json!({})).await.ok();
}

/// An order for one coupon of this activity.
pub fn order(activity_no: &str, openid: &str) -> Issue {
    Issue {
        key: CouponKey {
            appid: InstitutionId::from(APPID),
            mer_order_id: fresh_nonce().into_boxed_str(),
        },
        activity_no: ActivityNo::from(activity_no),
        promotion_id: PromotionId::from(PROMOTION),
        owner_id: OwnerId::from(OWNER),
        member_id: format!("AAA{openid}").into_boxed_str(),
        openid: OpenId::from(openid),
        post_notify: Some(format!("https://{RECEIVER}/post").into_boxed_str()),
        write_off_notify: format!("https://{RECEIVER}/off").into_boxed_str(),
    }
}

pub async fn issue(desk: &Desk, activity_no: &str, openid: &str) -> Coupon {
    desk.server.done(order(activity_no, openid)).await.coupon
}

/// A purchase of 100 yuan.
pub fn purchase(reference: &str) -> Value {
    json!({"owner_id": OWNER, "org_amount": 10_000, "reference": reference})
}

/// Takes a callback that is due, as delivery does; gives the lease.
pub async fn claim(desk: &Desk, callback: Id) -> RecordAttempt {
    let until = desk.server.app.engine.clock().real() + jiff::SignedDuration::from_secs(60);
    let claimed = desk.server.done(Claim { callbacks: vec![callback], until }).await;
    let CallbackState::Leased { due_at, .. } = claimed[0].callback.state else {
        panic!("{claimed:?}")
    };
    let outcome = Outcome {
        at: desk.server.app.engine.clock().now(),
        took_ms: 12,
        outcome: AttemptOutcome::NotAcknowledged,
        status: Some(200),
        answer: b"{\"code\":\"FAIL\"}\xff".to_vec(),
        reason: "the answer says FAIL".to_owned(),
    };
    RecordAttempt { callback, until, due_at, outcome }
}

/// The schedule of a callback run through, each attempt failing.
pub async fn exhaust(desk: &Desk, callback: Id) {
    for seconds in [1, 5, 5, 10, 180, 600, 1_200, 1_800, 3_600, 7_200] {
        desk.server.advance(seconds).await;
        let attempt = claim(desk, callback).await;
        desk.server.done(attempt).await;
    }
}

/// The numbers of a coupon's callbacks, the oldest first.
pub async fn callbacks_of(desk: &Desk, coupon: &Coupon) -> Vec<Id> {
    let page = desk.shown(&format!("/callbacks?coupon={}", coupon.id)).await;
    let items = page["items"].as_array().unwrap().iter().rev();
    items.map(|it| Id(it["id"].as_str().unwrap().parse().unwrap())).collect()
}

/// The attempts that are stored.
pub async fn attempts(desk: &Desk, callback: Id) -> Vec<Attempt> {
    desk.server.app.engine.read(move |reader| reader.attempts(callback)).await.unwrap()
}
