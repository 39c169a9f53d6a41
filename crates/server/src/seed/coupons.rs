use huodong_campaign::{
    ActivityNo, AlipayPid, BookRule, CertId, Channel, CouponTerms, CreateCouponActivity, Discount,
    Fen, InstitutionId, NewOffer, OrgNo, PromotionId, Settlement, UserLimits, Validity,
};
use jiff::civil::date;

use super::activities::{PLENTY, Stage, shanghai};
use super::{
    INITIATORS, INSTITUTION, OTHER_ALIPAY_PID, OTHER_INSTITUTION, OTHER_PARTNER, PARTNER,
    PLAIN_INITIATOR,
};

/// No initiator may hand it out.
pub const UNPERMITTED_ACTIVITY: &str = "1100000114";
/// Only one merchant of each initiator may hand it out.
pub const ONE_MERCHANT_ACTIVITY: &str = "1100000115";
/// Its money does not cover one coupon.
pub const POOR_ACTIVITY: &str = "1100000116";

/// What an ordinary coupon takes off: 10 yuan.
const MONEY: Fen = Fen(1_000);
/// Enough for every benchmark.
const HUGE_STOCK: u32 = 1_000_000_000;

/// A coupon activity of the seed.
#[derive(Clone, Debug)]
pub struct SeedCoupons {
    /// What it is for, in a sentence.
    pub note: &'static str,
    /// What is frozen for it.
    pub money: Fen,
    pub(super) create: CreateCouponActivity,
    pub(super) stage: Stage,
}

impl SeedCoupons {
    /// Its number.
    pub fn activity_id(&self) -> &str {
        self.create.activity_no.as_ref().expect("the seed numbers its activities").as_str()
    }

    /// What it hands out.
    pub fn promotion_id(&self) -> &str {
        self.create.offer.promotion_id.as_str()
    }

    /// `instant` or `deferred`.
    pub fn settlement(&self) -> &'static str {
        let Channel::Book(rule) = &self.create.channel;
        match rule.settlement {
            Settlement::Instant => "instant",
            Settlement::Deferred { .. } => "deferred",
        }
    }

    /// How many coupons there are.
    pub fn stock(&self) -> u32 {
        self.create.offer.stock
    }
}

/// The institution's activities that hand coupons out without ado: those that settle at once first.
pub fn ordinary_coupons() -> Vec<SeedCoupons> {
    vec![
        // The document's own example request is answered SUCCESS.
        coupons("1100000086", "立减券", "10 yuan off; issued at once").with(|create| {
            create.offer.promotion_id = PromotionId::from("WX1623452352312523523");
        }),
        coupons("1100000087", "立减券(压测)", "1 yuan off; issued at once; stock for load tests")
            .stocked(HUGE_STOCK)
            .taking_off(Discount::Fixed { money: Fen(100) }),
        coupons("1100000089", "满百八折券", "20 % off, at most 50 yuan, from 100 yuan on")
            .taking_off(Discount::Percent { off: 20, at_most: Fen(5_000) })
            .with(|create| create.offer.terms.minimum_spend = Fen(10_000)),
        coupons("1100000088", "立减券(延迟发放)", "10 yuan off; issued after 5 seconds")
            .settling(5, |_| {}),
    ]
}

/// The institution's activities that show one thing each.
pub fn special_coupons() -> Vec<SeedCoupons> {
    vec![
        coupons("1100000101", "渠道发放失败", "After 2 seconds it fails (FAIL, 300005)")
            .settling(2, |rule| rule.fail_per_10000 = 10_000),
        coupons("1100000102", "渠道拒绝发放", "The channel refuses (FAIL, 300005)")
            .ruled(|rule| rule.refuse_money = vec![MONEY]),
        coupons("1100000103", "渠道暂不可用", "The channel is down (999999)")
            .ruled(|rule| rule.unavailable_money = vec![MONEY]),
        coupons("1100000104", "尚未开始的活动", "Its window begins in 2099 (FAIL, 300001)")
            .with(|create| create.starts_at = shanghai(date(2099, 1, 1).at(0, 0, 0, 0))),
        coupons("1100000105", "未上线的活动", "Not online (FAIL, 300001)").at(Stage::Draft),
        coupons("1100000106", "已结束的活动", "Ended (FAIL, 300002)").at(Stage::Ended),
        coupons("1100000107", "暂停中的活动", "Paused (FAIL, 300002)").at(Stage::Paused),
        coupons("1100000108", "最后一张", "One coupon, then none (FAIL, 300003)").stocked(1),
        coupons("1100000109", "余额将尽的活动", "Money for one coupon, then none (FAIL, 300003)")
            .funded(MONEY),
        coupons("1100000110", "每人限领一张", "One for each user (FAIL, 300004)")
            .with(|create| create.limits.count_total = Some(1)),
        coupons("1100000111", "每人每日限领两张", "Two for each user and day (FAIL, 300004)")
            .with(|create| create.limits.count_day = Some(2)),
        coupons("1100000112", "一日有效", "Expires 24 hours after it was issued")
            .with(|create| create.offer.terms.validity = Validity::Days(1)),
        coupons("1100000113", "固定日期前有效", "Expires when the year 2030 begins").with(
            |create| {
                let until = shanghai(date(2030, 1, 1).at(0, 0, 0, 0));
                create.offer.terms.validity = Validity::Until(until);
            },
        ),
        coupons(
            UNPERMITTED_ACTIVITY,
            "仅限银行发放",
            "Not through ysepay (consult: ACTIVITY_NOT_PERMISSION)",
        )
        .with(|create| create.offer.initiators.clear()),
        coupons(
            ONE_MERCHANT_ACTIVITY,
            "仅限一家商户发放",
            "Through ysepay by one merchant only (consult: ACTIVITY_NOT_PERMISSION)",
        )
        .with(|create| create.offer.merchants = vec![AlipayPid::from(OTHER_ALIPAY_PID)]),
        coupons(POOR_ACTIVITY, "余额不足的活动", "Money for no coupon at all (FAIL, 300003)")
            .funded(Fen(500)),
    ]
}

/// The other institution's activity.
pub(crate) fn other_coupons() -> SeedCoupons {
    coupons("1200000001", "另一家银行的立减券", "Another institution's; issued at once").with(
        |create| {
            create.org_no = OrgNo::from(OTHER_PARTNER.org_no);
            create.offer.issuers = vec![InstitutionId::from(OTHER_INSTITUTION.appid)];
            create.offer.initiators.clear();
        },
    )
}

fn coupons(activity_id: &str, name: &str, note: &'static str) -> SeedCoupons {
    let last = &activity_id[activity_id.len() - 3..];
    let create = CreateCouponActivity {
        activity_no: Some(ActivityNo::from(activity_id)),
        org_no: OrgNo::from(PARTNER.org_no),
        name: name.to_owned(),
        starts_at: shanghai(date(2020, 1, 1).at(0, 0, 0, 0)),
        ends_at: shanghai(date(2199, 12, 31).at(0, 0, 0, 0)),
        limits: UserLimits::default(),
        channel: Channel::Book(BookRule::all_succeed(Settlement::Instant)),
        offer: NewOffer {
            promotion_id: PromotionId::from(format!("WX1623452352312523{last}")),
            batch_code: format!("1623452352{last}").into(),
            terms: CouponTerms {
                discount: Discount::Fixed { money: MONEY },
                minimum_spend: Fen::ZERO,
                validity: Validity::Days(30),
            },
            issuers: vec![InstitutionId::from(INSTITUTION.appid)],
            initiators: initiators().collect(),
            merchants: Vec::new(),
            stock: 1_000,
        },
    };
    SeedCoupons { note, money: PLENTY, create, stage: Stage::Running }
}

/// Who may hand coupons out through ysepay.
fn initiators() -> impl Iterator<Item = CertId> {
    INITIATORS.iter().chain([&PLAIN_INITIATOR]).map(|initiator| CertId::from(initiator.cert_id))
}

impl SeedCoupons {
    fn with(mut self, change: impl FnOnce(&mut CreateCouponActivity)) -> Self {
        change(&mut self.create);
        self
    }

    fn stocked(self, stock: u32) -> Self {
        self.with(|create| create.offer.stock = stock)
    }

    fn taking_off(self, discount: Discount) -> Self {
        self.with(|create| create.offer.terms.discount = discount)
    }

    fn ruled(self, change: impl FnOnce(&mut BookRule)) -> Self {
        self.with(|create| {
            let Channel::Book(rule) = &mut create.channel;
            change(rule);
        })
    }

    fn settling(self, delay_s: u32, change: impl FnOnce(&mut BookRule)) -> Self {
        self.ruled(|rule| {
            rule.settlement = Settlement::Deferred { delay_s };
            change(rule);
        })
    }

    fn at(mut self, stage: Stage) -> Self {
        self.stage = stage;
        self
    }

    fn funded(mut self, money: Fen) -> Self {
        self.money = money;
        self
    }
}
