//! Callbacks verified and read.

use std::time::Duration;

use huodong_client::lakala::callback::{
    Acknowledge, AuthorizationError, BODY_BYTES_MAX, CallbackError, Event, IssueFailed, Issued,
    Verifier,
};
use huodong_client::lakala::{SigningKey, TradeStatus, UsageStatus};
use huodong_wire::lakala::sign::CallbackSigned;
use huodong_wire::lakala::{Acknowledgement, IssueCallback, WriteOffCallback};
use jiff::civil::date;

use crate::identity::{FORMER, NEXT, PARTNER, PLATFORM};
use crate::script::{At, NOW};

pub(crate) fn issue(status: TradeStatus) -> IssueCallback<'static> {
    let failed = status == TradeStatus::Fail;
    IssueCallback {
        org_id: "86802221ca93cd".into(),
        call_trade_no: "T1".into(),
        amount: 1005,
        trade_status: status,
        fail_msg: if failed { "库存不足" } else { "" }.into(),
        trade_create_time: date(2025, 11, 21).at(10, 0, 0, 0),
        trade_payment_time: (!failed).then(|| date(2025, 11, 21).at(10, 0, 1, 0)),
        sign_type: "".into(),
        sign: "".into(),
    }
}

pub(crate) fn write_off(usage: UsageStatus) -> WriteOffCallback<'static> {
    let used = usage == UsageStatus::Used;
    WriteOffCallback {
        member_id: "AAA200154561278".into(),
        owner_id: "80000007".into(),
        channel_openid: "oKL".into(),
        promotion_id: "WX1".into(),
        third_coupon_id: "wxd5".into(),
        activity_id: "1100000086".into(),
        promo_amount: used.then_some(1000),
        total_amount: used.then_some(9000),
        org_amount: used.then_some(10_000),
        trade_no: "T1".into(),
        mer_order_id: "M1".into(),
        gmt_used: used.then(|| date(2025, 11, 21).at(12, 30, 0, 0)),
        usage,
    }
}

/// The `Authorization` header the platform sends at a time.
pub(crate) fn signed(key: &SigningKey, at: i64, body: &[u8]) -> String {
    let signed = CallbackSigned { timestamp: &at.to_string(), nonce_str: "abcdefGHI012" };
    signed.to_header(&key.sign(&signed.string_to_sign(body)))
}

fn verifier() -> Verifier {
    let certificates = [&FORMER, &PLATFORM, &NEXT].map(|known| known.certificate.clone());
    Verifier::new(certificates).source(At(NOW))
}

fn verify(body: &[u8]) -> Result<Event, CallbackError> {
    verifier().verify(Some(&signed(&PLATFORM.key, NOW, body)), body)
}

#[test]
fn an_issue_is_told_as_issued_or_failed() {
    let issued = Event::Issued(Issued {
        org_id: "86802221ca93cd".to_owned(),
        trade_no: "T1".to_owned(),
        amount: 1005,
        created_at: "2025-11-21T02:00:00Z".parse().unwrap(),
        issued_at: "2025-11-21T02:00:01Z".parse().unwrap(),
    });
    assert_eq!(verify(&issue(TradeStatus::Success).to_signed_json(&PLATFORM.key)), Ok(issued));
    let failed = Event::IssueFailed(IssueFailed {
        org_id: "86802221ca93cd".to_owned(),
        trade_no: "T1".to_owned(),
        amount: 1005,
        created_at: "2025-11-21T02:00:00Z".parse().unwrap(),
        reason: "库存不足".to_owned(),
    });
    assert_eq!(verify(&issue(TradeStatus::Fail).to_signed_json(&PLATFORM.key)), Ok(failed));
}

#[test]
fn a_coupon_is_told_as_used_or_expired() {
    let Ok(Event::Used(used)) = verify(&write_off(UsageStatus::Used).to_json()) else {
        panic!("not used");
    };
    assert_eq!(
        (used.promo_amount, used.total_amount, used.org_amount),
        (Some(1000), Some(9000), Some(10_000))
    );
    assert_eq!(used.used_at, Some("2025-11-21T04:30:00Z".parse().unwrap()));
    assert_eq!(used.coupon.third_coupon_id, "wxd5");
    let expired = verify(&write_off(UsageStatus::Expired).to_json()).unwrap();
    assert!(matches!(&expired, Event::Expired(expired) if expired.coupon == used.coupon));
    assert_eq!(expired.trade_no(), "T1");
}

#[test]
fn either_certificate_that_is_valid_will_do() {
    let body = issue(TradeStatus::Success).to_signed_json(&NEXT.key);
    assert!(verifier().verify(Some(&signed(&NEXT.key, NOW, &body)), &body).is_ok());
    for other in [&FORMER, &PARTNER] {
        let body = write_off(UsageStatus::Used).to_json();
        let told = verifier().verify(Some(&signed(&other.key, NOW, &body)), &body);
        assert_eq!(told, Err(CallbackError::BadSignature));
    }
}

#[test]
fn what_is_not_signed_or_was_changed_is_refused() {
    let body = write_off(UsageStatus::Used).to_json();
    let header = signed(&PLATFORM.key, NOW, &body);
    let told = |header: Option<&str>, body: &[u8]| verifier().verify(header, body).unwrap_err();
    assert_eq!(told(None, &body), CallbackError::Unsigned);
    assert_eq!(
        told(Some("Bearer x"), &body),
        CallbackError::Authorization(AuthorizationError::Scheme)
    );
    assert_eq!(told(Some(&header), &body[1..]), CallbackError::BadSignature);
    let later = header.replace(&NOW.to_string(), &(NOW + 1).to_string());
    assert_eq!(told(Some(&later), &body), CallbackError::BadSignature);
    assert_eq!(told(Some(&header), &vec![b' '; BODY_BYTES_MAX + 1]), CallbackError::Body);
}

#[test]
fn freshness_goes_by_the_real_clock_and_can_be_switched_off() {
    let body = write_off(UsageStatus::Used).to_json();
    let told = |verifier: Verifier, at| {
        verifier.verify(Some(&signed(&PLATFORM.key, at, &body)), &body).err()
    };
    for at in [NOW - 300, NOW + 300] {
        assert_eq!(told(verifier(), at), None);
    }
    for at in [NOW - 301, NOW + 301] {
        assert_eq!(told(verifier(), at), Some(CallbackError::Stale(at)));
        assert_eq!(told(verifier().window(None), at), None);
    }
    let narrow = verifier().window(Some(Duration::from_secs(5)));
    assert_eq!(told(narrow, NOW - 6), Some(CallbackError::Stale(NOW - 6)));
}

#[test]
fn the_signature_within_an_issues_body_counts_too() {
    let body = issue(TradeStatus::Success).to_signed_json(&PLATFORM.key);
    let changed = String::from_utf8(body).unwrap().replace("10.05", "99.05");
    assert_eq!(verify(changed.as_bytes()), Err(CallbackError::BadInnerSignature));
    let other = issue(TradeStatus::Success).to_signed_json(&NEXT.key);
    assert_eq!(verify(&other), Err(CallbackError::BadInnerSignature));
    assert!(CallbackError::BadInnerSignature.is_unverified());
}

#[test]
fn what_the_platform_says_but_cannot_be_understood_is_told_apart() {
    let status = UsageStatus::Unknown("LOST".to_owned());
    let lost = verify(&write_off(status).to_json()).unwrap_err();
    assert_eq!(lost, CallbackError::UnknownStatus("LOST".to_owned()));
    let process = verify(&issue(TradeStatus::Process).to_signed_json(&PLATFORM.key)).unwrap_err();
    assert_eq!(process, CallbackError::UnknownStatus("PROCESS".to_owned()));
    let when = IssueCallback { trade_payment_time: None, ..issue(TradeStatus::Success) };
    let never = verify(&when.to_signed_json(&PLATFORM.key)).unwrap_err();
    assert_eq!(never, CallbackError::NoPaymentTime);
    let junk = verify(b"junk").unwrap_err();
    assert!(matches!(junk, CallbackError::Unreadable(_)));
    for error in [lost, process, never, junk] {
        assert!(!error.is_unverified());
    }
}

#[test]
fn an_acknowledgement_is_what_the_platform_takes() {
    assert!(Acknowledgement::accepts(&Acknowledge::Success.body()));
    let fail = Acknowledge::Fail("database".to_owned());
    assert_eq!(fail.body(), r#"{"code":"FAIL","msg":"database"}"#.as_bytes());
}
