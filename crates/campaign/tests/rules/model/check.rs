//! Everything that is stored, compared with the model.

use huodong_campaign::*;

use super::Model;
use crate::memory::Memory;
use crate::script::*;

impl Model {
    /// Compares every row there is with the model.
    pub fn check(&self, stored: &Memory) {
        let balance = |id: AccountId| i128::from(stored.accounts[&id].balance.0);
        assert_eq!(stored.organizations.len(), self.deposited.len());
        for org in self.deposited.keys() {
            let account = stored.organizations[&org_no(*org)].account;
            assert_eq!(balance(account), self.free(*org), "organization {org}");
        }
        assert_eq!(stored.projects.len(), self.projects.len());
        for project in &self.projects {
            let paid = self.sum(|order| {
                order.status == DonationStatus::Paid && order.gift.project == *project
            });
            let account = stored.projects[&project_no(*project)].account;
            assert_eq!(balance(account), paid, "project {project}");
        }
        assert_eq!(stored.activities.len(), self.activities.len());
        for (number, campaign) in &self.activities {
            let activity = &stored.activities[&activity_no(*number)];
            let held = self.sum(|order| {
                order.status == DonationStatus::Placed && order.gift.activity == *number
            });
            let held = held + self.coupon_sum(*number, |it| if it.lives() { it.value } else { 0 });
            assert_eq!(activity.status, campaign.status, "activity {number}");
            assert_eq!(balance(activity.frozen), self.frozen(*number), "frozen {number}");
            assert_eq!(balance(activity.held), held, "held {number}");
        }
        self.check_orders(stored);
        self.check_coupons(stored);
        self.check_callbacks(stored);
        self.check_gateway(stored);
    }

    fn check_orders(&self, stored: &Memory) {
        assert_eq!(stored.donations.len(), self.orders.len());
        assert_eq!(stored.donation_keys.len(), self.orders.len());
        for order in &self.orders {
            let row = &stored.donations[&order.id];
            assert_eq!(stored.donation_keys[&row.key], order.id);
            assert_eq!(row.key, donation_key(order.gift.bid, order.gift.key));
            assert_eq!((row.status, row.money.0), (order.status, order.gift.money));
            assert_eq!(row.flowers, order.flowers);
            assert_eq!(row.settle_at.is_some(), order.status == DonationStatus::Placed);
        }
        for activity in 0..8 {
            let counts = self.activities.get(&activity).is_some_and(|campaign| campaign.counts);
            for number in 0..3 {
                let key = UserKey { activity_no: activity_no(activity), user: user(number) };
                let row = stored.usages.get(&key).copied().unwrap_or_default();
                if !counts {
                    assert_eq!(row, UserUsage::default(), "what has no limit is not counted");
                    continue;
                }
                let all = self.used(activity, number, None);
                assert_eq!((row.count_total, row.money_total.0), all, "usage of {key:?}");
                let counted = i64::from(row.day) - START.div_euclid(24 * HOUR) - 1;
                let on_day = self.used(activity, number, Some(counted));
                assert_eq!((row.count_day, row.money_day.0), on_day, "day's usage of {key:?}");
            }
        }
        assert_eq!(stored.flowers.len(), self.grants.len());
        for app in 0..3 {
            for number in 0..3 {
                let open_id = OpenId::from(user(number).as_str());
                let key = UserFlowersKey { appid: appid(app), open_id };
                let total = stored.user_flowers.get(&key).map_or(0, |row| row.total);
                assert_eq!(total, u64::from(self.flowers(app, number, None)));
            }
        }
    }
}
