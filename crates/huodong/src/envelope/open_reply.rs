//! `huodong envelope open`, for replies.

use huodong_wire::ysepay::{Charset, ContentKey, GatewayCode, parse_wall_time};
use serde_json::json;

use super::captured::Captured;
use super::check;
use super::keyring::Keyring;
use super::open::{Findings, age, head, opened, tell_signature};
use super::report::Report;

/// Opens a reply with the content key that is given, or the one in the request it answers.
pub(super) fn open(captured: &Captured, request: Option<&Captured>, ring: &Keyring) -> Findings {
    let mut report = Report::default();
    let text = |name: &str| captured.fields.get(name).unwrap_or_default();
    let code = text("code");
    let what = match GatewayCode::from_number(code) {
        Some(GatewayCode::Success) => {
            format!("A reply: subCode {} {}", text("subCode"), text("subMsg"))
        }
        Some(_) => format!("A reply: refused by the gateway, {code} {}", text("msg")),
        None => format!("A reply: {code} {}, a code of no table", text("msg")),
    };
    head(&mut report, captured, &what);
    report.found("code", json!(code));
    report.found("sub_code", json!(text("subCode")));
    match captured.fields.get("timeStamp").and_then(parse_wall_time) {
        Some(time) => report.tell(format!("timeStamp: {}", age(time)), []),
        None => report.wrong("timeStamp", "it is missing or no time", Vec::new(), &[]),
    }
    let unsigned_refusal =
        captured.fields.get("sign").is_none() && code != GatewayCode::Success.number();
    if unsigned_refusal {
        let why = "what is refused before its caller is known is answered without one: look at the \
                   request's common fields, its certId and its sign; nothing vouches for such a reply";
        report.tell("Signature: there is none", [why.to_owned()]);
    } else {
        tell_signature(&mut report, captured, ring, None);
    }
    let mut content = None;
    if captured.fields.get("businessData").is_some() {
        if let Some(key) = content_key(&mut report, request, ring) {
            content = opened(&mut report, captured, "businessData", &key, Charset::Utf8);
        }
    } else {
        report.tell("businessData: there is none", []);
    }
    Findings { report, content }
}

fn content_key(
    report: &mut Report,
    request: Option<&Captured>,
    ring: &Keyring,
) -> Option<ContentKey> {
    if let Some(key) = &ring.content_key {
        return Some(key.clone());
    }
    let Some(request) = request else {
        let how = "it is encrypted under its request's content key: give the request by --request, or \
                   the key by --content-key";
        let how = vec![how.to_owned()];
        report.wrong("businessData", "no content key is at hand", how, &[]);
        return None;
    };
    match check::open(request.fields.get("check").unwrap_or_default(), &ring.gateway) {
        Ok(found) => Some(found.key),
        Err(check::Unopened { faults, causes }) => {
            report.wrong("The request's check", "no key at hand opens it", faults, &causes);
            None
        }
    }
}
