//! What the model makes of a command that was done.

use huodong_campaign::*;

use super::{Campaign, Grant, Model, Order, day};
use crate::commands::Done;
use crate::script::*;

impl Model {
    pub(super) fn take_in(&mut self, op: &Op, known: &Known, done: &Done) {
        match (op, done) {
            (Op::CreateOrganization { org }, _) => {
                self.deposited.insert(*org, 0);
            }
            (Op::CreateProject { project }, _) => {
                self.projects.insert(*project);
            }
            (Op::CreateApplication { app, org }, _) => {
                self.app_org.insert(*app, *org);
            }
            (Op::AssignBid { bid, app }, _) => {
                self.bid_app.insert(*bid, *app);
            }
            (Op::CreateActivity { activity, plan }, _) => {
                self.activities.insert(*activity, Campaign::draft(plan));
            }
            (Op::Deposit { org, money }, Done::Balance(now)) => {
                *self.deposited.get_mut(org).unwrap() += i128::from(*money);
                assert_eq!(i128::from(now.0), self.free(*org));
            }
            (Op::Withdraw { org, money }, Done::Balance(now)) => {
                *self.deposited.get_mut(org).unwrap() -= i128::from(*money);
                assert_eq!(i128::from(now.0), self.free(*org));
            }
            (Op::Fund { activity, money }, Done::Balance(now)) => {
                self.activities.get_mut(activity).unwrap().funded += i128::from(*money);
                assert_eq!(i128::from(now.0), self.frozen(*activity));
            }
            (Op::SetStatus { activity, to }, _) => {
                let campaign = self.activities.get_mut(activity).unwrap();
                if campaign.status == ActivityStatus::Draft {
                    campaign.counts = campaign.plan.limits.any();
                }
                campaign.status = *to;
            }
            (Op::SetLimits { activity, limits }, _) => {
                let campaign = self.activities.get_mut(activity).unwrap();
                campaign.limits_changed |= campaign.status != ActivityStatus::Draft;
                campaign.plan.limits = *limits;
            }
            (Op::SetProjects { activity, projects }, _) => {
                self.activities.get_mut(activity).unwrap().plan.projects = projects.clone();
            }
            (Op::SetEnd { activity, at_h }, _) => {
                self.activities.get_mut(activity).unwrap().ends = START + at_h * HOUR;
            }
            (Op::End { activity, .. }, Done::Balance(left)) => {
                assert_eq!(i128::from(left.0), self.frozen(*activity));
                let campaign = self.activities.get_mut(activity).unwrap();
                campaign.released += i128::from(left.0);
                campaign.status = ActivityStatus::Ended;
            }
            (Op::Donate(gift), Done::Donated(done)) => self.take_in_donation(gift, done),
            (Op::Settle { nth }, Done::Settled(settled)) => {
                assert_eq!(
                    *settled,
                    self.settle(known.donations.get(*nth).map(|known| &known.id)),
                    "{op:?}"
                );
            }
            (Op::Refund { nth }, Done::Refunded(done)) => {
                let ended = self.has_ended(known.donations[*nth].id);
                let order = self
                    .orders
                    .iter_mut()
                    .find(|order| order.id == known.donations[*nth].id)
                    .unwrap();
                order.status = DonationStatus::Refunded;
                order.back_to_org = ended;
                assert_eq!((done.id, done.status), (order.id, DonationStatus::Refunded));
            }
            (Op::Grant(thanks), Done::Granted(done)) => self.take_in_grant(thanks, known, done),
            (Op::Coupon(op), done) => self.take_in_coupon(op, known, done),
            (Op::Callback(op), done) => self.take_in_callback(op, known, done),
            (Op::Gateway(op), done) => self.take_in_gateway(op, known, done),
            _ => panic!("{op:?} was answered with {done:?}"),
        }
    }

    fn take_in_donation(&mut self, gift: &Gift, done: &Donated) {
        if let Some(first) = self.by_key(gift) {
            assert!(done.repeated, "a known key is a repetition");
            assert_eq!((done.donation.id, done.donation.status), (first.id, first.status));
            return;
        }
        assert!(!done.repeated, "a new key is no repetition");
        let delay = self.activities[&gift.activity].plan.delay_s;
        let order = Order {
            id: done.donation.id,
            gift: gift.clone(),
            status: match (delay, gift.money) {
                (Some(_), _) => DonationStatus::Placed,
                (None, FAILS) => DonationStatus::Failed,
                (None, _) => DonationStatus::Paid,
            },
            placed: self.now,
            due: delay.map(|delay| self.now + i64::from(delay)),
            back_to_org: false,
            flowers: None,
        };
        assert_eq!(done.donation.status, order.status);
        assert!(self.orders.iter().all(|other| other.id < order.id), "numbers only rise");
        self.orders.push(order);
    }

    /// Whether the order settles now.
    fn settle(&mut self, id: Option<&Id>) -> bool {
        let (now, ended) = (self.now, id.is_some_and(|id| self.has_ended(*id)));
        let Some(order) = self.orders.iter_mut().find(|order| Some(&order.id) == id) else {
            return false;
        };
        if order.status != DonationStatus::Placed || order.due.is_none_or(|due| due > now) {
            return false;
        }
        if order.gift.money == FAILS {
            order.status = DonationStatus::Failed;
            order.back_to_org = ended;
        } else {
            order.status = DonationStatus::Paid;
        }
        true
    }

    fn take_in_grant(&mut self, thanks: &Thanks, known: &Known, done: &Granted) {
        if let Some(first) = self.grant(thanks) {
            assert!(done.repeated, "a known key is a repetition");
            assert_eq!(done.grant.id, first.id);
            return;
        }
        let donation = thanks.nth.map(|nth| known.donations[nth].id);
        if let Some(order) = self.orders.iter_mut().find(|order| Some(order.id) == donation) {
            order.flowers = Some(done.grant.id);
        }
        self.grants.push(Grant {
            id: done.grant.id,
            app: thanks.app,
            code: thanks.code,
            user: thanks.user,
            num: thanks.num,
            donation,
            day: day(self.now),
        });
    }
}
