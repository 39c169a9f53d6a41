//! Asking how a coupon stands.

use huodong_campaign::{Coupon, CouponKey, CouponStatus};
use huodong_wire::lakala::{Api, Code, QueryData, QueryRequest, Reply};

use super::call::{Call, Handler};
use super::refusal::Refusal;
use super::reply::Outcome;
use super::words;
use crate::order_number::parse_order_number;

/// Tells how a coupon stands.
pub(super) struct Query;

impl Handler for Query {
    const API: Api = Api::Query;
    type Request<'a> = QueryRequest<'a>;

    async fn handle<'a>(call: &'a Call<'a>, request: QueryRequest<'a>) -> Result<Outcome, Refusal> {
        let not_found = |detail: String| Refusal::new(Code::OrderNotFound, detail);
        let key = CouponKey {
            appid: call.caller.institution.appid.clone(),
            mer_order_id: (*request.mer_order_id).into(),
        };
        let found = call.read(move |reader| reader.coupon_by_key(&key)).await?;
        let coupon = found.ok_or_else(|| not_found("mer_order_id 不存在".to_owned()))?;
        let differing = [
            ("owner_id", coupon.owner_id.as_str() == request.owner_id),
            ("activity_id", coupon.activity_no.as_str() == request.activity_id),
            ("trade_no", parse_order_number(&request.trade_no) == Some(coupon.id)),
        ]
        .into_iter()
        .find_map(|(field, same)| (!same).then_some(field));
        match differing {
            Some(field) => Err(not_found(format!("{field} 与订单不一致"))),
            None => Ok(Outcome::Query(Reply::success(data(&coupon)))),
        }
    }
}

fn data(coupon: &Coupon) -> QueryData<'static> {
    let (code, fail_msg) = words::outcome(coupon);
    let redeemed = coupon.redeemed.as_ref();
    let used_at = coupon.closed_at.filter(|_| coupon.status == CouponStatus::Used);
    QueryData {
        res_code: code.number().into(),
        fail_msg: fail_msg.into(),
        trade_status: Some(words::trade_status(coupon)),
        promo_amount: redeemed.map(|it| words::fen(it.promo_amount)),
        total_amount: redeemed.map(|it| words::fen(it.total_amount())),
        org_amount: redeemed.map(|it| words::fen(it.org_amount)),
        gmt_used: used_at.map(words::shanghai),
        usage: words::usage(coupon),
    }
}
