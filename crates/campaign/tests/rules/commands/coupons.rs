//! The commands behind a script's words about coupons and callbacks.

use huodong_campaign::*;

use super::{Done, Step, Told, by_operator, no_change, settlement};
use crate::script::*;

pub(super) fn coupon_command(op: &CouponOp, known: &Known) -> Box<dyn Step> {
    let nth = |nth: usize| known.coupons.get(nth).map_or(Id(7), |it| it.id);
    match op.clone() {
        CouponOp::CreateInstitution { inst } => by_operator(
            CreateInstitution {
                appid: Some(institution_id(inst)),
                org_id: "86802221ca93cd".into(),
                name: "institution".to_owned(),
                certificate: "certificate".to_owned(),
                member_prefix: PREFIXES[usize::from(inst)].into(),
                owners: vec![owner_id(0), owner_id(1)],
                rate_per_s: None,
            },
            |_| Done::Other,
        ),
        CouponOp::SetOwners { inst, owners } => by_operator(
            UpdateInstitution {
                appid: institution_id(inst),
                name: None,
                member_prefix: None,
                owners: Some(owners.into_iter().map(owner_id).collect()),
                rate_per_s: None,
            },
            |_| Done::Other,
        ),
        CouponOp::Revoke { inst } => {
            by_operator(RevokeInstitution { appid: institution_id(inst) }, |_| Done::Other)
        }
        CouponOp::Create { activity, plan, shelf } => {
            by_operator(create(activity, plan, shelf), |_| Done::Other)
        }
        CouponOp::Offer { activity, terms, issuers, add_stock } => by_operator(
            UpdateOffer {
                activity_no: activity_no(activity),
                terms,
                issuers: issuers.map(|all| all.into_iter().map(institution_id).collect()),
                initiators: None,
                merchants: None,
                add_stock: Some(add_stock),
            },
            |_| Done::Other,
        ),
        CouponOp::SetMood { activity, mood, delay_s } => {
            let channel = Some(channel(mood, delay_s));
            by_operator(UpdateActivity { channel, ..no_change(activity) }, |_| Done::Other)
        }
        CouponOp::Issue(ask) => Box::new(Told(issue(&ask), Done::Issued)),
        CouponOp::Again { .. } => unreachable!("aiming made it an issue"),
        CouponOp::SettleCoupon { nth: n } => {
            Box::new(Told(SettleCoupon { coupon: nth(n) }, Done::Settled))
        }
        CouponOp::Redeem { nth: n, owner, amount, reference } => by_operator(
            Redeem {
                coupon: nth(n),
                owner_id: owner_id(owner.unwrap_or_default()),
                org_amount: Fen(amount),
                reference: reference.to_string().into(),
            },
            Done::Redeemed,
        ),
        CouponOp::Expire => {
            let coupons = known.coupons.iter().map(|it| it.id).chain([Id(7)]).collect();
            Box::new(Told(Expire { coupons }, Done::Counted))
        }
        CouponOp::Void { nth: n } => {
            by_operator(VoidCoupon { coupon: nth(n), reason: "asked".to_owned() }, Done::Voided)
        }
    }
}

pub(super) fn callback_command(op: &CallbackOp, now: i64, known: &Known) -> Box<dyn Step> {
    let nth = |nth: usize| known.callbacks.get(nth).map_or(Id(7), |(id, _)| *id);
    let all = || known.callbacks.iter().map(|(id, _)| *id);
    match op.clone() {
        CallbackOp::Claim { nth: n } => {
            let callbacks = n.map_or_else(|| all().chain(all()).collect(), |n| vec![nth(n)]);
            Box::new(Told(Claim { callbacks, until: at(now + LEASE_S) }, Done::Claimed))
        }
        CallbackOp::Record { nth: n, lease, outcome } => {
            let outcome = Outcome {
                at: at(now),
                took_ms: 1,
                outcome,
                status: Some(200),
                answer: Vec::new(),
                reason: String::new(),
            };
            let until = at(lease.until(n, now, known));
            let record = RecordAttempt { callback: nth(n), until, due_at: at(now), outcome };
            Box::new(Told(record, Done::Recorded))
        }
        CallbackOp::Free => {
            let callbacks = all().chain([Id(7)]).collect();
            Box::new(Told(FreeLeases { callbacks, real_now: at(now) }, Done::Counted))
        }
        CallbackOp::Resend { nths } => {
            by_operator(Resend { callbacks: nths.into_iter().map(nth).collect() }, Done::Resent)
        }
    }
}

fn create(activity: u8, plan: Plan, shelf: Shelf) -> CreateCouponActivity {
    CreateCouponActivity {
        activity_no: Some(activity_no(activity)),
        org_no: org_no(plan.org),
        name: format!("activity {activity}"),
        starts_at: at(START + plan.starts_h * HOUR),
        ends_at: at(START + plan.ends_h * HOUR),
        limits: plan.limits,
        channel: channel(Mood::Well, plan.delay_s),
        offer: NewOffer {
            promotion_id: promotion_of(activity),
            batch_code: "1254325364564365".into(),
            terms: shelf.terms,
            issuers: shelf.issuers.into_iter().map(institution_id).collect(),
            initiators: Vec::new(),
            merchants: Vec::new(),
            stock: shelf.stock,
        },
    }
}

/// Whatever a coupon is worth, the channel is in the same mood.
fn channel(mood: Mood, delay_s: Option<u32>) -> Channel {
    let every = |here: Mood| if here == mood { (1..=20).map(Fen).collect() } else { Vec::new() };
    Channel::Book(BookRule {
        settlement: settlement(delay_s),
        fail_per_10000: 0,
        fail_money: every(Mood::Fails),
        refuse_money: every(Mood::Refuses),
        unavailable_money: every(Mood::Unavailable),
    })
}

fn issue(ask: &Ask) -> Issue {
    Issue {
        key: coupon_key(ask),
        activity_no: activity_no(ask.activity),
        promotion_id: promotion(ask),
        owner_id: owner_id(ask.owner),
        member_id: format!("{}{}", PREFIXES[usize::from(ask.prefix)], ask.user).into(),
        openid: OpenId::from(user(ask.user).as_str()),
        post_notify: ask.post.map(|post| format!("https://shop-{post}.example/post").into()),
        write_off_notify: format!("https://shop-{}.example/used", ask.notify).into(),
    }
}
