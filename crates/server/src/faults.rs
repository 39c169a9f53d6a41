//! Faults on demand: what the sandbox does wrong because somebody asked it to.
//!
//! A face asks [`Faults::take`] for each call it has let in and understood. While no rule is set
//! that costs one relaxed load.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::Extensions;
use parking_lot::Mutex;
use serde::Serialize;
use thiserror::Error;
use tokio::task::JoinError;

use crate::listen::ConnectionHandle;

/// lakala's and ysepay's calls in a rule; gongyi's go by the vendor's own names.
pub(crate) const LAKALA_ISSUE: &str = "lakala.issue";
pub(crate) const LAKALA_QUERY: &str = "lakala.query";
pub(crate) const YSEPAY_UPLOAD: &str = "ysepay.upload";
pub(crate) const YSEPAY_ADD_DATA: &str = "ysepay.addData";
pub(crate) const YSEPAY_CONSULT: &str = "ysepay.consult";

/// Rules that may be set at once.
const RULES_MAX: usize = 100;

/// What happens to a call instead of, or besides, what it asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// First this passes, by the real clock.
    pub delay: Duration,
    /// Then this happens.
    pub action: FaultAction,
}

/// A vendor's code, as that vendor writes codes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum FaultCode {
    /// As gongyi's and, but for leading zeros, lakala's are.
    Number(i64),
    /// As ysepay's are, which have letters and leading zeros.
    Text(Box<str>),
}

impl FaultCode {
    /// The number; -1, which is no vendor's code, for a text that is none.
    pub fn number(&self) -> i64 {
        match self {
            Self::Number(number) => *number,
            Self::Text(text) => text.parse().unwrap_or(-1),
        }
    }

    /// The text.
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Number(number) => Cow::Owned(number.to_string()),
            Self::Text(text) => Cow::Borrowed(text),
        }
    }
}

/// What happens to a call after the delay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultAction {
    /// What it asked for.
    GoOn,
    /// Nothing is done; it is answered with this code.
    Answer {
        /// The vendor's code, or any other of its kind.
        code: FaultCode,
        /// The text beside it; the code's own where there is none.
        msg: Option<String>,
    },
    /// Nothing is done, and the connection is cut.
    DropBefore,
    /// What it asked for is done and committed; then the connection is cut without an answer.
    DropAfter,
}

/// Which calls a fault is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultRule {
    /// Its number.
    pub id: u64,
    /// The vendor's name of the call.
    pub api: String,
    /// Fields of the request that must have these values, written as text.
    pub matching: BTreeMap<String, String>,
    /// How many calls it is still for; `None` is all.
    pub left: Option<u32>,
    /// How many calls it has met.
    pub met: u64,
    /// What happens to them.
    pub fault: Fault,
}

/// There are as many rules as may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("there are {RULES_MAX} faults already; delete some")]
pub struct TooManyFaults;

/// Does something once the delay has passed. On a task of its own: a caller that has lost patience
/// and hung up must find what it asked for all the same, as it would with a slow server. `None`
/// where the process ends first.
pub(crate) async fn detached<T: Send + 'static>(
    delay: Duration,
    work: impl Future<Output = T> + Send + 'static,
) -> Option<T> {
    let task = tokio::spawn(async move {
        tokio::time::sleep(delay).await;
        work.await
    });
    match task.await.map_err(JoinError::try_into_panic) {
        Ok(outcome) => Some(outcome),
        Err(Ok(panic)) => resume_unwind(panic),
        Err(Err(_cancelled)) => None,
    }
}

/// Cuts the connection a request came by; whoever handles it is gone with it.
pub(crate) async fn cut(extensions: &Extensions) -> Infallible {
    let connection = extensions.get::<ConnectionHandle>();
    connection.expect("every request says how it came").drop_connection().await
}

/// The rules that are set.
#[derive(Debug, Default)]
pub struct Faults {
    any: AtomicBool,
    rules: Mutex<Rules>,
}

#[derive(Debug, Default)]
struct Rules {
    last_id: u64,
    list: Vec<FaultRule>,
}

impl Faults {
    /// The fault this call meets, if any: that of the first rule that is for it. `field` gives the
    /// request's fields as text.
    pub fn take(&self, api: &str, field: impl Fn(&str) -> Option<String>) -> Option<Fault> {
        // A call that is under way while a rule is set may miss it; its sender cannot tell.
        if !self.any.load(Ordering::Relaxed) {
            return None;
        }
        let mut rules = self.rules.lock();
        let met = |rule: &FaultRule| {
            rule.api == api
                && rule.matching.iter().all(|(name, value)| field(name).as_ref() == Some(value))
        };
        let index = rules.list.iter().position(met)?;
        let rule = &mut rules.list[index];
        rule.met += 1;
        let fault = rule.fault.clone();
        if let Some(left) = &mut rule.left {
            *left = left.saturating_sub(1);
            if *left == 0 {
                rules.list.remove(index);
                self.any.store(!rules.list.is_empty(), Ordering::Relaxed);
            }
        }
        Some(fault)
    }

    /// Sets a rule, after those that are there; `count` is how many calls it is for, `None` all.
    pub fn set(
        &self,
        api: String,
        matching: BTreeMap<String, String>,
        count: Option<u32>,
        fault: Fault,
    ) -> Result<FaultRule, TooManyFaults> {
        let mut rules = self.rules.lock();
        if rules.list.len() >= RULES_MAX {
            return Err(TooManyFaults);
        }
        rules.last_id += 1;
        let rule = FaultRule { id: rules.last_id, api, matching, left: count, met: 0, fault };
        rules.list.push(rule.clone());
        self.any.store(true, Ordering::Relaxed);
        Ok(rule)
    }

    /// The rules that are still for some call, first match first.
    pub fn list(&self) -> Vec<FaultRule> {
        self.rules.lock().list.clone()
    }

    /// Takes a rule back; false where there is none of this number.
    pub fn remove(&self, id: u64) -> bool {
        let mut rules = self.rules.lock();
        let before = rules.list.len();
        rules.list.retain(|rule| rule.id != id);
        self.any.store(!rules.list.is_empty(), Ordering::Relaxed);
        rules.list.len() < before
    }

    /// Takes all rules back, and tells how many there were.
    pub fn clear(&self) -> usize {
        let mut rules = self.rules.lock();
        self.any.store(false, Ordering::Relaxed);
        std::mem::take(&mut rules.list).len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(code: i64) -> Fault {
        let code = FaultCode::Number(code);
        Fault { delay: Duration::ZERO, action: FaultAction::Answer { code, msg: None } }
    }

    fn any() -> BTreeMap<String, String> {
        BTreeMap::new()
    }

    #[test]
    fn a_rule_is_for_so_many_calls_of_its_api() {
        let faults = Faults::default();
        faults.set("A".to_owned(), any(), Some(2), answer(1)).expect("room");
        assert_eq!(faults.take("B", |_| None), None);
        assert_eq!(faults.take("A", |_| None), Some(answer(1)));
        assert_eq!(faults.list()[0].left, Some(1));
        assert_eq!(faults.take("A", |_| None), Some(answer(1)));
        assert_eq!(faults.take("A", |_| None), None);
        assert!(faults.list().is_empty());
    }

    #[test]
    fn a_rule_without_a_count_stays_until_it_is_taken_back() {
        let faults = Faults::default();
        let rule = faults.set("A".to_owned(), any(), None, answer(1)).expect("room");
        for _ in 0..5 {
            assert!(faults.take("A", |_| None).is_some());
        }
        assert_eq!(faults.list()[0].met, 5);
        assert!(faults.remove(rule.id) && !faults.remove(rule.id));
        assert_eq!(faults.take("A", |_| None), None);
    }

    #[test]
    fn the_first_rule_that_matches_every_field_wins() {
        let faults = Faults::default();
        let only = BTreeMap::from([("money".to_owned(), "7".to_owned())]);
        faults.set("A".to_owned(), only, None, answer(7)).expect("room");
        faults.set("A".to_owned(), any(), None, answer(1)).expect("room");
        let money =
            |value: &'static str| move |name: &str| (name == "money").then(|| value.to_owned());
        assert_eq!(faults.take("A", money("7")), Some(answer(7)));
        assert_eq!(faults.take("A", money("8")), Some(answer(1)));
        assert_eq!(faults.clear(), 2);
        assert_eq!(faults.take("A", money("7")), None);
    }

    #[test]
    fn rules_are_bounded() {
        let faults = Faults::default();
        for _ in 0..RULES_MAX {
            faults.set("A".to_owned(), any(), None, answer(1)).expect("room");
        }
        assert_eq!(faults.set("A".to_owned(), any(), None, answer(1)), Err(TooManyFaults));
    }
}
