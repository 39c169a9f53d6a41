//! Changes to partners. This process lets partners in by what it holds in memory, so a change must
//! reach that whatever becomes of the caller who asked for it.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use huodong_campaign::{Audited, Command, Wanted, World};
use huodong_engine::EngineError;
use jiff::{SignedDuration, Timestamp};

use super::auth::{Changes, Operator};
use super::problem::{Kind, Problem};
use crate::App;

/// The longest what was replaced may go on being accepted: 30 days.
const OVERLAP_S_MAX: u32 = 30 * 86_400;
/// How often the partners are read in before that is given up.
const TRIES: u32 = 5;
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(200);
/// How long a change whose outcome is open is waited for, each try.
const OUTCOME: Duration = Duration::from_secs(60);

impl<P: Changes> Operator<P> {
    /// Carries a command on partners out and lets it take effect in this process.
    pub(super) async fn change_partners<C: Audited>(self, command: C) -> Result<C::Done, Problem>
    where
        C::Refusal: Into<Problem>,
    {
        self.attempt_on_partners(command).await?.map_err(Into::into)
    }

    /// The same, for a caller that has words of its own for the refusals.
    pub(super) async fn attempt_on_partners<C: Audited>(
        self,
        command: C,
    ) -> Result<Result<C::Done, C::Refusal>, Problem> {
        // A task of its own: the request's own future is dropped when its caller hangs up, and
        // that must not come between the change and its effect.
        let task = tokio::spawn(async move {
            let outcome = self.submit(command).await;
            let app = self.app();
            match outcome {
                // Also after a refusal: one that says that it was done before may be the only news
                // of a change that has not taken effect here.
                Ok(outcome) => refresh(app).await.map(|()| outcome),
                Err(error) => {
                    if !matches!(error, EngineError::Busy | EngineError::Stopped) {
                        tokio::spawn(refresh_after_the_outcome(app.clone()));
                    }
                    Err(error.into())
                }
            }
        });
        task.await.unwrap_or_else(|error| {
            tracing::error!(%error, "a change to partners was cut short");
            Err(EngineError::CommitUnknown.into())
        })
    }
}

/// Until when what a partner is recognised by goes on being accepted beside what replaces it, by
/// the real clock; `None`: not at all.
pub(super) fn overlap_end(app: &App, overlap_s: u32) -> Result<Option<Timestamp>, Problem> {
    if overlap_s > OVERLAP_S_MAX {
        let detail = format!("overlap_s must be at most {OVERLAP_S_MAX} (30 days)");
        return Err(Problem::invalid("overlap_s", detail));
    }
    let overlap = SignedDuration::from_secs(overlap_s.into());
    // To the millisecond, as it is kept, so that it is not told differently later.
    let end = |now: Timestamp| {
        let end = now.checked_add(overlap)?;
        Timestamp::from_millisecond(end.as_millisecond())
    };
    (overlap_s > 0)
        .then(|| end(app.engine.clock().real()))
        .transpose()
        .map_err(|_| Problem::invalid("overlap_s", "overlap_s is too long"))
}

/// Reads the partners in.
async fn refresh(app: &App) -> Result<(), Problem> {
    for tried in 1..=TRIES {
        match app.refresh().await {
            Ok(()) => return Ok(()),
            Err(error) => {
                tracing::error!(%error, tried, "partners could not be read in after a change");
            }
        }
        if tried < TRIES {
            tokio::time::sleep(PAUSE).await;
        }
    }
    let detail = "what is stored of partners could not be read in, so this server may still go by \
                  what was before; ask again for any change to make it try again";
    Err(Problem::new(Kind::Internal, detail))
}

/// Reads the partners in once a change whose outcome was not known in time is over.
async fn refresh_after_the_outcome(app: Arc<App>) {
    for _ in 0..TRIES {
        match app.engine.submit(Nothing, OUTCOME).await {
            Ok(_) | Err(EngineError::Stopped) => break,
            Err(error) => tracing::warn!(%error, "a change to partners is waited for"),
        }
        tokio::time::sleep(PAUSE).await;
    }
    // What goes wrong is in the log; nobody waits for it.
    let _ = refresh(&app).await;
}

/// Changes nothing. Commands are carried out in the order they came, so when this one is answered,
/// those before it are over.
struct Nothing;

impl Command for Nothing {
    type Done = ();
    type Refusal = Infallible;

    fn wants<'a>(&'a self, _wanted: &mut Wanted<'a>) {}

    fn decide(&self, _world: &mut World) -> Result<(), Infallible> {
        Ok(())
    }
}
