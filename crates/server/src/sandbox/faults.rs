use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Json as Answer;
use axum::extract::State;
use http::StatusCode;
use huodong_wire::gongyi;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::App;
use crate::faults::{
    Fault, FaultAction, FaultCode, FaultRule, LAKALA_ISSUE, LAKALA_QUERY, YSEPAY_ADD_DATA,
    YSEPAY_CONSULT, YSEPAY_UPLOAD,
};
use crate::operator::body::{Json, Named};
use crate::operator::problem::{Kind, Problem};

const COUNT_MAX: u32 = 1_000_000;
const DELAY_MS_MAX: u64 = 600_000;
const MATCHES_MAX: usize = 20;
const UNLIMITED: &str = "unlimited";
/// lakala's codes are six digits.
const LAKALA_CODE_MAX: i64 = 999_999;
/// ysepay's codes are letters and digits, nine of them at the most.
const YSEPAY_CODE_CHARS_MAX: usize = 9;

/// A fault as it is asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewFault {
    api: String,
    count: Option<Value>,
    #[serde(default)]
    r#match: BTreeMap<String, Value>,
    #[serde(default)]
    delay_ms: u64,
    answer: Option<NewAnswer>,
    drop: Option<Drop>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewAnswer {
    code: NewCode,
    msg: Option<String>,
}

/// A code as a number or as text: those that begin with zeros can only be text.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "must be a number or text")]
enum NewCode {
    Number(i64),
    Text(String),
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum Drop {
    Before,
    After,
}

/// A fault as it stands.
#[derive(Debug, Serialize)]
pub(super) struct Shown {
    id: u64,
    api: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    r#match: BTreeMap<String, String>,
    /// How many calls it is still for: a number or `unlimited`.
    left: Value,
    /// How many calls it has met.
    met: u64,
    delay_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<ShownAnswer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    drop: Option<Drop>,
}

#[derive(Debug, Serialize)]
struct ShownAnswer {
    code: FaultCode,
    #[serde(skip_serializing_if = "Option::is_none")]
    msg: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct List {
    items: Vec<Shown>,
}

#[derive(Debug, Serialize)]
pub(super) struct Cleared {
    deleted: usize,
}

/// `GET faults`: those that are still for some call; the first that matches is taken.
pub(super) async fn list(State(app): State<Arc<App>>) -> Answer<List> {
    Answer(List { items: app.faults.list().into_iter().map(Shown::from).collect() })
}

/// `POST faults`
pub(super) async fn set(
    State(app): State<Arc<App>>,
    Json(new): Json<NewFault>,
) -> Result<(StatusCode, Answer<Shown>), Problem> {
    let count = new.count()?;
    let matching = new.matching()?;
    let api = new.known_api()?;
    let fault = new.fault(api)?;
    let rule = app.faults.set(api.to_owned(), matching, count, fault);
    let rule = rule.map_err(|full| Problem::new(Kind::WrongState, full.to_string()))?;
    Ok((StatusCode::CREATED, Answer(Shown::from(rule))))
}

/// `DELETE faults`: all of them.
pub(super) async fn clear(State(app): State<Arc<App>>) -> Answer<Cleared> {
    Answer(Cleared { deleted: app.faults.clear() })
}

/// `DELETE faults/{id}`
pub(super) async fn remove(
    State(app): State<Arc<App>>,
    Named(id): Named<u64>,
) -> Result<Answer<Cleared>, Problem> {
    if app.faults.remove(id) {
        Ok(Answer(Cleared { deleted: 1 }))
    } else {
        Err(Problem::unknown("id", &id.to_string()))
    }
}

/// The calls of all vendors as rules name them; the short names of lakala's and ysepay's are
/// understood, too.
fn known_apis() -> Vec<&'static str> {
    let gongyi = gongyi::Api::ALL.map(gongyi::Api::name);
    gongyi.into_iter().chain(LAKALA).chain(YSEPAY).collect()
}

const LAKALA: [&str; 2] = [LAKALA_ISSUE, LAKALA_QUERY];
const YSEPAY: [&str; 3] = [YSEPAY_UPLOAD, YSEPAY_ADD_DATA, YSEPAY_CONSULT];

/// A code as its vendor writes codes, if it is one of a failure.
fn code(api: &str, code: &NewCode) -> Result<FaultCode, Problem> {
    let wrong = |detail: String| Problem::invalid("answer.code", detail);
    if YSEPAY.contains(&api) {
        return ysepay_code(api, code).map_err(wrong);
    }
    let number = match code {
        NewCode::Number(number) => *number,
        NewCode::Text(text) => text
            .parse()
            .map_err(|error| wrong(format!("answer.code of {api} must be a number: {error}")))?,
    };
    if number == 0 {
        let detail = "answer.code 0 is success, and what succeeded has data";
        return Err(wrong(detail.to_owned()));
    }
    if LAKALA.contains(&api) && !(1..=LAKALA_CODE_MAX).contains(&number) {
        return Err(wrong(format!("answer.code of {api} must be from 1 to {LAKALA_CODE_MAX}")));
    }
    Ok(FaultCode::Number(number))
}

fn ysepay_code(api: &str, code: &NewCode) -> Result<FaultCode, String> {
    let text = match code {
        NewCode::Number(number) => number.to_string(),
        NewCode::Text(text) => text.clone(),
    };
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !plain || !(1..=YSEPAY_CODE_CHARS_MAX).contains(&text.len()) {
        return Err(format!(
            "answer.code of {api} must be 1 to {YSEPAY_CODE_CHARS_MAX} letters and digits"
        ));
    }
    if text.bytes().all(|byte| byte == b'0') {
        return Err(format!("answer.code {text} is success, and what succeeded has data"));
    }
    Ok(FaultCode::Text(text.into()))
}

impl NewFault {
    fn known_api(&self) -> Result<&'static str, Problem> {
        let known = known_apis();
        let is_named = |known: &&&str| {
            let short = known.split_once('.').map(|(_vendor, short)| short);
            **known == self.api || short == Some(&self.api)
        };
        known.iter().find(is_named).copied().ok_or_else(|| {
            let known = known.join(", ");
            Problem::invalid("api", format!("api must be one of {known}"))
        })
    }

    fn count(&self) -> Result<Option<u32>, Problem> {
        let Some(count) = &self.count else { return Ok(Some(1)) };
        if count == UNLIMITED {
            return Ok(None);
        }
        let number = count.as_u64().and_then(|number| u32::try_from(number).ok());
        number.filter(|number| (1..=COUNT_MAX).contains(number)).map(Some).ok_or_else(|| {
            let detail = format!("count must be from 1 to {COUNT_MAX}, or \"{UNLIMITED}\"");
            Problem::invalid("count", detail)
        })
    }

    fn matching(&self) -> Result<BTreeMap<String, String>, Problem> {
        if self.r#match.len() > MATCHES_MAX {
            let detail = format!("match may name {MATCHES_MAX} fields");
            return Err(Problem::invalid("match", detail));
        }
        let text = |(name, value): (&String, &Value)| match value {
            Value::String(text) => Ok((name.clone(), text.clone())),
            Value::Number(number) => Ok((name.clone(), number.to_string())),
            _ => {
                let field = format!("match.{name}");
                let detail = format!("{field} must be text or a number");
                Err(Problem::invalid(field, detail))
            }
        };
        self.r#match.iter().map(text).collect()
    }

    fn fault(&self, api: &str) -> Result<Fault, Problem> {
        if self.delay_ms > DELAY_MS_MAX {
            let detail = format!("delay_ms must be at most {DELAY_MS_MAX}");
            return Err(Problem::invalid("delay_ms", detail));
        }
        let action = match (&self.answer, self.drop) {
            (Some(_), Some(_)) => {
                let detail = "a call is either answered or dropped; give answer or drop";
                return Err(Problem::invalid("drop", detail));
            }
            (Some(answer), None) => {
                FaultAction::Answer { code: code(api, &answer.code)?, msg: answer.msg.clone() }
            }
            (None, Some(Drop::Before)) => FaultAction::DropBefore,
            (None, Some(Drop::After)) => FaultAction::DropAfter,
            (None, None) if self.delay_ms > 0 => FaultAction::GoOn,
            (None, None) => {
                let detail = "say what is to happen: delay_ms, answer {code, msg?}, or drop \
                              (before, after)";
                return Err(Problem::invalid("answer", detail));
            }
        };
        Ok(Fault { delay: Duration::from_millis(self.delay_ms), action })
    }
}

impl From<FaultRule> for Shown {
    fn from(rule: FaultRule) -> Self {
        let (answer, drop) = match rule.fault.action {
            FaultAction::GoOn => (None, None),
            FaultAction::Answer { code, msg } => (Some(ShownAnswer { code, msg }), None),
            FaultAction::DropBefore => (None, Some(Drop::Before)),
            FaultAction::DropAfter => (None, Some(Drop::After)),
        };
        Self {
            id: rule.id,
            api: rule.api,
            r#match: rule.matching,
            left: rule.left.map_or_else(|| UNLIMITED.into(), Value::from),
            met: rule.met,
            delay_ms: u64::try_from(rule.fault.delay.as_millis()).unwrap_or(u64::MAX),
            answer,
            drop,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(api: &str, text: &str) -> Option<FaultCode> {
        let answer: NewAnswer = serde_json::from_str(&format!(r#"{{"code":{text}}}"#)).ok()?;
        code(api, &answer.code).ok()
    }

    #[test]
    fn a_code_is_kept_as_its_vendor_writes_codes() {
        let number = |number| Some(FaultCode::Number(number));
        let letters = |text: &str| Some(FaultCode::Text(text.into()));
        assert_eq!(taken("RewardToDonate", "32240007"), number(32_240_007));
        assert_eq!(taken("RewardToDonate", "\"32240007\""), number(32_240_007));
        assert_eq!(taken("RewardToDonate", "-1"), number(-1));
        assert_eq!(taken(LAKALA_ISSUE, "\"000123\""), number(123));
        assert_eq!(taken(YSEPAY_ADD_DATA, "\"A029998\""), letters("A029998"));
        assert_eq!(taken(YSEPAY_ADD_DATA, "9999"), letters("9999"));
        assert_eq!(taken(YSEPAY_CONSULT, "901029999"), letters("901029999"));
        assert_eq!(taken(YSEPAY_UPLOAD, "\"00001\""), letters("00001"));
    }

    #[test]
    fn a_code_of_success_or_of_no_kind_the_vendor_has_is_refused() {
        for (api, text) in [
            ("RewardToDonate", "0"),
            ("RewardToDonate", "\"0\""),
            ("RewardToDonate", "\"A029998\""),
            ("RewardToDonate", "1.5"),
            (LAKALA_ISSUE, "\"000000\""),
            (LAKALA_ISSUE, "1000000"),
            (LAKALA_ISSUE, "-1"),
            (YSEPAY_UPLOAD, "\"00000\""),
            (YSEPAY_ADD_DATA, "\"0000\""),
            (YSEPAY_CONSULT, "0"),
            (YSEPAY_CONSULT, "-1"),
            (YSEPAY_CONSULT, "\"\""),
            (YSEPAY_CONSULT, "\"9010299991\""),
            (YSEPAY_CONSULT, "\"失败\""),
        ] {
            assert_eq!(taken(api, text), None, "{api} {text}");
        }
    }
}
