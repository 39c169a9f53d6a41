use serde::{Deserialize, Serialize};

use crate::{ActivityNo, DonationStatus, Fen, LimitReached, ThirdUid};

/// How much one user may take from one activity. `None` is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UserLimits {
    /// Orders for the activity's whole life.
    pub count_total: Option<u32>,
    /// Orders on one Shanghai day.
    pub count_day: Option<u32>,
    /// Money for the activity's whole life.
    pub money_total: Option<Fen>,
    /// Money on one Shanghai day.
    pub money_day: Option<Fen>,
}

impl UserLimits {
    /// True when the activity keeps a usage for each user.
    pub fn any(&self) -> bool {
        *self != Self::default()
    }
}

/// Whose usage: one user in one activity.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserKey {
    /// The activity that carries the limits.
    pub activity_no: ActivityNo,
    /// The user.
    pub user: ThirdUid,
}

/// What a user's living orders (placed or paid) hold. Failed and refunded orders give it back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UserUsage {
    /// Orders in all.
    pub count_total: u32,
    /// Money in all.
    pub money_total: Fen,
    /// The Shanghai day the two fields below count.
    pub day: i32,
    /// Orders on that day.
    pub count_day: u32,
    /// Money on that day.
    pub money_day: Fen,
}

impl UserUsage {
    /// The usage after one more order of `money` on `day`, or the limit that stands against it.
    pub fn take(mut self, day: i32, money: Fen, limits: &UserLimits) -> Result<Self, LimitReached> {
        if day != self.day {
            self.day = day;
            self.count_day = 0;
            self.money_day = Fen::ZERO;
        }
        let money_sum = |sum: Fen| sum.checked_add(money).unwrap_or(Fen(i64::MAX));
        self.count_total = self.count_total.saturating_add(1);
        self.count_day = self.count_day.saturating_add(1);
        self.money_total = money_sum(self.money_total);
        self.money_day = money_sum(self.money_day);
        let over = |limit: Option<u32>, count: u32| limit.is_some_and(|most| count > most);
        let over_money = |limit: Option<Fen>, sum: Fen| limit.is_some_and(|most| sum > most);
        if over(limits.count_total, self.count_total) {
            Err(LimitReached::CountTotal)
        } else if over(limits.count_day, self.count_day) {
            Err(LimitReached::CountDay)
        } else if over_money(limits.money_total, self.money_total) {
            Err(LimitReached::MoneyTotal)
        } else if over_money(limits.money_day, self.money_day) {
            Err(LimitReached::MoneyDay)
        } else {
            Ok(self)
        }
    }

    /// The usage after an order of `money`, placed on `day`, let go of what it held.
    pub fn give_back(mut self, day: i32, money: Fen) -> Self {
        self.count_total = self.count_total.saturating_sub(1);
        self.money_total = Fen((self.money_total.0 - money.0).max(0));
        if day == self.day {
            self.count_day = self.count_day.saturating_sub(1);
            self.money_day = Fen((self.money_day.0 - money.0).max(0));
        }
        self
    }
}

impl DonationStatus {
    /// True while the order counts against its user's limits.
    pub fn holds(self) -> bool {
        matches!(self, Self::Placed | Self::Paid)
    }
}
