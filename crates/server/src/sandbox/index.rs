use axum::Json;
use http::Uri;
use serde_json::{Value, json};

use super::BASE;
use crate::operator::problem::{Kind, Problem};

/// `GET /sandbox/v1`: what can be done here, with examples.
pub(super) async fn show() -> Json<Value> {
    let control = |method: &str, path: &str, does: &str, body: Value| {
        let mut control = json!({"method": method, "path": format!("{BASE}{path}"), "does": does});
        if !body.is_null() {
            control["example"] = body;
        }
        control
    };
    Json(json!({
        "about": "A sandbox: the vendors' APIs with real state, a clock you can move and faults on \
                  demand. These controls ask for no token.",
        "controls": [
            control("GET", "/clock", "Tells the business clock: windows, days, deferred \
                settlement and unused photos go by it; signatures are judged by the real one", Value::Null),
            control("POST", "/clock", "Moves it on; the answer tells what ran because of it",
                json!({"advance_s": 5})),
            control("POST", "/clock", "Sets it to a Shanghai wall time, also backwards",
                json!({"set": "2026-11-21 10:00:00"})),
            control("POST", "/clock", "Stops it, or lets it run on", json!({"freeze": true})),
            control("GET", "/faults", "Lists the faults that are still for some call; the first \
                that matches is taken", Value::Null),
            control("POST", "/faults", "The next call of an API is answered with a code (count: \
                how many calls, or \"unlimited\")",
                json!({"api": "RewardToDonate", "count": 3, "answer": {"code": 32_240_047}})),
            control("POST", "/faults", "Codes may be text: ysepay's have letters. Its calls are \
                ysepay.upload, ysepay.addData and ysepay.consult",
                json!({"api": "ysepay.addData", "answer": {"code": "B022011"}})),
            control("POST", "/faults", "Calls whose fields match wait first",
                json!({"api": "RewardToDonate", "match": {"third_uid": "user_001"},
                    "delay_ms": 3_000})),
            control("POST", "/faults", "The connection is cut: \"before\" anything is done, or \
                \"after\" it was done and committed",
                json!({"api": "RewardToDonate", "drop": "after"})),
            control("DELETE", "/faults/{id}", "Takes one fault back", Value::Null),
            control("DELETE", "/faults", "Takes all faults back", Value::Null),
            control("GET", "/callbacks", "Lists the messages owed to partners, newest first, with \
                every attempt and what was sent; ?coupon= and ?mer_order_id= narrow it down; \
                /sandbox/callbacks is the same as a page", Value::Null),
            control("POST", "/callbacks/{id}/resend", "Sends one again at once", Value::Null),
            control("POST", "/reset", "Everything back to how it began: data, clock, faults, \
                nonces",
                Value::Null),
        ],
    }))
}

/// Answers for paths that are not there.
pub(super) async fn no_such_path(uri: Uri) -> Problem {
    let detail = format!("there is nothing at {}; {BASE} lists what there is", uri.path());
    Problem::new(Kind::NotFound, detail)
}

/// Answers for methods a path does not have.
pub(super) async fn no_such_method() -> Problem {
    let detail = format!("this path does not take this method; {BASE} lists what there is");
    Problem::new(Kind::NoSuchMethod, detail)
}
