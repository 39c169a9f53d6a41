//! Rows that are archived, as lines of JSON: by the names that the API gives them, and whole.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use huodong_campaign::{self as campaign, AuditEntry};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;

use super::callbacks::{AttemptOutcome, CallbackEvent};

/// An attempt, with what it takes to find it by a partner's numbers.
#[derive(Serialize)]
struct AttemptLine<'a> {
    id: String,
    callback: String,
    event: CallbackEvent,
    coupon: String,
    trade_no: String,
    appid: &'a str,
    receiver: &'a str,
    number: u32,
    due_at: Timestamp,
    at: Timestamp,
    took_ms: u32,
    outcome: AttemptOutcome,
    status: Option<u16>,
    /// The answer's first bytes, where they are text …
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<&'a str>,
    /// … and where they are not.
    #[serde(skip_serializing_if = "Option::is_none")]
    answer_base64: Option<String>,
    reason: &'a str,
}

/// An attempt at a callback as one line, without its end. Times are UTC.
pub fn attempt_line(callback: &campaign::Callback, attempt: &campaign::Attempt) -> String {
    let answer = std::str::from_utf8(&attempt.answer).ok();
    line(&AttemptLine {
        id: attempt.id.to_string(),
        callback: callback.id.to_string(),
        event: callback.event.into(),
        coupon: callback.coupon.to_string(),
        trade_no: crate::order_number(callback.coupon),
        appid: callback.appid.as_str(),
        receiver: &callback.receiver,
        number: attempt.number,
        due_at: attempt.due_at,
        at: attempt.at,
        took_ms: attempt.took_ms,
        outcome: attempt.outcome.into(),
        status: attempt.status,
        answer,
        answer_base64: answer.is_none().then(|| STANDARD.encode(&attempt.answer)),
        reason: &attempt.reason,
    })
}

#[derive(Serialize)]
struct AuditLine<'a> {
    id: String,
    at: Timestamp,
    actor: &'a str,
    trace_id: &'a str,
    action: &'a str,
    subject: &'a str,
    detail: Detail<'a>,
}

/// The particulars as they were written down, where that is JSON.
#[derive(Serialize)]
#[serde(untagged)]
enum Detail<'a> {
    Json(&'a RawValue),
    Text(&'a str),
}

/// An entry of the audit log as one line, without its end. Times are UTC.
pub fn audit_line(entry: &AuditEntry) -> String {
    let detail = &*entry.detail;
    // What has lines of its own would be no line.
    let raw = Some(detail).filter(|text| !text.contains(['\n', '\r']));
    let raw = raw.and_then(|text| serde_json::from_str(text).ok());
    line(&AuditLine {
        id: entry.id.to_string(),
        at: entry.at,
        actor: &entry.actor.name,
        trace_id: &entry.actor.trace_id,
        action: &entry.action,
        subject: &entry.subject,
        detail: raw.map_or(Detail::Text(detail), Detail::Json),
    })
}

fn line(row: &impl Serialize) -> String {
    serde_json::to_string(row).expect("rows hold only what JSON can say")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use huodong_campaign::{
        Actor, Attempt, AttemptOutcome, Callback, CallbackEvent, CallbackState, Id, InstitutionId,
    };
    use serde_json::{Value, json};

    use super::*;

    fn callback() -> Callback {
        let at: Timestamp = "2026-01-02T03:04:05.678Z".parse().unwrap();
        Callback {
            id: Id(228_184_215_552_000_002),
            event: CallbackEvent::IssueResult,
            coupon: Id(228_184_215_552_000_001),
            appid: InstitutionId::from("OP00000003"),
            receiver: "test.bank.com".into(),
            created_at: at,
            began_at: at,
            tries: 0,
            attempts: 1,
            archived: 0,
            state: CallbackState::Delivered,
            finished_at: Some(at),
        }
    }

    fn attempt(answer: &[u8]) -> Attempt {
        Attempt {
            id: Id(228_184_215_552_000_003),
            callback: callback().id,
            number: 1,
            due_at: callback().created_at,
            at: callback().created_at,
            took_ms: 12,
            outcome: AttemptOutcome::NotAcknowledged,
            status: Some(200),
            answer: answer.to_vec(),
            reason: "the answer says \"no\"\nand more".to_owned(),
        }
    }

    fn read(line: &str) -> Value {
        assert_eq!(line.lines().count(), 1, "{line}");
        serde_json::from_str(line).unwrap()
    }

    #[test]
    fn an_attempt_is_one_line_that_says_all_of_it() {
        let line = read(&attempt_line(&callback(), &attempt("不行\n".as_bytes())));
        let expected = json!({
            "id": "228184215552000003", "callback": "228184215552000002", "event": "issue_result",
            "coupon": "228184215552000001",
            "trade_no": crate::order_number(Id(228_184_215_552_000_001)),
            "appid": "OP00000003", "receiver": "test.bank.com", "number": 1,
            "due_at": "2026-01-02T03:04:05.678Z", "at": "2026-01-02T03:04:05.678Z", "took_ms": 12,
            "outcome": "not_acknowledged", "status": 200, "answer": "不行\n",
            "reason": "the answer says \"no\"\nand more",
        });
        assert_eq!(line, expected);
    }

    #[test]
    fn an_answer_that_is_no_text_is_kept_byte_for_byte() {
        let line = read(&attempt_line(&callback(), &attempt(b"no \xff")));
        assert_eq!(line.get("answer"), None);
        assert_eq!(STANDARD.decode(line["answer_base64"].as_str().unwrap()).unwrap(), b"no \xff");
    }

    #[test]
    fn an_audit_entry_keeps_its_particulars_as_they_were_written() {
        let entry = |detail: &str| AuditEntry {
            id: Id(7),
            at: callback().created_at,
            actor: Actor { name: "alice".to_owned(), trace_id: "t".to_owned() },
            action: "activity.fund".to_owned(),
            subject: "a1".to_owned(),
            detail: detail.to_owned(),
        };
        let line = audit_line(&entry(r#"{"z":1,"a":18446744073709551616}"#));
        let detail = r#""detail":{"z":1,"a":18446744073709551616}}"#;
        assert!(line.ends_with(detail), "{line}");
        let expected = json!({
            "id": "7", "at": "2026-01-02T03:04:05.678Z", "actor": "alice", "trace_id": "t",
            "action": "activity.fund", "subject": "a1", "detail": "no JSON",
        });
        assert_eq!(read(&audit_line(&entry("no JSON"))), expected);
        assert_eq!(read(&audit_line(&entry("{\n}")))["detail"], "{\n}");
    }
}
