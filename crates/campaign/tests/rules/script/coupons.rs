//! Random commands around coupons and the callbacks they owe.

use huodong_campaign::*;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

/// Coupon activities have these numbers; the last is never made.
pub const COUPON_ACTIVITIES: std::ops::Range<u8> = 4..8;
/// What members' ids begin with, by institution.
pub const PREFIXES: [&str; 3] = ["AAA", "BBB", "CCC"];
/// How long an attempt may take.
pub const LEASE_S: i64 = 30;

#[derive(Clone, Debug)]
pub enum CouponOp {
    CreateInstitution {
        inst: u8,
    },
    SetOwners {
        inst: u8,
        owners: Vec<u8>,
    },
    Revoke {
        inst: u8,
    },
    Create {
        activity: u8,
        plan: Plan,
        shelf: Shelf,
    },
    Offer {
        activity: u8,
        terms: Option<CouponTerms>,
        issuers: Option<Vec<u8>>,
        add_stock: u32,
    },
    SetMood {
        activity: u8,
        mood: Mood,
        delay_s: Option<u32>,
    },
    Issue(Ask),
    Again {
        nth: usize,
    },
    SettleCoupon {
        nth: usize,
    },
    Redeem {
        nth: usize,
        owner: Option<u8>,
        amount: i64,
        reference: u8,
    },
    /// All there are, and one there is not.
    Expire,
    Void {
        nth: usize,
    },
}

#[derive(Clone, Debug)]
pub enum CallbackOp {
    /// `None`: all there are, twice.
    Claim {
        nth: Option<usize>,
    },
    Record {
        nth: usize,
        lease: Lease,
        outcome: AttemptOutcome,
    },
    Free,
    Resend {
        nths: Vec<usize>,
    },
}

/// Which lease an attempt says it was made under.
#[derive(Clone, Copy, Debug)]
pub enum Lease {
    /// The one that stood before the batch.
    Standing,
    /// One that was given in this batch.
    Fresh,
    /// One that nobody holds.
    Lost,
}

/// What a coupon activity hands out.
#[derive(Clone, Debug)]
pub struct Shelf {
    pub terms: CouponTerms,
    pub issuers: Vec<u8>,
    pub stock: u32,
}

/// How the channel takes it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mood {
    Well,
    Fails,
    Refuses,
    Unavailable,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    pub inst: u8,
    pub key: u8,
    pub activity: u8,
    /// Asks for what the activity hands out.
    pub promotion: bool,
    pub owner: u8,
    pub prefix: u8,
    pub user: u8,
    pub post: Option<u8>,
    pub notify: u8,
}

impl CouponOp {
    pub fn aimed(&self, known: &Known) -> Self {
        let aim = |nth: usize| match known.open.len() {
            // Mostly one that lives.
            open if open > 0 && nth < STRAY && !nth.is_multiple_of(4) => known.open[nth % open],
            _ => aim(nth, known.coupons.len()),
        };
        match self.clone() {
            Self::Again { nth } => match known.coupons.get(aim(nth)) {
                Some(given) => Self::Issue(given.ask.clone()),
                None => Self::Expire,
            },
            Self::SettleCoupon { nth } => Self::SettleCoupon { nth: aim(nth) },
            Self::Void { nth } => Self::Void { nth: aim(nth) },
            Self::Redeem { nth, owner, amount, reference } => {
                let nth = aim(nth);
                let named = known.coupons.get(nth);
                let owner = owner.or(named.map(|it| it.ask.owner));
                // Half of those that ask for one that was used ask for the same use again.
                let used = named.and_then(|it| it.used).filter(|_| reference == 1);
                let (reference, amount) = used.unwrap_or((reference, amount));
                Self::Redeem { nth, owner, amount, reference }
            }
            other => other,
        }
    }
}

impl CallbackOp {
    pub fn aimed(&self, known: &Known) -> Self {
        let aim = |nth| aim(nth, known.callbacks.len());
        match self.clone() {
            Self::Claim { nth } => Self::Claim { nth: nth.map(aim) },
            Self::Record { nth, lease, outcome } => Self::Record { nth: aim(nth), lease, outcome },
            Self::Resend { nths } => Self::Resend { nths: nths.into_iter().map(aim).collect() },
            Self::Free => Self::Free,
        }
    }
}

impl Lease {
    /// Until when the lease of this callback is.
    pub fn until(self, nth: usize, now: i64, known: &Known) -> i64 {
        let standing = known.callbacks.get(nth).and_then(|(_, until)| *until);
        match self {
            Self::Standing => standing.unwrap_or(now - 1),
            Self::Fresh => now + LEASE_S,
            Self::Lost => now - 2,
        }
    }
}

/// Two institutions, and two running coupon activities besides one that is not online.
pub fn coupon_world() -> impl Strategy<Value = Vec<Op>> {
    let plan = (coupon_plan(), prop::option::weighted(0.3, limits()), 24..96_i64).prop_map(
        |(plan, limits, ends_h)| Plan { limits: limits.unwrap_or_default(), ends_h, ..plan },
    );
    let funds = select(vec![12, 30, 90]);
    prop::collection::vec((plan, shelf(), funds), 3).prop_map(|plans| {
        let mut ops = vec![
            Op::Coupon(CouponOp::CreateInstitution { inst: 0 }),
            Op::Coupon(CouponOp::CreateInstitution { inst: 1 }),
        ];
        for (activity, (plan, shelf, money)) in COUPON_ACTIVITIES.zip(plans) {
            ops.push(Op::Coupon(CouponOp::Create { activity, plan, shelf }));
            ops.push(Op::Fund { activity, money });
            if activity < 6 {
                ops.push(Op::SetStatus { activity, to: ActivityStatus::Running });
            }
        }
        ops
    })
}

/// Batches in which attempts fail until there are no more.
pub fn stubborn() -> impl Strategy<Value = Vec<Batch>> {
    prop_oneof![Just(0), 9..12_i64].prop_map(|rounds| {
        use AttemptOutcome::NotAcknowledged;
        let fails = |nth| CallbackOp::Record { nth, lease: Lease::Fresh, outcome: NotAcknowledged };
        let ops = [CallbackOp::Free, CallbackOp::Claim { nth: None }];
        let ops = ops.into_iter().chain((0..4).map(fails)).map(Op::Callback);
        let ops: Vec<Op> = ops.collect();
        (0..rounds).map(|_| Batch { pass_s: 2 * HOUR, ops: ops.clone() }).collect()
    })
}

pub fn coupon_op() -> impl Strategy<Value = CouponOp> {
    let activity = COUPON_ACTIVITIES;
    let mood = select(vec![
        Mood::Well,
        Mood::Well,
        Mood::Well,
        Mood::Fails,
        Mood::Fails,
        Mood::Refuses,
        Mood::Unavailable,
    ]);
    let issuers = || prop::option::of(issuers());
    let terms = || prop::option::weighted(0.3, terms());
    let amount = select(vec![0, 1, 9, 10, 11, 19, 50, 50, 99, 99, 200, 201, i64::MAX]);
    let owner = prop::option::weighted(0.1, 0..3_u8);
    prop_oneof![
        1 => (0..3_u8).prop_map(|inst| CouponOp::CreateInstitution { inst }),
        1 => (0..3_u8, select(vec![vec![], vec![0, 1], vec![0], vec![1, 2]]))
            .prop_map(|(inst, owners)| CouponOp::SetOwners { inst, owners }),
        1 => prop::bool::weighted(0.15)
            .prop_map(|last| CouponOp::Revoke { inst: if last { 1 } else { 2 } }),
        1 => (activity.clone(), coupon_plan(), shelf())
            .prop_map(|(activity, plan, shelf)| CouponOp::Create { activity, plan, shelf }),
        3 => (activity.clone(), terms(), issuers(), 0..3_u32)
            .prop_map(|(activity, terms, issuers, add_stock)| CouponOp::Offer {
                activity, terms, issuers, add_stock
            }),
        8 => (activity, mood, delay())
            .prop_map(|(activity, mood, delay_s)| CouponOp::SetMood { activity, mood, delay_s }),
        36 => ask().prop_map(CouponOp::Issue),
        3 => (0..32_usize).prop_map(|nth| CouponOp::Again { nth }),
        20 => (0..32_usize).prop_map(|nth| CouponOp::SettleCoupon { nth }),
        18 => (0..32_usize, owner, amount, 0..2_u8)
            .prop_map(|(nth, owner, amount, reference)| CouponOp::Redeem {
                nth, owner, amount, reference
            }),
        5 => Just(CouponOp::Expire),
        3 => (0..32_usize).prop_map(|nth| CouponOp::Void { nth }),
    ]
}

pub fn callback_op() -> impl Strategy<Value = CallbackOp> {
    let lease = select(vec![Lease::Standing, Lease::Fresh, Lease::Fresh, Lease::Lost]);
    let nth = || 0..32_usize;
    let outcome = prop_oneof![
        2 => Just(AttemptOutcome::Acknowledged),
        5 => Just(AttemptOutcome::NotAcknowledged),
        1 => Just(AttemptOutcome::NotSent),
    ];
    prop_oneof![
        6 => prop::option::of(nth()).prop_map(|nth| CallbackOp::Claim { nth }),
        12 => (nth(), lease, outcome)
            .prop_map(|(nth, lease, outcome)| CallbackOp::Record { nth, lease, outcome }),
        2 => Just(CallbackOp::Free),
        4 => prop::collection::vec(nth(), 1..3).prop_map(|nths| CallbackOp::Resend { nths }),
    ]
}

fn coupon_plan() -> impl Strategy<Value = Plan> {
    plan().prop_map(|plan| Plan { projects: Vec::new(), ..plan })
}

fn shelf() -> impl Strategy<Value = Shelf> {
    (terms(), issuers(), select(vec![0, 1, 3, 5, 9, 20]))
        .prop_map(|(terms, issuers, stock)| Shelf { terms, issuers, stock })
}

fn issuers() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        12 => Just(vec![0, 1]),
        2 => (0..2_u8).prop_map(|inst| vec![inst]),
        1 => Just(vec![0, 2]),
    ]
}

fn terms() -> impl Strategy<Value = CouponTerms> {
    let discount = prop_oneof![
        6 => select(vec![5, 10, 10, 20]).prop_map(|money| Discount::Fixed { money: Fen(money) }),
        6 => (select(vec![1, 15, 50, 100]), 5..15_i64)
            .prop_map(|(off, at_most)| Discount::Percent { off, at_most: Fen(at_most) }),
    ];
    let wrong = select(vec![0, 101]).prop_map(|off| Discount::Percent { off, at_most: Fen(5) });
    let discount = prop_oneof![30 => discount, 1 => wrong];
    let validity = prop_oneof![
        3 => (1..4_u16).prop_map(Validity::Days),
        2 => (1..60_i64).prop_map(|hours| Validity::Until(at(START + hours * HOUR))),
    ];
    (discount, select(vec![0, 0, 10, 50]), validity).prop_map(
        |(discount, minimum_spend, validity)| CouponTerms {
            discount,
            minimum_spend: Fen(minimum_spend),
            validity,
        },
    )
}

fn ask() -> impl Strategy<Value = Ask> {
    // Mostly an institution's own owners and members; now and then somebody else's.
    let who = prop_oneof![
        9 => select(vec![(0, 0, 0), (0, 1, 0), (1, 1, 1)]),
        1 => (0..3_u8, 0..3_u8, 0..3_u8),
    ];
    let activity = select(vec![4, 4, 4, 4, 4, 5, 5, 5, 5, 5, 6, 7]);
    let post = prop::option::weighted(0.8, 0..2_u8);
    (who, 0..60_u8, activity, prop::bool::weighted(0.95), 0..3_u8, post, 0..2_u8).prop_map(
        |((inst, owner, prefix), key, activity, promotion, user, post, notify)| Ask {
            inst,
            key,
            activity,
            promotion,
            owner,
            prefix,
            user,
            post,
            notify,
        },
    )
}

pub fn promotion(ask: &Ask) -> PromotionId {
    if ask.promotion { promotion_of(ask.activity) } else { PromotionId::from("WX-other") }
}

pub fn promotion_of(activity: u8) -> PromotionId {
    PromotionId::from(format!("WX{activity}"))
}

pub fn coupon_key(ask: &Ask) -> CouponKey {
    let mer_order_id = format!("mer-{}", ask.key).into();
    CouponKey { appid: institution_id(ask.inst), mer_order_id }
}
