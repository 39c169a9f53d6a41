//! What should be true, said another way: no balances and no counters are kept; everything is
//! summed up from the list of what happened, each time anew.

mod callbacks;
mod check;
mod check_coupons;
mod coupons;
mod gateway;
mod take_in;

use std::collections::{BTreeMap, BTreeSet};

use huodong_campaign::*;

use self::callbacks::Message;
use self::coupons::{Counter, Firm, Ticket};
use self::gateway::Gateway;
use crate::commands::Done;
use crate::script::*;

#[derive(Default)]
pub struct Model {
    pub now: i64,
    deposited: BTreeMap<u8, i128>,
    projects: BTreeSet<u8>,
    app_org: BTreeMap<u8, u8>,
    bid_app: BTreeMap<u8, u8>,
    activities: BTreeMap<u8, Campaign>,
    orders: Vec<Order>,
    grants: Vec<Grant>,
    firms: BTreeMap<u8, Firm>,
    counters: BTreeMap<u8, Counter>,
    tickets: Vec<Ticket>,
    messages: Vec<Message>,
    gateway: Gateway,
}

struct Campaign {
    plan: Plan,
    ends: i64,
    status: ActivityStatus,
    counts: bool,
    limits_changed: bool,
    funded: i128,
    released: i128,
}

struct Order {
    id: Id,
    gift: Gift,
    status: DonationStatus,
    placed: i64,
    due: Option<i64>,
    /// Its money came back when the activity had ended.
    back_to_org: bool,
    flowers: Option<Id>,
}

struct Grant {
    id: Id,
    app: u8,
    code: u8,
    user: u8,
    num: u32,
    donation: Option<Id>,
    day: i64,
}

type Verdict = Result<(), &'static str>;

fn day(second: i64) -> i64 {
    (second - START).div_euclid(24 * HOUR)
}

fn refuse_if(reasons: &[(bool, &'static str)]) -> Verdict {
    match reasons.iter().find(|(stands, _)| *stands) {
        Some((_, name)) => Err(name),
        None => Ok(()),
    }
}

impl Campaign {
    fn draft(plan: &Plan) -> Self {
        Self {
            plan: plan.clone(),
            ends: START + plan.ends_h * HOUR,
            status: ActivityStatus::Draft,
            counts: false,
            limits_changed: false,
            funded: 0,
            released: 0,
        }
    }
}

impl Order {
    fn lives(&self) -> bool {
        matches!(self.status, DonationStatus::Placed | DonationStatus::Paid)
    }
}

impl Model {
    pub fn new() -> Self {
        Self { now: START, ..Self::default() }
    }

    /// What there is.
    pub fn known(&self) -> Known {
        let given =
            |order: &Order| Given { id: order.id, app: order.gift.app, user: order.gift.user };
        let open = self.tickets.iter().enumerate().filter(|(_, ticket)| ticket.lives());
        let callback = |message: &Message| Some((message.id?, message.lease));
        let mut known = Known {
            donations: self.orders.iter().map(given).collect(),
            coupons: self.tickets.iter().map(Ticket::asked).collect(),
            open: open.map(|(nth, _)| nth).collect(),
            callbacks: self.messages.iter().filter_map(callback).collect(),
            ..Known::default()
        };
        self.know_gateway(&mut known);
        known
    }

    /// Compares what happened with what should have, and takes it in.
    pub fn judge(&mut self, op: &Op, known: &Known, outcome: &Result<Done, String>) {
        match (self.expect(op, known), outcome) {
            (Ok(()), Ok(done)) => self.take_in(op, known, done),
            (Err(reason), Err(refusal)) => {
                assert!(refusal.starts_with(reason), "{op:?}: {refusal}, not {reason}");
            }
            (expected, _) => panic!("{op:?}: {outcome:?}, but the model says {expected:?}"),
        }
    }

    fn living(&self, activity: u8) -> Result<&Campaign, &'static str> {
        let found = self.activities.get(&activity).ok_or("Unknown")?;
        if found.status == ActivityStatus::Ended { Err("Ended") } else { Ok(found) }
    }

    fn all_projects(&self, projects: &[u8]) -> Verdict {
        let unknown = projects.iter().any(|project| !self.projects.contains(project));
        refuse_if(&[(projects.is_empty(), "Projects"), (unknown, "UnknownProject")])
    }

    fn expect(&self, op: &Op, known: &Known) -> Verdict {
        match op {
            Op::CreateOrganization { org } => {
                refuse_if(&[(self.deposited.contains_key(org), "Taken")])
            }
            Op::CreateProject { project } => {
                refuse_if(&[(self.projects.contains(project), "Taken")])
            }
            Op::CreateApplication { app, org } => refuse_if(&[
                (self.app_org.contains_key(app), "Taken"),
                (!self.deposited.contains_key(org), "UnknownOrganization"),
            ]),
            Op::AssignBid { bid, app } => refuse_if(&[
                (!self.app_org.contains_key(app), "Unknown"),
                (self.bid_app.contains_key(bid), "BidTaken"),
            ]),
            Op::CreateActivity { activity, plan } => {
                refuse_if(&[
                    (self.activities.contains_key(activity), "Taken"),
                    (!self.deposited.contains_key(&plan.org), "UnknownOrganization"),
                ])?;
                self.all_projects(&plan.projects)?;
                refuse_if(&[(plan.starts_h >= plan.ends_h, "EmptyWindow")])
            }
            Op::Deposit { org, money } => {
                let all: i128 = self.deposited.values().sum();
                refuse_if(&[
                    (!self.deposited.contains_key(org), "Unknown"),
                    (*money <= 0, "NoMoney"),
                    (all + i128::from(*money) > i128::from(i64::MAX), "TooMuch"),
                ])
            }
            Op::Withdraw { org, money } => {
                let short = i128::from(*money) > self.free(*org);
                refuse_if(&[
                    (!self.deposited.contains_key(org), "Unknown"),
                    (*money <= 0, "NoMoney"),
                    (short, "NotEnough"),
                ])
            }
            Op::Fund { activity, money } => {
                let campaign = self.living(*activity)?;
                let short = i128::from(*money) > self.free(campaign.plan.org);
                refuse_if(&[(*money <= 0, "NoMoney"), (short, "NotEnough")])
            }
            Op::SetStatus { activity, to } => {
                use ActivityStatus::{Draft, Paused, Running};
                let step = (self.living(*activity)?.status, *to);
                let arrows = [(Draft, Running), (Paused, Running), (Running, Paused)];
                refuse_if(&[(!arrows.contains(&step), "NoSuchStep")])
            }
            Op::SetLimits { activity, limits } => {
                let campaign = self.living(*activity)?;
                let late = campaign.status != ActivityStatus::Draft;
                refuse_if(&[(late && limits.any() != campaign.counts, "LimitsTooLate")])
            }
            Op::SetProjects { activity, projects } => {
                self.living(*activity)?;
                refuse_if(&[(self.counters.contains_key(activity), "OtherKind")])?;
                self.all_projects(projects)
            }
            Op::SetEnd { activity, at_h } => {
                let campaign = self.living(*activity)?;
                refuse_if(&[(*at_h <= campaign.plan.starts_h, "EmptyWindow")])
            }
            Op::End { activity, only_if_over } => {
                let campaign = self.living(*activity)?;
                refuse_if(&[(*only_if_over && self.now < campaign.ends, "NoSuchStep")])
            }
            Op::Donate(gift) => self.expect_donate(gift),
            Op::Settle { .. } => Ok(()),
            Op::Refund { nth } => {
                let order = self
                    .order(known.donations.get(*nth).map(|known| &known.id))
                    .ok_or("Unknown")?;
                refuse_if(&[(order.status != DonationStatus::Paid, "NotPaid")])
            }
            Op::Grant(thanks) => self.expect_grant(thanks, known),
            Op::Coupon(op) => self.expect_coupon(op, known),
            Op::Callback(op) => self.expect_callback(op, known),
            Op::Gateway(op) => self.expect_gateway(op, known),
        }
    }

    fn expect_donate(&self, gift: &Gift) -> Verdict {
        if self.bid_app.get(&gift.bid) != Some(&gift.app) {
            return Err("UnknownBid");
        }
        if let Some(first) = self.by_key(gift) {
            return refuse_if(&[
                (first.gift.activity != gift.activity, "KeyReused(\"activity_no\")"),
                (first.gift.project != gift.project, "KeyReused(\"project_no\")"),
                (first.gift.user != gift.user, "KeyReused(\"third_uid\")"),
                (first.gift.reward != gift.reward, "KeyReused(\"reward\")"),
                (first.gift.money != gift.money, "KeyReused(\"money\")"),
            ]);
        }
        let campaign = self.activities.get(&gift.activity).ok_or("UnknownActivity")?;
        refuse_if(&[
            (campaign.plan.org != gift.org, "UnknownActivity"),
            (self.counters.contains_key(&gift.activity), "UnknownActivity"),
            (!self.projects.contains(&gift.project), "UnknownProject"),
            (!campaign.plan.projects.contains(&gift.project), "ProjectNotBound"),
            (gift.money == 0, "MoneyZero"),
            (campaign.status != ActivityStatus::Running, "NotRunning"),
            (self.now < START + campaign.plan.starts_h * HOUR, "NotBegun"),
            (self.now >= campaign.ends, "Over"),
        ])?;
        let limits = campaign.plan.limits;
        let (count, money) = self.used(gift.activity, gift.user, None);
        let (count_day, money_day) = self.used(gift.activity, gift.user, Some(day(self.now)));
        let over = |limit: Option<u32>, count: u32| limit.is_some_and(|most| count >= most);
        let over_money =
            |limit: Option<Fen>, sum: i64| limit.is_some_and(|most| sum + gift.money > most.0);
        refuse_if(&[
            (over(limits.count_total, count), "LimitReached(CountTotal)"),
            (over(limits.count_day, count_day), "LimitReached(CountDay)"),
            (over_money(limits.money_total, money), "LimitReached(MoneyTotal)"),
            (over_money(limits.money_day, money_day), "LimitReached(MoneyDay)"),
            (i128::from(gift.money) > self.frozen(gift.activity), "NotEnough"),
            (gift.money == REFUSED, "ChannelRefused"),
            (gift.money == UNAVAILABLE, "ChannelUnavailable"),
        ])
    }

    fn expect_grant(&self, thanks: &Thanks, known: &Known) -> Verdict {
        let named = thanks.nth.map(|nth| known.donations.get(nth).map_or(Id(7), |known| known.id));
        if let Some(first) = self.grant(thanks) {
            return refuse_if(&[
                (first.user != thanks.user, "KeyReused(\"open_id\")"),
                (first.num != thanks.num, "KeyReused(\"xhh_num\")"),
                (first.donation != named, "KeyReused(\"business_info\")"),
            ]);
        }
        refuse_if(&[
            (!self.app_org.contains_key(&thanks.app), "UnknownApplication"),
            (thanks.num == 0, "NoFlowers"),
            (thanks.too_late, "OutsideWindow"),
            (named.is_none() && thanks.reward_key.is_some(), "UnknownDonation"),
        ])?;
        if named.is_some() {
            let order = self.order(named.as_ref()).ok_or("UnknownDonation")?;
            let other_key = thanks.reward_key.is_some_and(|key| key != order.gift.key);
            refuse_if(&[
                (order.gift.app != thanks.app, "UnknownDonation"),
                (other_key, "OtherDonation(\"reward_transcode\")"),
                (order.gift.user != thanks.user, "OtherDonation(\"third_uid\")"),
                (order.status != DonationStatus::Paid, "NotPaid"),
                (order.flowers.is_some(), "AlreadyThanked"),
            ])?;
        }
        let today = self.flowers(thanks.app, thanks.user, Some(day(self.now)));
        refuse_if(&[(today + thanks.num > FLOWERS_PER_DAY, "DailyLimit")])
    }

    fn order(&self, id: Option<&Id>) -> Option<&Order> {
        self.orders.iter().find(|order| Some(&order.id) == id)
    }

    fn has_ended(&self, order: Id) -> bool {
        let order = self.order(Some(&order));
        order.is_some_and(|order| {
            self.activities[&order.gift.activity].status == ActivityStatus::Ended
        })
    }

    fn by_key(&self, gift: &Gift) -> Option<&Order> {
        self.orders.iter().find(|order| (order.gift.bid, order.gift.key) == (gift.bid, gift.key))
    }

    fn grant(&self, thanks: &Thanks) -> Option<&Grant> {
        self.grants.iter().find(|grant| (grant.app, grant.code) == (thanks.app, thanks.code))
    }

    fn sum(&self, of: impl Fn(&Order) -> bool) -> i128 {
        self.orders.iter().filter(|order| of(order)).map(|order| i128::from(order.gift.money)).sum()
    }

    fn coupon_sum(&self, activity: u8, money: impl Fn(&Ticket) -> i64) -> i128 {
        let own = self.tickets.iter().filter(|ticket| ticket.ask.activity == activity);
        own.map(|ticket| i128::from(money(ticket))).sum()
    }

    /// What no order of the activity holds.
    fn frozen(&self, activity: u8) -> i128 {
        let campaign = &self.activities[&activity];
        campaign.funded
            - campaign.released
            - self.sum(|order| {
                order.gift.activity == activity && (order.lives() || order.back_to_org)
            })
            - self.coupon_sum(activity, Ticket::missing)
    }

    /// What no activity of the organization holds.
    fn free(&self, org: u8) -> i128 {
        let Some(deposited) = self.deposited.get(&org) else { return 0 };
        let own = self.activities.iter().filter(|(_, campaign)| campaign.plan.org == org);
        own.fold(*deposited, |sum, (activity, campaign)| {
            let back = self.sum(|order| order.gift.activity == *activity && order.back_to_org);
            let unspent = |ticket: &Ticket| if ticket.back_to_org { ticket.returned() } else { 0 };
            let back = back + self.coupon_sum(*activity, unspent);
            sum - campaign.funded + campaign.released + back
        })
    }

    /// Number and money of a user's living orders, of one day or of all.
    fn used(&self, activity: u8, user: u8, on: Option<i64>) -> (u32, i64) {
        let own = self.orders.iter().filter(|order| {
            order.lives()
                && (order.gift.activity, order.gift.user) == (activity, user)
                && on.is_none_or(|on| on == day(order.placed))
        });
        let coupons = self.tickets.iter().filter(|ticket| {
            ticket.status != CouponStatus::Failed
                && (ticket.ask.activity, ticket.ask.user) == (activity, user)
                && on.is_none_or(|on| on == day(ticket.placed))
        });
        let taken = own.map(|order| order.gift.money).chain(coupons.map(|ticket| ticket.value));
        taken.fold((0, 0), |(count, sum), money| (count + 1, sum + money))
    }

    fn flowers(&self, app: u8, user: u8, on: Option<i64>) -> u32 {
        let own = self.grants.iter().filter(|grant| {
            (grant.app, grant.user) == (app, user) && on.is_none_or(|on| on == grant.day)
        });
        own.map(|grant| grant.num).sum()
    }
}
