use serde::Serialize;
use thiserror::Error;

use super::{Donation, DonationStatus, give_usage_back};
use crate::{ActivityStatus, Audited, Command, Id, TransferReason, Wanted, World};

/// Gives a paid donation's money back: to the activity, or to the organization where that has
/// ended.
#[derive(Clone, Debug, Serialize)]
pub struct Refund {
    /// Which.
    pub donation: Id,
    /// Why, for the audit log.
    pub reason: String,
}

/// Why a refund was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RefundRefusal {
    /// There is no such donation.
    #[error("the donation is unknown")]
    Unknown,
    /// Only a paid one can be refunded.
    #[error("only a paid donation can be refunded; this one is {0:?}")]
    NotPaid(DonationStatus),
    /// The project no longer holds the money.
    #[error("the project's account does not cover the refund")]
    NotEnough,
}

impl Command for Refund {
    type Done = Donation;
    type Refusal = RefundRefusal;

    fn wants<'a>(&'a self, wanted: &mut Wanted<'a>) {
        wanted.donations.insert(self.donation);
    }

    fn decide(&self, world: &mut World) -> Result<Donation, RefundRefusal> {
        let donation = world.donations.get(&self.donation).ok_or(RefundRefusal::Unknown)?.clone();
        if donation.status != DonationStatus::Paid {
            return Err(RefundRefusal::NotPaid(donation.status));
        }
        let project = world.projects.get(&donation.project_no);
        let project = project.expect("a donation's project is loaded with it").account;
        if !world.covers(project, donation.money) {
            return Err(RefundRefusal::NotEnough);
        }
        let activity = world.activities.get(&donation.activity_no);
        let activity = activity.expect("a donation's activity is loaded with it");
        let back = if activity.status == ActivityStatus::Ended {
            let organization = world.organizations.get(&activity.org_no);
            organization.expect("an activity's organization is loaded with it").account
        } else {
            activity.frozen
        };
        world.transfer(project, back, donation.money, TransferReason::Refund, Some(donation.id));
        give_usage_back(world, &donation);
        let now = world.now;
        let slot = world.donations.change(&self.donation).expect("found above");
        slot.status = DonationStatus::Refunded;
        slot.changed_at = now;
        Ok(slot.clone())
    }
}

impl Audited for Refund {
    const ACTION: &'static str = "donation.refund";

    fn subject(&self, done: &Donation) -> String {
        done.id.to_string()
    }

    fn detail(&self) -> String {
        crate::audit::json(self)
    }
}
