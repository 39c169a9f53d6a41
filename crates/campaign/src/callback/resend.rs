use serde::Serialize;
use thiserror::Error;

use super::CallbackState;
use crate::{Audited, Command, Id, Wanted, World};

/// Sends callbacks again, at once, each with its whole schedule anew: however often it is asked for,
/// it uses up no attempt. Done tells which were; one whose attempt is under way is left alone, and
/// so is one that is unknown, unless it is the only one.
#[derive(Clone, Debug, Serialize)]
pub struct Resend {
    /// Which.
    pub callbacks: Vec<Id>,
}

/// Why nothing was sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ResendRefusal {
    /// There is no such callback.
    #[error("the callback is unknown")]
    Unknown,
    /// It is being sent.
    #[error("an attempt is under way")]
    UnderWay,
}

impl Command for Resend {
    type Done = Vec<Id>;
    type Refusal = ResendRefusal;

    fn wants<'a>(&'a self, wanted: &mut Wanted<'a>) {
        wanted.callbacks.extend(&self.callbacks);
    }

    fn decide(&self, world: &mut World) -> Result<Vec<Id>, ResendRefusal> {
        let now = world.now;
        let alone = self.callbacks.len() == 1;
        let mut resent = Vec::with_capacity(self.callbacks.len());
        for id in &self.callbacks {
            match world.callbacks.get(id).map(|callback| callback.state) {
                None if alone => return Err(ResendRefusal::Unknown),
                Some(CallbackState::Leased { .. }) if alone => return Err(ResendRefusal::UnderWay),
                None | Some(CallbackState::Leased { .. }) => continue,
                Some(_) => {}
            }
            let callback = world.callbacks.change(id).expect("found above");
            let due_at = if let CallbackState::Waiting { due_at } = callback.state {
                // One that is late keeps its place before those that are not.
                due_at.min(now)
            } else {
                now
            };
            callback.began_at = now;
            callback.tries = 0;
            callback.finished_at = None;
            callback.state = CallbackState::Waiting { due_at };
            resent.push(*id);
        }
        Ok(resent)
    }
}

impl Audited for Resend {
    const ACTION: &'static str = "callback.resend";

    fn subject(&self, done: &Vec<Id>) -> String {
        match done.as_slice() {
            [one] => one.to_string(),
            many => format!("{} callbacks", many.len()),
        }
    }

    fn detail(&self) -> String {
        crate::audit::json(self)
    }

    fn is_change(&self, done: &Vec<Id>) -> bool {
        !done.is_empty()
    }
}
