//! What came, and whether it is what it says.

use axum::http::{HeaderMap, Uri, header};
use huodong_wire::lakala::sign::CallbackSigned;
use huodong_wire::lakala::{Callback, Certificate, yuan};
use jiff::civil::DateTime;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::answer::Answer;
use crate::json_text::pretty;

/// One attempt.
pub(super) struct Received {
    path: String,
    body: Vec<u8>,
    /// The callback, or why it cannot be read.
    callback: Result<Callback<'static>, String>,
    /// The certificate its header was signed by, or what is wrong with it.
    signature: Result<String, String>,
    /// Whether the signature within an issue callback's body is right.
    body_sign: Option<bool>,
}

impl Received {
    pub(super) fn examine(
        certificates: &[Certificate],
        uri: &Uri,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Self {
        let callback = Callback::decode(body).map_err(|error| error.to_string());
        let body_sign = match &callback {
            Ok(Callback::Issue(issue)) => {
                Some(certificates.iter().any(|known| issue.is_signed_by(known, body)))
            }
            _ => None,
        };
        Self {
            path: uri.to_string(),
            body: body.to_vec(),
            callback,
            signature: verify(certificates, headers, body),
            body_sign,
        }
    }

    /// Which callback it is an attempt of.
    pub(super) fn callback(&self) -> Option<String> {
        match self.callback.as_ref().ok()? {
            Callback::Issue(issue) => Some(format!("issue {}", issue.call_trade_no)),
            Callback::WriteOff(used) => Some(format!("write_off {}", used.trade_no)),
        }
    }

    /// For people.
    pub(super) fn text(&self, number: u64, attempt: u32, at: DateTime, answer: Answer) -> String {
        let what = match &self.callback {
            Ok(Callback::Issue(it)) => format!(
                "issue (发放回调) {}, trade_no {}, {} yuan",
                it.trade_status,
                it.call_trade_no,
                yuan(it.amount)
            ),
            Ok(Callback::WriteOff(it)) => format!(
                "write-off (核销回调) {}, trade_no {}, mer_order_id {}",
                it.usage, it.trade_no, it.mer_order_id
            ),
            Err(why) => format!("NO CALLBACK: {why}"),
        };
        let signature = match &self.signature {
            Ok(serial) => format!("right, by certificate {serial}"),
            Err(why) => format!("WRONG: {why}"),
        };
        let body_sign = match self.body_sign {
            Some(true) => "\n  sign       right, within the body",
            Some(false) => "\n  sign       WRONG: the signature within the body does not verify",
            None => "",
        };
        let at = at.strftime("%H:%M:%S%.3f");
        let body = pretty(&self.body).replace('\n', "\n  ");
        format!(
            "{at}  #{number}  {what}\n  attempt    {attempt} of this callback, POST {}\n  \
             signature  {signature}{body_sign}\n  {body}\n  answered   {answer}\n",
            self.path
        )
    }

    /// For programs: one line.
    pub(super) fn line(&self, number: u64, attempt: u32, at: DateTime, answer: Answer) -> String {
        let (event, trade_no, status) = match &self.callback {
            Ok(Callback::Issue(it)) => {
                (Some("issue"), Some(&*it.call_trade_no), Some(it.trade_status.as_str()))
            }
            Ok(Callback::WriteOff(it)) => {
                (Some("write_off"), Some(&*it.trade_no), Some(it.usage.as_str()))
            }
            Err(_) => (None, None, None),
        };
        let why = self.callback.as_ref().err().or(self.signature.as_ref().err());
        let text = String::from_utf8_lossy(&self.body);
        let object = serde_json::from_str::<&RawValue>(&text).ok();
        json!({
            "number": number,
            "at": at.strftime("%Y-%m-%d %H:%M:%S%.3f").to_string(),
            "path": self.path,
            "event": event,
            "trade_no": trade_no,
            "status": status,
            "attempt": attempt,
            "verified": self.signature.is_ok() && self.body_sign != Some(false),
            "certificate": self.signature.as_ref().ok(),
            "body_sign": self.body_sign,
            "why": why,
            "body": object.map_or_else(|| Value::from(&*text), |_| value(&text)),
            "answered": answer.to_string(),
        })
        .to_string()
    }
}

fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::from(text))
}

/// The serial of the certificate that the header's signature was made by.
fn verify(
    certificates: &[Certificate],
    headers: &HeaderMap,
    body: &[u8],
) -> Result<String, String> {
    let header = headers.get(header::AUTHORIZATION).ok_or("there is no Authorization header")?;
    let header = header.to_str().map_err(|_| "the Authorization header is not ASCII")?;
    let (signed, signature) = CallbackSigned::parse(header).map_err(|error| error.to_string())?;
    let message = signed.string_to_sign(body);
    let by = certificates.iter().find(|known| known.verify(&message, signature));
    match by {
        Some(certificate) => Ok(certificate.serial_hex().to_owned()),
        None => Err("it was made by none of the certificates known here".to_owned()),
    }
}
