use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use huodong_campaign::SHANGHAI;
use huodong_engine::{Clock, Ran};
use jiff::civil::{DateTime, date};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::App;
use crate::operator::body::Json;
use crate::operator::problem::Problem;

/// How times are written here.
const FORMAT: &str = "%Y-%m-%d %H:%M:%S";

/// How the business clock stands.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Reading {
    now: String,
    now_unix: i64,
    frozen: bool,
}

impl Reading {
    pub(super) fn of(clock: &Clock) -> Self {
        let now = clock.now();
        Self {
            now: SHANGHAI.to_datetime(now).strftime(FORMAT).to_string(),
            now_unix: now.as_second(),
            frozen: clock.frozen(),
        }
    }
}

/// How it stands now, and what ran because it was moved.
#[derive(Debug, Serialize)]
pub(super) struct Moved {
    #[serde(flatten)]
    reading: Reading,
    ran: Ran,
}

/// What is to be done with the clock: exactly one of these.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    advance_s: Option<i64>,
    set: Option<String>,
    freeze: Option<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    By(SignedDuration),
    To(Timestamp),
    Freeze(bool),
}

/// `GET clock`
pub(super) async fn show(State(app): State<Arc<App>>) -> Answer<Reading> {
    Answer(Reading::of(app.engine.clock()))
}

/// `POST clock`
pub(super) async fn change(
    State(app): State<Arc<App>>,
    Json(change): Json<Change>,
) -> Result<Answer<Moved>, Problem> {
    let step = change.step()?;
    // Taken where no other change can come between, or of two steps forward one would be lost.
    let mut taken = Ok(());
    let ran = app.engine.run_due_after(|clock| taken = step.take(clock)).await?;
    taken?;
    let reading = Reading::of(app.engine.clock());
    tracing::info!(now = reading.now, frozen = reading.frozen, ?ran, "the clock was changed");
    Ok(Answer(Moved { reading, ran }))
}

impl Change {
    fn step(&self) -> Result<Step, Problem> {
        match self {
            Self { advance_s: Some(by), set: None, freeze: None } if *by < 0 => {
                let detail = "advance_s must not be negative; use set to go back";
                Err(Problem::invalid("advance_s", detail))
            }
            Self { advance_s: Some(by), set: None, freeze: None } => {
                Ok(Step::By(SignedDuration::from_secs(*by)))
            }
            Self { advance_s: None, set: Some(to), freeze: None } => {
                let wall = DateTime::strptime(FORMAT, to);
                let wall = wall.map_err(|_| {
                    let example = "a Shanghai wall time like \"2026-11-21 10:00:00\"";
                    Problem::invalid("set", format!("set must be {example}"))
                })?;
                let time = SHANGHAI.to_timestamp(wall);
                let time = time.ok().filter(|time| in_range(*time)).ok_or_else(|| beyond("set"))?;
                Ok(Step::To(time))
            }
            Self { advance_s: None, set: None, freeze: Some(frozen) } => Ok(Step::Freeze(*frozen)),
            _ => {
                let detail = "give exactly one of advance_s, set and freeze";
                Err(Problem::invalid("body", detail))
            }
        }
    }
}

impl Step {
    fn take(self, clock: &Clock) -> Result<(), Problem> {
        match self {
            Self::By(by) => {
                let time = clock.now().checked_add(by).ok();
                time.filter(|time| in_range(*time)).ok_or_else(|| beyond("advance_s"))?;
                clock.advance(by);
            }
            Self::To(time) => clock.set(time),
            Self::Freeze(frozen) => clock.freeze(frozen),
        }
        Ok(())
    }
}

/// Numbers carry their time from 2020 on, and have room for some 270 years.
fn in_range(time: Timestamp) -> bool {
    let wall = SHANGHAI.to_datetime(time);
    (date(2020, 1, 2).at(0, 0, 0, 0)..date(2200, 1, 1).at(0, 0, 0, 0)).contains(&wall)
}

fn beyond(field: &str) -> Problem {
    Problem::invalid(
        field,
        format!("{field} must keep the clock between 2020-01-02 and 2199-12-31"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(body: &str) -> Option<Step> {
        let change: Change = serde_json::from_str(body).ok()?;
        let step = change.step().ok()?;
        let clock = Clock::system();
        clock.set(Timestamp::from_second(1_800_000_000).ok()?);
        step.take(&clock).is_ok().then_some(step)
    }

    #[test]
    fn the_clock_takes_exactly_one_change_within_its_range() {
        let at = |second| Some(Step::To(Timestamp::from_second(second).expect("a time")));
        let five = SignedDuration::from_secs(5);
        assert_eq!(step(r#"{"advance_s": 5}"#), Some(Step::By(five)));
        assert_eq!(step(r#"{"set": "2026-11-21 10:00:00"}"#), at(1_795_226_400));
        assert_eq!(step(r#"{"freeze": true}"#), Some(Step::Freeze(true)));
        for refused in [
            "{}",
            r#"{"freeze": true, "advance_s": 5}"#,
            r#"{"advance_s": -1}"#,
            r#"{"advance_s": 9223372036854775807}"#,
            r#"{"set": "2026-11-21T10:00:00"}"#,
            r#"{"set": "2026-02-30 10:00:00"}"#,
            r#"{"set": "1999-01-01 00:00:00"}"#,
            r#"{"set": "2200-01-01 00:00:00"}"#,
        ] {
            assert_eq!(step(refused), None, "{refused}");
        }
    }
}
