//! Issuing coupons.

use huodong_campaign::{
    ActivityNo, Coupon, CouponKey, Issue as IssueCoupon, OpenId, OwnerId, PromotionId,
};
use huodong_engine::check_address;
use huodong_wire::lakala::{Api, Code, IssueData, IssueRequest, Reply};

use super::call::{Call, Handler};
use super::refusal::Refusal;
use super::reply::Outcome;
use super::words;
use crate::order_number::order_number;

/// Issues a coupon, or finds the one its key stands for.
pub(super) struct Issue;

impl Handler for Issue {
    const API: Api = Api::Issue;
    type Request<'a> = IssueRequest<'a>;

    async fn handle<'a>(call: &'a Call<'a>, request: IssueRequest<'a>) -> Result<Outcome, Refusal> {
        let post_notify = request.post_notify.as_deref();
        let checked = check(call, "writeOffNotify", &request.write_off_notify).and_then(|()| {
            post_notify.map_or(Ok(()), |address| check(call, "postNotify", address))
        });
        let issue = IssueCoupon {
            key: CouponKey {
                appid: call.caller.institution.appid.clone(),
                mer_order_id: (*request.mer_order_id).into(),
            },
            activity_no: ActivityNo::from(&*request.activity_id),
            promotion_id: PromotionId::from(&*request.promotion_id),
            owner_id: OwnerId::from(&*request.owner_id),
            member_id: (*request.member_id).into(),
            openid: OpenId::from(&*request.channel_openid),
            post_notify: post_notify.map(Into::into),
            write_off_notify: (*request.write_off_notify).into(),
        };
        if let Err(refusal) = checked {
            // Which addresses are allowed may have changed since the coupon was issued; the same
            // call gets the same answer all the same.
            let key = issue.key.clone();
            call.read(move |reader| reader.coupon_by_key(&key)).await?.ok_or(refusal)?;
        }
        let issued = call.submit(issue).await?;
        Ok(Outcome::Issue(Reply::success(data(&issued.coupon))))
    }
}

/// What of a notify address can be told without asking the network. The rest is seen to whenever
/// something is sent there.
fn check(call: &Call<'_>, field: &'static str, address: &str) -> Result<(), Refusal> {
    let options = &call.app.settings.lakala.delivery;
    if check_address(address, options).is_ok() {
        return Ok(());
    }
    // What the message says is for partners; which networks are ours is not.
    let https = address.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("https://"));
    let reason = if options.allow_http || https {
        "不能指向内网、本机或保留地址"
    } else {
        "必须是 https 地址"
    };
    Err(Refusal::new(Code::InvalidField, format!("{field} {reason}")))
}

fn data(coupon: &Coupon) -> IssueData<'static> {
    let (code, fail_msg) = words::outcome(coupon);
    IssueData {
        res_code: code.number().into(),
        fail_msg: fail_msg.into(),
        activity_id: coupon.activity_no.to_string().into(),
        owner_id: coupon.owner_id.to_string().into(),
        promotion_id: coupon.promotion_id.to_string().into(),
        third_coupon_id: words::third_coupon_id(coupon).into(),
        mer_order_id: coupon.key.mer_order_id.to_string().into(),
        trade_no: order_number(coupon.id).into(),
        batch_code: coupon.batch_code.to_string().into(),
        channel_openid: coupon.openid.to_string().into(),
        trade_status: Some(words::trade_status(coupon)),
    }
}
