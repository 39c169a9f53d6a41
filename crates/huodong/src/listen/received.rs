//! What came, and whether it is what it says.

use axum::http::{HeaderMap, Uri, header};
use huodong_client::lakala::callback::{CallbackError, Event, Verifier};
use huodong_wire::lakala::{Callback, yuan};
use jiff::civil::DateTime;
use serde_json::{Value, json};

use super::answer::Answer;
use crate::json_text::pretty;

/// One attempt.
pub(super) struct Received {
    path: String,
    body: Vec<u8>,
    /// What it says, whether that is true or not; `None` where it cannot be read.
    callback: Option<Callback<'static>>,
    /// What an integrator may believe.
    verified: Result<Event, CallbackError>,
}

impl Received {
    pub(super) fn examine(
        verifier: &Verifier,
        uri: &Uri,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Self {
        let header = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        Self {
            path: uri.to_string(),
            body: body.to_vec(),
            callback: Callback::decode(body).ok(),
            verified: verifier.verify(header, body),
        }
    }

    /// Which callback it is an attempt of.
    pub(super) fn callback(&self) -> Option<String> {
        match self.callback.as_ref()? {
            Callback::Issue(issue) => Some(format!("issue {}", issue.call_trade_no)),
            Callback::WriteOff(used) => Some(format!("write_off {}", used.trade_no)),
        }
    }

    /// What it is answered: nobody acknowledges what may be another's.
    pub(super) fn answered(&self, told: Answer) -> Answer {
        match told {
            Answer::Ack | Answer::Slow(_) if self.verified.is_err() => Answer::Fail,
            told => told,
        }
    }

    /// For people.
    pub(super) fn text(&self, number: u64, attempt: u32, at: DateTime, answer: Answer) -> String {
        let what = match &self.callback {
            Some(Callback::Issue(it)) => format!(
                "issue (发放回调) {}, trade_no {}, {} yuan",
                it.trade_status,
                it.call_trade_no,
                yuan(it.amount)
            ),
            Some(Callback::WriteOff(it)) => format!(
                "write-off (核销回调) {}, trade_no {}, mer_order_id {}",
                it.usage, it.trade_no, it.mer_order_id
            ),
            None => "NO CALLBACK".to_owned(),
        };
        let verified = match (&self.verified, &self.callback) {
            (Err(why), _) => format!("NO: {why}"),
            (Ok(_), Some(Callback::Issue(_))) => "header and sign, by the platform".to_owned(),
            (Ok(_), _) => "header, by the platform".to_owned(),
        };
        let at = at.strftime("%H:%M:%S%.3f");
        let body = pretty(&self.body).replace('\n', "\n  ");
        format!(
            "{at}  #{number}  {what}\n  attempt   {attempt} of this callback, POST {}\n  \
             verified  {verified}\n  {body}\n  answered  {answer}\n",
            self.path
        )
    }

    /// For programs: one line.
    pub(super) fn line(&self, number: u64, attempt: u32, at: DateTime, answer: Answer) -> String {
        let (event, trade_no, status) = match &self.callback {
            Some(Callback::Issue(it)) => {
                (Some("issue"), Some(&*it.call_trade_no), Some(it.trade_status.as_str()))
            }
            Some(Callback::WriteOff(it)) => {
                (Some("write_off"), Some(&*it.trade_no), Some(it.usage.as_str()))
            }
            None => (None, None, None),
        };
        let body = serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| Value::from(String::from_utf8_lossy(&self.body)));
        json!({
            "number": number,
            "at": at.strftime("%Y-%m-%d %H:%M:%S%.3f").to_string(),
            "path": self.path,
            "event": event,
            "trade_no": trade_no,
            "status": status,
            "attempt": attempt,
            "verified": self.verified.is_ok(),
            "why": self.verified.as_ref().err().map(ToString::to_string),
            "body": body,
            "answered": answer.to_string(),
        })
        .to_string()
    }
}
