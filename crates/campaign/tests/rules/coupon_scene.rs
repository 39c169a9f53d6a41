//! The scene's other activity: number 0 hands out coupons of 1 yuan from 3 yuan on, five of them,
//! valid for two days each, paid from 1,000 fen. Institution 0 may hand them out, for owner 0.

use huodong_campaign::*;

use crate::memory::Memory;
use crate::scene::Scene;
use crate::script::{HOUR, START, activity_no, at, institution_id, org_no, owner_id, user};

pub const PROMOTION: &str = "WX1623452352312523523";

impl Scene {
    /// The scene after `change` was made to what it hands out.
    pub fn offering(change: impl FnOnce(&mut CreateCouponActivity)) -> Self {
        let mut scene = Self { stored: Memory::new(), now: at(START + 10 * HOUR) };
        scene.enter(0, "project-0");
        for (number, prefix) in [(0, "AAA"), (1, "BBB")] {
            scene.run(Self::institution(number, prefix)).unwrap();
        }
        let mut plan = Self::coupon_plan();
        change(&mut plan);
        scene.run(plan).unwrap();
        scene.run(FundActivity { activity_no: activity_no(0), money: Fen(1_000) }).unwrap();
        scene.set(ActivityStatus::Running).unwrap();
        scene
    }

    pub fn coupons() -> Self {
        Self::offering(|_| {})
    }

    /// Coupons that are decided on five seconds later.
    pub fn deferred_coupons() -> Self {
        Self::offering(|plan| plan.channel = Self::book(|rule| rule.settlement = LATER))
    }

    pub fn book(change: impl FnOnce(&mut BookRule)) -> Channel {
        let mut rule = BookRule::all_succeed(Settlement::Instant);
        change(&mut rule);
        Channel::Book(rule)
    }

    pub fn institution(number: u8, prefix: &str) -> CreateInstitution {
        CreateInstitution {
            appid: Some(institution_id(number)),
            org_id: format!("org-id-{number}").into(),
            name: format!("institution {number}"),
            certificate: "certificate".to_owned(),
            member_prefix: prefix.into(),
            owners: vec![owner_id(number)],
            rate_per_s: None,
        }
    }

    pub fn coupon_plan() -> CreateCouponActivity {
        CreateCouponActivity {
            activity_no: Some(activity_no(0)),
            org_no: org_no(0),
            name: "one".to_owned(),
            starts_at: at(START),
            ends_at: at(START + 48 * HOUR),
            limits: UserLimits::default(),
            channel: Self::book(|_| {}),
            offer: NewOffer {
                promotion_id: PromotionId::from(PROMOTION),
                batch_code: "1254325364564365".into(),
                terms: CouponTerms {
                    discount: Discount::Fixed { money: Fen(100) },
                    minimum_spend: Fen(300),
                    validity: Validity::Days(2),
                },
                issuers: vec![institution_id(0)],
                initiators: Vec::new(),
                merchants: Vec::new(),
                stock: 5,
            },
        }
    }

    /// An order for a coupon for user 0 under this key.
    pub fn order(key: u32) -> Issue {
        Issue {
            key: CouponKey { appid: institution_id(0), mer_order_id: format!("mer-{key}").into() },
            activity_no: activity_no(0),
            promotion_id: PromotionId::from(PROMOTION),
            owner_id: owner_id(0),
            member_id: "AAA200154561278".into(),
            openid: OpenId::from(user(0).as_str()),
            post_notify: Some("https://shop.example/post".into()),
            write_off_notify: "https://shop.example/used".into(),
        }
    }

    /// The coupon under this key, whether it was issued or not.
    pub fn issue(&mut self, key: u32) -> Coupon {
        self.run(Self::order(key)).unwrap().coupon
    }

    pub fn failed(&mut self, key: u32) -> Option<FailReason> {
        self.issue(key).failed
    }

    pub fn settle_coupon(&mut self, coupon: Id) -> bool {
        self.run(SettleCoupon { coupon }).unwrap()
    }

    pub fn redemption(coupon: Id, org_amount: i64) -> Redeem {
        Redeem {
            coupon,
            owner_id: owner_id(0),
            org_amount: Fen(org_amount),
            reference: "till-1".into(),
        }
    }

    pub fn redeem(&mut self, coupon: Id, org_amount: i64) -> Result<Coupon, RedeemRefusal> {
        self.run(Self::redemption(coupon, org_amount)).map(|done| done.coupon)
    }

    pub fn expire(&mut self, coupon: Id) -> u64 {
        self.run(Expire { coupons: vec![coupon] }).unwrap()
    }

    pub fn void(&mut self, coupon: Id) -> Result<Coupon, VoidRefusal> {
        self.run(VoidCoupon { coupon, reason: "asked".to_owned() })
    }

    pub fn restock(
        &mut self,
        change: impl FnOnce(&mut UpdateOffer),
    ) -> Result<(), ActivityRefusal> {
        let mut update = UpdateOffer {
            activity_no: activity_no(0),
            terms: None,
            issuers: None,
            initiators: None,
            merchants: None,
            add_stock: None,
        };
        change(&mut update);
        self.run(update).map(|_| ())
    }

    pub fn coupon(&self, id: Id) -> &Coupon {
        &self.stored.coupons[&id]
    }

    pub fn offer(&self) -> &CouponOffer {
        self.stored.activities[&activity_no(0)].coupon.as_ref().unwrap()
    }

    pub fn stock(&self) -> u64 {
        self.offer().stock_left
    }

    /// The organization's free money, the activity's frozen, held and spent money.
    pub fn purse(&self) -> [i64; 4] {
        let balance = |id: AccountId| self.stored.accounts[&id].balance.0;
        let activity = &self.stored.activities[&activity_no(0)];
        [
            balance(self.stored.organizations[&org_no(0)].account),
            balance(activity.frozen),
            balance(activity.held),
            balance(self.offer().spent),
        ]
    }

    /// What is owed about a coupon, in order.
    pub fn owed(&self, coupon: Id) -> Vec<CallbackEvent> {
        let own = self.stored.callbacks.values().filter(|callback| callback.coupon == coupon);
        own.map(|callback| callback.event).collect()
    }
}

const LATER: Settlement = Settlement::Deferred { delay_s: 5 };
