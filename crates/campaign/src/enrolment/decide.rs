use serde::Serialize;
use thiserror::Error;

use super::{Enrolment, EnrolmentStatus};
use crate::{Audited, Command, Id, TokenId, Wanted, World};

/// The longest reason, in characters.
pub const REASON_CHARS_MAX: usize = 200;

/// What an operator makes of an enrolment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// The merchant gets the rate.
    Approve,
    /// It does not.
    Reject {
        /// Why.
        reason: Box<str>,
    },
}

impl Decision {
    fn status(&self) -> EnrolmentStatus {
        match self {
            Self::Approve => EnrolmentStatus::Approved,
            Self::Reject { .. } => EnrolmentStatus::Rejected,
        }
    }

    fn reason(&self) -> Option<&str> {
        match self {
            Self::Approve => None,
            Self::Reject { reason } => Some(reason),
        }
    }
}

/// Decides on an enrolment, once. Safe to repeat by who has decided.
#[derive(Clone, Debug, Serialize)]
pub struct DecideEnrolment {
    /// On which.
    pub enrolment: Id,
    /// What.
    pub decision: Decision,
    /// Who decides.
    pub by: TokenId,
}

/// An enrolment that is decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecidedEnrolment {
    /// As it is now.
    pub enrolment: Enrolment,
    /// The same was decided before, by the same; nothing was changed.
    pub repeated: bool,
}

/// Why nothing was decided.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DecideRefusal {
    /// There is no such enrolment.
    #[error("the enrolment is unknown")]
    Unknown,
    /// Nothing is said, or too much.
    #[error("reason must have 1 to {REASON_CHARS_MAX} characters")]
    Reason,
    /// Somebody was first.
    #[error("the enrolment was {} by {by}", if *.status == EnrolmentStatus::Approved { "approved" } else { "rejected" })]
    AlreadyDecided {
        /// What it became.
        status: EnrolmentStatus,
        /// By whom.
        by: TokenId,
    },
}

impl Command for DecideEnrolment {
    type Done = DecidedEnrolment;
    type Refusal = DecideRefusal;

    fn wants<'a>(&'a self, wanted: &mut Wanted<'a>) {
        wanted.enrolments.insert(self.enrolment);
    }

    fn decide(&self, world: &mut World) -> Result<DecidedEnrolment, DecideRefusal> {
        let now = world.now;
        let enrolment = world.enrolments.get(&self.enrolment).ok_or(DecideRefusal::Unknown)?;
        if let Some(by) = &enrolment.decided_by {
            return if self.was_this(enrolment) {
                Ok(DecidedEnrolment { enrolment: enrolment.clone(), repeated: true })
            } else {
                let (status, by) = (enrolment.status, by.clone());
                Err(DecideRefusal::AlreadyDecided { status, by })
            };
        }
        if let Some(reason) = self.decision.reason()
            && !(1..=REASON_CHARS_MAX).contains(&reason.chars().count())
        {
            return Err(DecideRefusal::Reason);
        }
        let slot = world.enrolments.change(&self.enrolment).expect("found above");
        slot.status = self.decision.status();
        slot.reason = self.decision.reason().map(Into::into);
        slot.decided_by = Some(self.by.clone());
        slot.decided_at = Some(now);
        Ok(DecidedEnrolment { enrolment: slot.clone(), repeated: false })
    }
}

impl DecideEnrolment {
    fn was_this(&self, decided: &Enrolment) -> bool {
        decided.decided_by.as_ref() == Some(&self.by)
            && decided.status == self.decision.status()
            && decided.reason.as_deref() == self.decision.reason()
    }
}

impl Audited for DecideEnrolment {
    const ACTION: &'static str = "enrolment.decide";

    fn subject(&self, _done: &DecidedEnrolment) -> String {
        self.enrolment.to_string()
    }

    fn detail(&self) -> String {
        crate::audit::json(self)
    }

    fn is_change(&self, done: &DecidedEnrolment) -> bool {
        !done.repeated
    }
}
