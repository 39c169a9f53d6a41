use super::{DonationStatus, give_usage_back};
use crate::{ActivityStatus, Channel, Command, Id, TransferReason, Wanted, World};

/// Lets the book channel settle a placed donation that is due. Done tells whether it did: one that
/// is not due, or has settled before, is left alone, so asking twice does no harm.
#[derive(Clone, Debug)]
pub struct Settle {
    /// Which.
    pub donation: Id,
}

impl Command for Settle {
    type Done = bool;
    type Refusal = std::convert::Infallible;

    fn wants<'a>(&'a self, wanted: &mut Wanted<'a>) {
        wanted.donations.insert(self.donation);
    }

    fn decide(&self, world: &mut World) -> Result<bool, Self::Refusal> {
        let now = world.now;
        let Some(donation) = world.donations.get(&self.donation) else { return Ok(false) };
        let due = donation.settle_at.is_some_and(|at| at <= now);
        if donation.status != DonationStatus::Placed || !due {
            return Ok(false);
        }
        let donation = donation.clone();
        let activity = world.activities.get(&donation.activity_no);
        let activity = activity.expect("a donation's activity is loaded with it");
        let (frozen, held) = (activity.frozen, activity.held);
        let Channel::Book(rule) = &activity.channel;
        let order = Some(donation.id);
        let status = if rule.pays(donation.id, donation.money) {
            let project = world.projects.get(&donation.project_no);
            let project = project.expect("a donation's project is loaded with it").account;
            world.transfer(held, project, donation.money, TransferReason::Pay, order);
            DonationStatus::Paid
        } else {
            // What an ended activity gets back is the organization's again.
            let back = if activity.status == ActivityStatus::Ended {
                let organization = world.organizations.get(&activity.org_no);
                organization.expect("an activity's organization is loaded with it").account
            } else {
                frozen
            };
            world.transfer(held, back, donation.money, TransferReason::Return, order);
            give_usage_back(world, &donation);
            DonationStatus::Failed
        };
        let slot = world.donations.change(&self.donation).expect("found above");
        slot.status = status;
        slot.settle_at = None;
        slot.changed_at = now;
        Ok(true)
    }
}
