//! Calls of an initiator's that are answered once, and alike for ever.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{CertId, Command, Id, Wanted, World};

/// What an initiator asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GatewayApi {
    /// To keep a photo.
    Upload,
    /// To enrol a merchant.
    AddData,
    /// What a user could be given.
    Consult,
}

/// A call as its initiator names it: one key, one effect, one answer, for ever.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestKey {
    /// Who calls.
    pub cert_id: CertId,
    /// The caller's number for it (reqId).
    pub req_id: Box<str>,
}

/// A call that was answered for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayRequest {
    /// Its number.
    pub id: Id,
    /// The caller's key.
    pub key: RequestKey,
    /// What was asked for.
    pub api: GatewayApi,
    /// A digest of all that was asked.
    pub fingerprint: [u8; 32],
    /// The answer.
    pub answer: Box<str>,
    /// When it was given.
    pub at: Timestamp,
}

/// A command's outcome in the caller's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// The answer.
    pub answer: Box<str>,
    /// Whether it is for good. One that tells the caller to come again with the same is not. What a
    /// command has done is always for good.
    pub keep: bool,
}

/// How a command's outcome is put into the caller's words.
pub type Render<C> = fn(&C, Result<&<C as Command>::Done, &<C as Command>::Refusal>) -> Rendered;

/// A command whose outcome, refusals included, is remembered as it was answered, under the caller's
/// key and in the same transaction. The same call again is given the same answer, and changes
/// nothing.
#[derive(Clone, Debug)]
pub struct AnswerOnce<C: Command> {
    /// The caller's key.
    pub key: RequestKey,
    /// What is asked for.
    pub api: GatewayApi,
    /// A digest of all that is asked.
    pub fingerprint: [u8; 32],
    /// What is asked for, as a command.
    pub command: C,
    /// What its outcome is called.
    pub render: Render<C>,
}

/// What the caller is to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The answer.
    pub answer: Box<str>,
    /// An earlier call was given it; nothing was changed.
    pub repeated: bool,
}

/// Why the caller gets no answer of the command's.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AnswerRefusal {
    /// The initiator is not let in, and is shown nothing.
    #[error("the initiator is unknown")]
    UnknownInitiator,
    /// The key was used for something else.
    #[error("the reqId was used before with another content")]
    ReqIdReused,
}

impl<C: Command> Command for AnswerOnce<C> {
    type Done = Answered;
    type Refusal = AnswerRefusal;

    fn wants<'a>(&'a self, wanted: &mut Wanted<'a>) {
        wanted.initiators.insert(&self.key.cert_id);
        wanted.gateway_requests.push(&self.key);
        self.command.wants(wanted);
    }

    fn bytes(&self) -> usize {
        self.command.bytes()
    }

    fn decide(&self, world: &mut World) -> Result<Answered, AnswerRefusal> {
        // Before the key is looked at, so that a revoked initiator is shown nothing any more.
        if !crate::initiator::is_active(world, &self.key.cert_id) {
            return Err(AnswerRefusal::UnknownInitiator);
        }
        if let Some(before) = world.gateway_requests.get(&self.key) {
            return if (before.api, before.fingerprint) == (self.api, self.fingerprint) {
                Ok(Answered { answer: before.answer.clone(), repeated: true })
            } else {
                Err(AnswerRefusal::ReqIdReused)
            };
        }
        let outcome = self.command.decide(world);
        let Rendered { answer, keep } = (self.render)(&self.command, outcome.as_ref());
        if keep || outcome.is_ok() {
            let request = GatewayRequest {
                id: world.take_id(),
                key: self.key.clone(),
                api: self.api,
                fingerprint: self.fingerprint,
                answer: answer.clone(),
                at: world.now,
            };
            world.gateway_requests.insert(self.key.clone(), request);
        }
        Ok(Answered { answer, repeated: false })
    }
}

/// Does nothing but give this answer: what a call is told that breaks a rule before it comes to the
/// campaign's. In [`AnswerOnce`] it is remembered like any other.
#[derive(Clone, Debug)]
pub struct JustAnswer {
    /// The answer.
    pub answer: Box<str>,
}

impl JustAnswer {
    /// Its answer, kept.
    pub fn render(&self, _: Result<&(), &std::convert::Infallible>) -> Rendered {
        Rendered { answer: self.answer.clone(), keep: true }
    }
}

impl Command for JustAnswer {
    type Done = ();
    type Refusal = std::convert::Infallible;

    fn wants<'a>(&'a self, _wanted: &mut Wanted<'a>) {}

    fn decide(&self, _world: &mut World) -> Result<(), Self::Refusal> {
        Ok(())
    }
}
