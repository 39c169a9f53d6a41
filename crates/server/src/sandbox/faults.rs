use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Json as Answer;
use axum::extract::State;
use http::StatusCode;
use huodong_wire::{gongyi, lakala};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::App;
use crate::faults::{Fault, FaultAction, FaultRule, LAKALA_ISSUE, LAKALA_QUERY};
use crate::operator::body::{Json, Named};
use crate::operator::problem::{Kind, Problem};

const COUNT_MAX: u32 = 1_000_000;
const DELAY_MS_MAX: u64 = 600_000;
const MATCHES_MAX: usize = 20;
const UNLIMITED: &str = "unlimited";
/// lakala's codes are six digits.
const LAKALA_CODE_MAX: i64 = 999_999;

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

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct NewAnswer {
    #[serde(deserialize_with = "number")]
    code: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    msg: Option<String>,
}

/// A number, or its digits as text: lakala's codes are text and may begin with zeros.
fn number<'de, D: Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Code {
        Number(i64),
        Text(String),
    }

    match Code::deserialize(from)? {
        Code::Number(number) => Ok(number),
        Code::Text(text) => text.parse().map_err(serde::de::Error::custom),
    }
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
    answer: Option<NewAnswer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    drop: Option<Drop>,
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
    let fault = new.fault()?;
    let api = new.known_api()?;
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

/// The calls of all vendors as rules name them; lakala's own short names are understood, too.
fn known_apis() -> Vec<&'static str> {
    let gongyi = gongyi::Api::ALL.map(gongyi::Api::name);
    gongyi.into_iter().chain([LAKALA_ISSUE, LAKALA_QUERY]).collect()
}

impl NewFault {
    fn known_api(&self) -> Result<&'static str, Problem> {
        let api = match lakala::Api::from_name(&self.api) {
            Some(lakala::Api::Issue) => LAKALA_ISSUE,
            Some(lakala::Api::Query) => LAKALA_QUERY,
            None => &self.api,
        };
        let known = known_apis();
        let Some(api) = known.iter().find(|known| **known == api).copied() else {
            let known = known.join(", ");
            return Err(Problem::invalid("api", format!("api must be one of {known}")));
        };
        let is_lakala = [LAKALA_ISSUE, LAKALA_QUERY].contains(&api);
        match &self.answer {
            Some(answer) if is_lakala && !(1..=LAKALA_CODE_MAX).contains(&answer.code) => {
                let detail = format!("answer.code of {api} must be from 1 to {LAKALA_CODE_MAX}");
                Err(Problem::invalid("answer.code", detail))
            }
            _ => Ok(api),
        }
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

    fn fault(&self) -> Result<Fault, Problem> {
        if self.delay_ms > DELAY_MS_MAX {
            let detail = format!("delay_ms must be at most {DELAY_MS_MAX}");
            return Err(Problem::invalid("delay_ms", detail));
        }
        let action = match (&self.answer, self.drop) {
            (Some(_), Some(_)) => {
                let detail = "a call is either answered or dropped; give answer or drop";
                return Err(Problem::invalid("drop", detail));
            }
            (Some(NewAnswer { code: 0, .. }), _) => {
                let detail = "answer.code 0 is success, and what succeeded has data";
                return Err(Problem::invalid("answer.code", detail));
            }
            (Some(answer), None) => {
                FaultAction::Answer { code: answer.code, msg: answer.msg.clone() }
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
            FaultAction::Answer { code, msg } => (Some(NewAnswer { code, msg }), None),
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
