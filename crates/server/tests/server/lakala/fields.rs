//! Every field of a request, missing, empty, too long, of another type.

use huodong_campaign::{ActivityNo, CouponKey, InstitutionId, Issue, OpenId, OwnerId, PromotionId};
use huodong_server::order_number;
use huodong_wire::lakala::Api;
use serde_json::{Value, json};

use super::partner::{Partner, query_for, request, sandbox, strict};
use crate::app::{with, without};

/// Field, least and most characters.
const ISSUE: [(&str, usize, usize); 7] = [
    ("member_id", 10, 20),
    ("activity_id", 1, 32),
    ("owner_id", 1, 8),
    ("promotion_id", 1, 32),
    ("channel_openid", 1, 128),
    ("mer_order_id", 1, 64),
    ("writeOffNotify", 1, 256),
];
const QUERY: [(&str, usize, usize); 4] =
    [("owner_id", 1, 8), ("mer_order_id", 1, 64), ("activity_id", 1, 32), ("trade_no", 1, 64)];

async fn check(partner: &Partner<'_>, api: Api, good: &Value, fields: &[(&str, usize, usize)]) {
    for (field, least, most) in fields {
        let text = |chars: usize| match *field {
            "writeOffNotify" => format!("https://a.example/{}", "x".repeat(chars - 18)),
            _ => "花".repeat(chars),
        };
        let refused = async |body: Value| {
            let answer = partner.call(api, &body).await;
            assert_eq!(answer.code, "200001", "{field}: {}", answer.text);
            assert!(answer.msg.contains(&format!(": {field} ")), "{}", answer.msg);
        };
        refused(without(good.clone(), field)).await;
        refused(with(good.clone(), field, "")).await;
        refused(with(good.clone(), field, Value::Null)).await;
        refused(with(good.clone(), field, 7)).await;
        refused(with(good.clone(), field, json!({}))).await;
        refused(with(good.clone(), field, text(most + 1))).await;
        if *least > 1 {
            refused(with(good.clone(), field, text(least - 1))).await;
        }
        // As long as it may be, it is at most unknown.
        let longest = partner.call(api, &with(good.clone(), field, text(*most))).await;
        assert_ne!(longest.code, "200001", "{field}: {}", longest.text);
    }
}

#[tokio::test]
async fn every_field_of_an_issue_is_checked_and_named() {
    let server = sandbox().await;
    check(&Partner::of(&server), Api::Issue, &request(), &ISSUE).await;
}

#[tokio::test]
async fn every_field_of_a_query_is_checked_and_named() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    let good = query_for(&partner.issue(&request()).await);
    check(&partner, Api::Query, &good, &QUERY).await;
}

#[tokio::test]
async fn unknown_fields_are_ignored_and_a_missing_post_notify_is_none() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    for post_notify in [Value::Null, json!("")] {
        let body = with(request(), "postNotify", post_notify);
        partner
            .issue(&with(body, "later", json!({"a": [1]})))
            .await
            .assert_outcome("SUCCESS", "000000");
    }
    let wrong = with(request(), "postNotify", "ftp://a.example/");
    let answer = partner.issue(&wrong).await;
    answer.assert_refused("200001", "postNotify 必须是 http 或 https 的绝对地址");
}

#[tokio::test]
async fn what_is_no_json_object_is_told() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    for body in ["", "[]", "{", "null", "\"x\"", "{\"a\":1}{\"a\":1}"] {
        let answer = partner.send(Api::Issue, Some(partner.authorization(body.as_bytes())), body);
        answer.await.assert_refused("100005", "请求体必须是 UTF-8 编码的 JSON 对象");
    }
    let body = b"{\"member_id\":\"\xff\"}".to_vec();
    let answer = partner.send(Api::Issue, Some(partner.authorization(&body)), body).await;
    assert_eq!(answer.code, "100005");
    let large = format!("{{\"a\":\"{}\"}}", "x".repeat(70_000));
    let answer = partner.send(Api::Issue, Some(partner.authorization(large.as_bytes())), large);
    answer.await.assert_refused("100005", "请求体不能超过 65536 字节");
}

#[tokio::test]
async fn notify_addresses_must_be_https_and_public_unless_allowed() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    let loopback = with(request(), "writeOffNotify", "http://127.0.0.1:9/notify");
    partner.issue(&loopback).await.assert_outcome("SUCCESS", "000000");

    let strict = strict().await;
    let partner = Partner::of(&strict);
    for (address, reason) in [
        ("http://partner.example/notify", "必须是 https 地址"),
        ("https://127.0.0.1/notify", "不能指向内网、本机或保留地址"),
        ("https://0x7f.1/notify", "不能指向内网、本机或保留地址"),
        ("https://10.1.2.3/notify", "不能指向内网、本机或保留地址"),
        ("https://[::1]/notify", "不能指向内网、本机或保留地址"),
        ("https://169.254.169.254/latest", "不能指向内网、本机或保留地址"),
    ] {
        for field in ["writeOffNotify", "postNotify"] {
            let answer = partner.issue(&with(request(), field, address)).await;
            answer.assert_refused("200001", &format!("{field} {reason}"));
        }
    }
    partner.issue(&request()).await.assert_outcome("SUCCESS", "000000");
}

#[tokio::test]
async fn an_issued_coupon_is_found_after_its_addresses_are_allowed_no_more() {
    let server = strict().await;
    let partner = Partner::of(&server);
    let body = with(request(), "writeOffNotify", "http://127.0.0.1:9/notify");
    let of = |field: &str| body[field].as_str().unwrap();
    // As when they were allowed.
    let issue = Issue {
        key: CouponKey {
            appid: InstitutionId::from("OP00000003"),
            mer_order_id: of("mer_order_id").into(),
        },
        activity_no: ActivityNo::from(of("activity_id")),
        promotion_id: PromotionId::from(of("promotion_id")),
        owner_id: OwnerId::from(of("owner_id")),
        member_id: of("member_id").into(),
        openid: OpenId::from(of("channel_openid")),
        post_notify: None,
        write_off_notify: of("writeOffNotify").into(),
    };
    let issued = server.done(issue).await.coupon;
    let found = partner.issue(&body).await;
    found.assert_outcome("SUCCESS", "000000");
    assert_eq!(found.data["trade_no"], order_number(issued.id));
    let changed = with(body.clone(), "postNotify", "http://127.0.0.1:9/post");
    partner.issue(&changed).await.assert_refused("200003", "postNotify 与首次请求时不一致");
    let new = with(request(), "writeOffNotify", "http://127.0.0.1:9/notify");
    partner.issue(&new).await.assert_refused("200001", "writeOffNotify 必须是 https 地址");
}
