use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Command, Id, Wanted, World};

/// Who changed something, and in which request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The operator token's name, or `system`.
    pub name: String,
    /// The request's trace id.
    pub trace_id: String,
}

/// One line of the audit log. Never changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Its number; rises with time.
    pub id: Id,
    /// When, by the business clock.
    pub at: Timestamp,
    /// Who.
    pub actor: Actor,
    /// What was done, as `noun.verb`.
    pub action: String,
    /// To what: the number of the thing.
    pub subject: String,
    /// The command's particulars as JSON, without secrets.
    pub detail: String,
}

/// A command that leaves a line in the audit log.
pub trait Audited: Command {
    /// What it does, as `noun.verb`.
    const ACTION: &'static str;

    /// The number of the thing it was done to.
    fn subject(&self, done: &Self::Done) -> String;

    /// Its particulars as a JSON object, without secrets.
    fn detail(&self) -> String;

    /// False where it found that there was nothing to do, of which the log has no line.
    fn is_change(&self, _done: &Self::Done) -> bool {
        true
    }
}

/// An operator's command: the same command, with a line in the audit log saved beside it.
#[derive(Debug)]
pub struct Operated<C> {
    /// Who asked.
    pub actor: Actor,
    /// For what.
    pub command: C,
}

impl<C: Audited> Command for Operated<C> {
    type Done = C::Done;
    type Refusal = C::Refusal;

    fn wants<'a>(&'a self, wanted: &mut Wanted<'a>) {
        self.command.wants(wanted);
    }

    fn bytes(&self) -> usize {
        self.command.bytes()
    }

    fn decide(&self, world: &mut World) -> Result<C::Done, C::Refusal> {
        let done = self.command.decide(world)?;
        if !self.command.is_change(&done) {
            return Ok(done);
        }
        let id = world.take_id();
        world.audit.push(AuditEntry {
            id,
            at: world.now,
            actor: self.actor.clone(),
            action: C::ACTION.to_owned(),
            subject: self.command.subject(&done),
            detail: self.command.detail(),
        });
        Ok(done)
    }
}

/// A command's particulars for the audit log.
pub(crate) fn json<T: Serialize>(command: &T) -> String {
    serde_json::to_string(command).expect("commands hold only what JSON can say")
}
