//! What should become of coupons.

use huodong_campaign::*;

use super::callbacks::Message;
use super::{Campaign, Model, Verdict, day, refuse_if};
use crate::commands::Done;
use crate::script::*;

pub(super) struct Firm {
    owners: Vec<u8>,
    revoked: bool,
}

/// What a coupon activity hands out.
pub(super) struct Counter {
    pub terms: CouponTerms,
    issuers: Vec<u8>,
    /// Every coupon there ever was.
    pub stock: u64,
    pub mood: Mood,
}

/// A coupon.
pub(super) struct Ticket {
    pub id: Id,
    pub ask: Ask,
    pub status: CouponStatus,
    pub failed: Option<FailReason>,
    pub value: i64,
    pub placed: i64,
    pub due: Option<i64>,
    pub expires: Option<i64>,
    /// The reference, the amount and what was taken off.
    pub used: Option<(u8, i64, i64)>,
    /// What it did not spend came back when the activity had ended.
    pub back_to_org: bool,
}

impl Ticket {
    pub fn asked(&self) -> Asked {
        let used = self.used.map(|(reference, amount, _)| (reference, amount));
        Asked { id: self.id, ask: self.ask.clone(), used }
    }

    pub fn lives(&self) -> bool {
        matches!(self.status, CouponStatus::Process | CouponStatus::Issued)
    }

    pub fn spent(&self) -> i64 {
        self.used.map_or(0, |(_, _, promo)| promo)
    }

    /// What went back when it ended.
    pub fn returned(&self) -> i64 {
        let never_held = self.status == CouponStatus::Failed && self.due.is_none();
        if self.lives() || never_held { 0 } else { self.value - self.spent() }
    }

    /// What is gone from its activity's frozen money.
    pub fn missing(&self) -> i64 {
        let returned = if self.back_to_org { self.returned() } else { 0 };
        let held = if self.lives() { self.value } else { 0 };
        held + self.spent() + returned
    }
}

/// What the terms are worth at most, and the share they take off where it is a share.
fn most(terms: &CouponTerms) -> (i64, Option<u8>) {
    match terms.discount {
        Discount::Fixed { money } => (money.0, None),
        Discount::Percent { off, at_most } => (at_most.0, Some(off)),
    }
}

fn until(terms: &CouponTerms, issued: i64) -> i64 {
    match terms.validity {
        Validity::Until(until) => until.as_second(),
        Validity::Days(days) => issued + i64::from(days) * 24 * HOUR,
    }
}

impl Model {
    pub(super) fn expect_coupon(&self, op: &CouponOp, known: &Known) -> Verdict {
        match op {
            CouponOp::CreateInstitution { inst } => {
                refuse_if(&[(self.firms.contains_key(inst), "Taken")])
            }
            CouponOp::SetOwners { inst, owners } => {
                self.firm(*inst)?;
                refuse_if(&[(owners.is_empty(), "Owners")])
            }
            CouponOp::Revoke { inst } => self.firm(*inst),
            CouponOp::Create { activity, plan, shelf } => {
                refuse_if(&[
                    (self.activities.contains_key(activity), "Taken"),
                    (!self.deposited.contains_key(&plan.org), "UnknownOrganization"),
                    (plan.starts_h >= plan.ends_h, "EmptyWindow"),
                ])?;
                self.expect_terms(&shelf.terms, plan)?;
                self.expect_issuers(&shelf.issuers)
            }
            CouponOp::Offer { activity, terms, issuers, .. } => {
                let campaign = self.living(*activity)?;
                if let Some(terms) = terms {
                    let late = campaign.status != ActivityStatus::Draft;
                    refuse_if(&[(late, "Offer(TermsTooLate)")])?;
                    self.expect_terms(terms, &campaign.plan)?;
                }
                issuers.as_deref().map_or(Ok(()), |issuers| self.expect_issuers(issuers))
            }
            CouponOp::SetMood { activity, .. } => self.living(*activity).map(|_| ()),
            CouponOp::Issue(ask) => self.expect_issue(ask),
            CouponOp::Again { .. } | CouponOp::SettleCoupon { .. } | CouponOp::Expire => Ok(()),
            CouponOp::Redeem { nth, owner, amount, reference } => {
                let ticket = self.ticket(*nth, known).ok_or("Unknown")?;
                self.expect_redeem(ticket, *owner, *amount, *reference)
            }
            CouponOp::Void { nth } => {
                let ticket = self.ticket(*nth, known).ok_or("Unknown")?;
                refuse_if(&[(ticket.status != CouponStatus::Issued, "NotIssued")])
            }
        }
    }

    fn firm(&self, inst: u8) -> Verdict {
        let firm = self.firms.get(&inst).ok_or("Unknown")?;
        refuse_if(&[(firm.revoked, "Revoked")])
    }

    fn expect_terms(&self, terms: &CouponTerms, plan: &Plan) -> Verdict {
        let starts = START + plan.starts_h * HOUR;
        refuse_if(&[
            (matches!(most(terms).1, Some(0 | 101..)), "Offer(OffShare)"),
            (until(terms, starts) <= starts, "Offer(Validity)"),
        ])
    }

    fn expect_issuers(&self, issuers: &[u8]) -> Verdict {
        let unknown = issuers.iter().any(|inst| !self.firms.contains_key(inst));
        refuse_if(&[(unknown, "UnknownIssuer")])
    }

    fn expect_issue(&self, ask: &Ask) -> Verdict {
        let firm = self.firms.get(&ask.inst).filter(|firm| !firm.revoked);
        let firm = firm.ok_or("UnknownInstitution")?;
        if let Some(first) = self.first(ask) {
            let other_member = (first.ask.prefix, first.ask.user) != (ask.prefix, ask.user);
            let other_promotion = promotion(&first.ask) != promotion(ask);
            return refuse_if(&[
                (first.ask.activity != ask.activity, "KeyReused(\"activity_id\")"),
                (other_promotion, "KeyReused(\"promotion_id\")"),
                (first.ask.owner != ask.owner, "KeyReused(\"owner_id\")"),
                (other_member, "KeyReused(\"member_id\")"),
                (first.ask.post != ask.post, "KeyReused(\"postNotify\")"),
                (first.ask.notify != ask.notify, "KeyReused(\"writeOffNotify\")"),
            ]);
        }
        let campaign = self.activities.get(&ask.activity).ok_or("UnknownActivity")?;
        let counter = self.counters.get(&ask.activity).ok_or("UnknownActivity")?;
        let down = counter.mood == Mood::Unavailable;
        refuse_if(&[
            (!counter.issuers.contains(&ask.inst), "UnknownActivity"),
            (!ask.promotion, "UnknownPromotion"),
            (!firm.owners.contains(&ask.owner), "UnknownOwner"),
            (ask.prefix != ask.inst, "MemberPrefix"),
            (down && self.stands_against(ask, campaign, counter).is_none(), "ChannelUnavailable"),
        ])
    }

    /// Why a coupon that may be asked for is not given.
    pub(super) fn stands_against(
        &self,
        ask: &Ask,
        campaign: &Campaign,
        counter: &Counter,
    ) -> Option<FailReason> {
        use ActivityStatus::{Draft, Ended, Paused};
        let (value, limits) = (most(&counter.terms).0, campaign.plan.limits);
        let (count, money) = self.used(ask.activity, ask.user, None);
        let (count_day, money_day) = self.used(ask.activity, ask.user, Some(day(self.now)));
        let over = |limit: Option<u32>, count: u32| limit.is_some_and(|most| count >= most);
        let over_money =
            |limit: Option<Fen>, sum: i64| limit.is_some_and(|most| sum + value > most.0);
        let limit = |limit| Some(FailReason::Limit(limit));
        let reasons = [
            (campaign.status == Draft, Some(FailReason::NotStarted)),
            (matches!(campaign.status, Paused | Ended), Some(FailReason::Over)),
            (self.now < START + campaign.plan.starts_h * HOUR, Some(FailReason::NotStarted)),
            (self.now >= campaign.ends, Some(FailReason::Over)),
            (until(&counter.terms, self.now) <= self.now, Some(FailReason::Over)),
            (self.stock_left(ask.activity) == 0, Some(FailReason::OutOfStock)),
            (self.frozen(ask.activity) < i128::from(value), Some(FailReason::OutOfMoney)),
            (over(limits.count_total, count), limit(LimitReached::CountTotal)),
            (over(limits.count_day, count_day), limit(LimitReached::CountDay)),
            (over_money(limits.money_total, money), limit(LimitReached::MoneyTotal)),
            (over_money(limits.money_day, money_day), limit(LimitReached::MoneyDay)),
            (counter.mood == Mood::Refuses, Some(FailReason::Channel)),
        ];
        reasons.into_iter().find_map(|(stands, reason)| if stands { reason } else { None })
    }

    fn expect_redeem(
        &self,
        ticket: &Ticket,
        owner: Option<u8>,
        amount: i64,
        reference: u8,
    ) -> Verdict {
        use CouponStatus::{Expired, Failed, Process, Used};
        let again = ticket.used.is_some_and(|(by, of, _)| (by, of) == (reference, amount));
        let minimum = self.counters[&ticket.ask.activity].terms.minimum_spend.0;
        refuse_if(&[
            (owner != Some(ticket.ask.owner), "Foreign"),
            (ticket.status == Used && !again, "Used"),
            (ticket.status == Expired, "Expired"),
            (matches!(ticket.status, Process | Failed), "NotIssued"),
        ])?;
        let over = ticket.expires.is_some_and(|expires| expires <= self.now);
        refuse_if(&[
            (!again && over, "Expired"),
            (!again && amount <= 0, "NoMoney"),
            (!again && amount < minimum, "BelowMinimum"),
        ])
    }

    pub(super) fn take_in_coupon(&mut self, op: &CouponOp, known: &Known, done: &Done) {
        match (op, done) {
            (CouponOp::CreateInstitution { inst }, _) => {
                self.firms.insert(*inst, Firm { owners: vec![0, 1], revoked: false });
            }
            (CouponOp::SetOwners { inst, owners }, _) => {
                self.firms.get_mut(inst).unwrap().owners.clone_from(owners);
            }
            (CouponOp::Revoke { inst }, _) => self.firms.get_mut(inst).unwrap().revoked = true,
            (CouponOp::Create { activity, plan, shelf }, _) => {
                self.activities.insert(*activity, Campaign::draft(plan));
                let (terms, issuers) = (shelf.terms, shelf.issuers.clone());
                let stock = u64::from(shelf.stock);
                let counter = Counter { terms, issuers, stock, mood: Mood::Well };
                self.counters.insert(*activity, counter);
            }
            (CouponOp::Offer { activity, terms, issuers, add_stock }, _) => {
                let counter = self.counters.get_mut(activity).unwrap();
                counter.terms = terms.unwrap_or(counter.terms);
                counter.issuers = issuers.clone().unwrap_or(counter.issuers.clone());
                counter.stock += u64::from(*add_stock);
            }
            (CouponOp::SetMood { activity, mood, delay_s }, _) => {
                self.counters.get_mut(activity).unwrap().mood = *mood;
                self.activities.get_mut(activity).unwrap().plan.delay_s = *delay_s;
            }
            (CouponOp::Issue(ask), Done::Issued(done)) => self.take_in_issue(ask, done),
            (CouponOp::SettleCoupon { nth }, Done::Settled(settled)) => {
                let due = self.ticket(*nth, known).filter(|ticket| {
                    ticket.status == CouponStatus::Process
                        && ticket.due.is_some_and(|due| due <= self.now)
                });
                let due = due.map(|ticket| ticket.id);
                assert_eq!(*settled, due.is_some(), "{op:?}");
                due.into_iter().for_each(|id| self.decide(id));
            }
            (CouponOp::Redeem { nth, amount, reference, .. }, Done::Redeemed(done)) => {
                let ticket = self.ticket(*nth, known).unwrap();
                assert_eq!(done.repeated, ticket.used.is_some(), "one use is one use");
                if !done.repeated {
                    let (id, promo) = (ticket.id, self.promo(ticket, *amount));
                    self.close(id, Some((*reference, *amount, promo)));
                }
                let told = done.coupon.redeemed.as_ref().unwrap();
                let used = self.ticket(*nth, known).and_then(|ticket| ticket.used);
                let (_, amount, promo) = used.unwrap();
                assert_eq!((told.org_amount.0, told.promo_amount.0), (amount, promo));
            }
            (CouponOp::Expire, Done::Counted(expired)) => {
                let over = self.tickets.iter().filter(|ticket| {
                    ticket.status == CouponStatus::Issued
                        && ticket.expires.is_some_and(|expires| expires <= self.now)
                        && known.coupons.iter().any(|it| it.id == ticket.id)
                });
                let over: Vec<Id> = over.map(|ticket| ticket.id).collect();
                assert_eq!(usize::try_from(*expired).unwrap(), over.len());
                over.into_iter().for_each(|id| self.close(id, None));
            }
            (CouponOp::Void { nth }, Done::Voided(coupon)) => {
                let id = self.ticket(*nth, known).unwrap().id;
                assert_eq!((coupon.id, coupon.status), (id, CouponStatus::Expired));
                self.close(id, None);
            }
            _ => panic!("{op:?} was answered with {done:?}"),
        }
    }

    fn take_in_issue(&mut self, ask: &Ask, done: &Issued) {
        if let Some(first) = self.first(ask) {
            assert!(done.repeated, "a known key is a repetition");
            let told = (done.coupon.id, done.coupon.status, done.coupon.failed);
            assert_eq!(told, (first.id, first.status, first.failed));
            return;
        }
        assert!(!done.repeated, "a new key is no repetition");
        let (campaign, counter) = (&self.activities[&ask.activity], &self.counters[&ask.activity]);
        let failed = self.stands_against(ask, campaign, counter);
        let delay = if failed.is_none() { campaign.plan.delay_s } else { None };
        let id = done.coupon.id;
        assert!(self.tickets.iter().all(|other| other.id < id), "numbers only rise");
        let instantly = failed.is_none() && delay.is_none();
        let ticket = Ticket {
            id,
            ask: ask.clone(),
            status: if failed.is_some() { CouponStatus::Failed } else { CouponStatus::Process },
            failed,
            value: most(&counter.terms).0,
            placed: self.now,
            due: delay.map(|delay| self.now + i64::from(delay)),
            expires: None,
            used: None,
            back_to_org: false,
        };
        self.tickets.push(ticket);
        if failed.is_some() {
            self.owe(id, CallbackEvent::IssueResult);
        } else if instantly {
            self.decide(id);
        }
        let ticket = self.tickets.last().unwrap();
        assert_eq!((done.coupon.status, done.coupon.failed), (ticket.status, ticket.failed));
    }

    /// The channel decides on a coupon.
    fn decide(&mut self, id: Id) {
        let (now, ended) = (self.now, self.ticket_ended(id));
        let ticket = self.tickets.iter_mut().find(|ticket| ticket.id == id).unwrap();
        let counter = &self.counters[&ticket.ask.activity];
        let expires = until(&counter.terms, now);
        if counter.mood == Mood::Fails {
            ticket.failed = Some(FailReason::Channel);
        } else if expires <= now {
            ticket.failed = Some(FailReason::Over);
        }
        if ticket.failed.is_some() {
            ticket.status = CouponStatus::Failed;
            ticket.back_to_org = ended;
        } else {
            ticket.status = CouponStatus::Issued;
            ticket.expires = Some(expires);
        }
        self.owe(id, CallbackEvent::IssueResult);
    }

    /// A coupon is used, or ends unused.
    fn close(&mut self, id: Id, used: Option<(u8, i64, i64)>) {
        let ended = self.ticket_ended(id);
        let ticket = self.tickets.iter_mut().find(|ticket| ticket.id == id).unwrap();
        let unused = used.is_none();
        ticket.status = if unused { CouponStatus::Expired } else { CouponStatus::Used };
        (ticket.used, ticket.back_to_org) = (used, ended);
        self.owe(id, CallbackEvent::WriteOff);
    }

    fn owe(&mut self, id: Id, event: CallbackEvent) {
        let ticket = self.tickets.iter().find(|ticket| ticket.id == id).unwrap();
        let wanted = event == CallbackEvent::WriteOff || ticket.ask.post.is_some();
        if wanted {
            self.messages.push(Message::new(id, event, self.now));
        }
    }

    fn promo(&self, ticket: &Ticket, amount: i64) -> i64 {
        let (at_most, off) = most(&self.counters[&ticket.ask.activity].terms);
        // A hundredth after the other, so that nothing overflows and every rest is dropped once.
        let share = off.map_or(amount, |off| {
            let off = i64::from(off);
            amount / 100 * off + amount % 100 * off / 100
        });
        share.min(at_most)
    }

    pub(super) fn stock_left(&self, activity: u8) -> u64 {
        let gone = self.tickets.iter().filter(|ticket| {
            ticket.ask.activity == activity
                && (ticket.lives() || ticket.status == CouponStatus::Used)
        });
        self.counters[&activity].stock - u64::try_from(gone.count()).unwrap()
    }

    fn first(&self, ask: &Ask) -> Option<&Ticket> {
        let key = (ask.inst, ask.key);
        self.tickets.iter().find(|ticket| (ticket.ask.inst, ticket.ask.key) == key)
    }

    fn ticket(&self, nth: usize, known: &Known) -> Option<&Ticket> {
        let id = known.coupons.get(nth)?.id;
        self.tickets.iter().find(|ticket| ticket.id == id)
    }

    fn ticket_ended(&self, id: Id) -> bool {
        let ticket = self.tickets.iter().find(|ticket| ticket.id == id).unwrap();
        self.activities[&ticket.ask.activity].status == ActivityStatus::Ended
    }
}
