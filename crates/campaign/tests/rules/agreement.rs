//! What a consult says, held against what an issue at that instant does.

use huodong_campaign::*;

use crate::commands::consult;
use crate::script::{Question, user};

/// What becomes of an order for a coupon of this activity, from an institution that may hand it out.
fn issued(world: &World, activity_no: &ActivityNo, to: u8) -> Result<Coupon, IssueRefusal> {
    let mut world = world.clone();
    let issuer = InstitutionId::from("prober");
    world.institutions.put(
        issuer.clone(),
        Institution {
            appid: issuer.clone(),
            org_id: "org".into(),
            name: String::new(),
            certificate: String::new(),
            previous_certificate: None,
            member_prefix: "".into(),
            owners: vec![OwnerId::from("owner")],
            status: InstitutionStatus::Active,
            rate_per_s: None,
            created_at: world.now,
        },
    );
    let mut promotion_id = PromotionId::from("none");
    if let Some(activity) = world.activities.change(activity_no)
        && let Some(offer) = &mut activity.coupon
    {
        offer.issuers.push(issuer.clone());
        promotion_id = offer.promotion_id.clone();
    }
    let issue = Issue {
        key: CouponKey { appid: issuer, mer_order_id: "probe".into() },
        activity_no: activity_no.clone(),
        promotion_id,
        owner_id: OwnerId::from("owner"),
        member_id: "member".into(),
        openid: OpenId::from(user(to).as_str()),
        post_notify: None,
        write_off_notify: "https://shop.example/used".into(),
    };
    issue.decide(&mut world).map(|done| done.coupon)
}

/// Asks again what was asked, and orders each coupon that was asked about.
pub fn agrees_with_issue(world: &World, question: &Question) {
    let command = consult(question);
    let issued = |activity_no: &ActivityNo| issued(world, activity_no, question.user);
    let results = match command.decide(&mut world.clone()) {
        Ok(results) => results,
        Err(ConsultRefusal::ChannelRefuses(activity_no)) => {
            // Refused at once, or taken by a channel that will fail it.
            let coupon = issued(&activity_no).unwrap();
            let fails = coupon.failed == Some(FailReason::Channel);
            assert!(fails || coupon.status == CouponStatus::Process, "{question:?}: {coupon:?}");
            return;
        }
        Err(ConsultRefusal::ChannelUnavailable(activity_no)) => {
            assert_eq!(issued(&activity_no), Err(IssueRefusal::ChannelUnavailable));
            return;
        }
        Err(_) => return,
    };
    for (activity_no, result) in command.activities.iter().zip(results) {
        let outcome = issued(activity_no).map(|coupon| coupon.failed);
        let agrees = match result {
            ConsultResult::Success => outcome == Ok(None),
            ConsultResult::Other => {
                matches!(outcome, Err(IssueRefusal::UnknownActivity) | Ok(Some(FailReason::Over)))
            }
            ConsultResult::NotStarted => outcome == Ok(Some(FailReason::NotStarted)),
            ConsultResult::OutOfBudget => {
                matches!(outcome, Ok(Some(FailReason::OutOfStock | FailReason::OutOfMoney)))
            }
            ConsultResult::OverLimit => matches!(outcome, Ok(Some(FailReason::Limit(_)))),
            // Who asks may not hand it out; whether another could is not said, but that it is there.
            ConsultResult::NotPermitted => outcome != Err(IssueRefusal::UnknownActivity),
        };
        assert!(agrees, "{activity_no} is {result:?} to {question:?}; an order: {outcome:?}");
    }
}
