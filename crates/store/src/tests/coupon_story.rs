//! Institutions, coupon activities and what happens to coupons and their callbacks.

use huodong_campaign::*;
use jiff::{SignedDuration, Timestamp};

use super::story::Story;

impl Story {
    /// A begun story with institutions `inst` and `else`, and four running coupon activities, each
    /// with 100,000 and a stock of 100: `gifts` gives 500 off from 1,000 on, at once and for three
    /// days; `slow` 20 % off but at most 300, after a minute and until 500 hours from now, three
    /// for each user; `broken` 77, which after a minute the channel fails; `few` has one coupon.
    pub(super) fn begun_with_coupons() -> Self {
        Self::new().begin_coupons()
    }

    /// Makes an empty database one of these.
    pub(super) fn begin_coupons(self) -> Self {
        let mut story = self.begin();
        story.coupon_activities();
        story
    }

    /// Adds the institutions and the coupon activities to an organization with money.
    pub(super) fn coupon_activities(&mut self) {
        let story = self;
        story.institution("inst");
        story.institution("else");
        let fixed = |money| Discount::Fixed { money: Fen(money) };
        let deferred = Settlement::Deferred { delay_s: 60 };
        let until = Validity::Until(story.now + SignedDuration::from_hours(500));
        let days = Validity::Days(3);
        story.coupons_of("gifts", fixed(500), days, Settlement::Instant, None, 100);
        let share = Discount::Percent { off: 20, at_most: Fen(300) };
        story.coupons_of("slow", share, until, deferred, Some(3), 100);
        story.coupons_of("broken", fixed(77), days, deferred, Some(3), 100);
        story.coupons_of("few", fixed(10), until, Settlement::Instant, None, 1);
    }

    pub(super) fn institution(&mut self, appid: &str) -> Institution {
        self.run(CreateInstitution {
            appid: Some(InstitutionId::from(appid)),
            org_id: "org-1".into(),
            name: format!("Institution {appid}"),
            certificate: "first".to_owned(),
            member_prefix: "m-".into(),
            owners: vec![OwnerId::from("owner"), OwnerId::from("other")],
            rate_per_s: Some(7),
        })
    }

    fn coupons_of(
        &mut self,
        no: &str,
        discount: Discount,
        validity: Validity,
        settlement: Settlement,
        each: Option<u32>,
        stock: u32,
    ) {
        let activity_no = ActivityNo::from(no);
        let minimum_spend = Fen(if no == "gifts" { 1_000 } else { 0 });
        self.run(CreateCouponActivity {
            activity_no: Some(activity_no.clone()),
            org_no: OrgNo::from("org"),
            name: format!("Coupons {no}"),
            starts_at: self.now - SignedDuration::from_hours(1),
            ends_at: self.now + SignedDuration::from_hours(1000),
            limits: UserLimits { count_total: each, ..UserLimits::default() },
            channel: Channel::Book(BookRule {
                fail_money: vec![Fen(77)],
                ..BookRule::all_succeed(settlement)
            }),
            offer: NewOffer {
                promotion_id: PromotionId::from(format!("promotion-{no}")),
                batch_code: format!("batch-{no}").into(),
                terms: CouponTerms { discount, minimum_spend, validity },
                issuers: vec![InstitutionId::from("inst"), InstitutionId::from("else")],
                initiators: Vec::new(),
                merchants: Vec::new(),
                stock,
            },
        });
        self.run(FundActivity { activity_no: activity_no.clone(), money: Fen(100_000) });
        self.run(SetStatus { activity_no, status: ActivityStatus::Running });
    }

    /// A coupon of `gifts`, issued.
    pub(super) fn issued(&mut self, order: &str) -> Coupon {
        let coupon = self.run(issue("gifts", order, "user")).coupon;
        assert_eq!(coupon.status, CouponStatus::Issued);
        coupon
    }

    pub(super) fn redeem(&mut self, coupon: Id, org_amount: i64) -> Coupon {
        let owner_id = OwnerId::from("owner");
        let reference = format!("till-{coupon}").into();
        self.run(Redeem { coupon, owner_id, org_amount: Fen(org_amount), reference }).coupon
    }

    /// Lets the channel decide on all coupons that are due.
    pub(super) fn settle_coupons(&mut self) {
        for coupon in self.store.reader().due_coupon_settlements(self.now, 1000).unwrap() {
            assert!(self.run(SettleCoupon { coupon }));
        }
    }

    /// Takes callbacks until this moment of the real clock.
    pub(super) fn claim(&mut self, callbacks: &[Id], until: Timestamp) -> Vec<Claimed> {
        self.run(Claim { callbacks: callbacks.to_vec(), until })
    }

    /// One attempt, from the claim to the record.
    pub(super) fn attempt(&mut self, callback: Id, outcome: AttemptOutcome) -> Callback {
        let until = self.now + SignedDuration::from_nanos(30_000_000_007);
        let claimed = self.claim(&[callback], until).remove(0);
        let CallbackState::Leased { due_at, .. } = claimed.callback.state else {
            panic!("{claimed:?}")
        };
        let outcome = Outcome {
            at: self.now,
            took_ms: 12,
            outcome,
            status: (outcome != AttemptOutcome::TimedOut).then_some(500),
            answer: b"no \xff".to_vec(),
            reason: "it said no".to_owned(),
        };
        self.run(RecordAttempt { callback, until, due_at, outcome }).unwrap()
    }

    /// Attempts that fail until there are no more.
    pub(super) fn exhaust(&mut self, callback: Id) {
        loop {
            let found = self.store.reader().callback(callback).unwrap().unwrap();
            let CallbackState::Waiting { due_at } = found.state else { break };
            self.now = self.now.max(due_at);
            self.attempt(callback, AttemptOutcome::TimedOut);
        }
    }
}

pub(super) fn coupon_key(order: &str) -> CouponKey {
    CouponKey { appid: InstitutionId::from("inst"), mer_order_id: order.into() }
}

/// An order for a coupon, of whose outcome and end `inst` is told at two hosts.
pub(super) fn issue(activity: &str, order: &str, user: &str) -> Issue {
    Issue {
        key: coupon_key(order),
        activity_no: ActivityNo::from(activity),
        promotion_id: PromotionId::from(format!("promotion-{activity}")),
        owner_id: OwnerId::from("owner"),
        member_id: format!("m-{user}").into(),
        openid: OpenId::from(user),
        post_notify: Some("https://issue.example/told".into()),
        write_off_notify: "https://used.example:8443/told".into(),
    }
}
