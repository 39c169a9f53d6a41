//! A coupon as it is shown.

use axum::response::Response;
use huodong_campaign::{
    self as campaign, ActivityNo, Id, InstitutionId, LimitReached, OpenId, OwnerId,
};
use huodong_store::CouponFilter;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::operator::auth::{Operator, Reads};
use crate::operator::body::Named;
use crate::operator::csv::Record;
use crate::operator::document::{Getting, Reading};
use crate::operator::donations::order_number;
use crate::operator::list::{List, Listing, Paging, shown};
use crate::operator::problem::Problem;
use crate::operator::values::{Time, words};

/// What a third_coupon_id begins with.
const THIRD_PREFIX: &str = "wxd";

words! {
    /// Where a coupon stands, with the vendor's word: `process` (PROCESS), `issued` (SUCCESS),
    /// `failed` (FAIL), `used` (USED), `expired` (EXPIRED).
    CouponStatus { Process, Issued, Failed, Used, Expired }
}

/// Why a coupon failed, with the vendor's resCode: `not_started` (300001), `over` (300002; paused,
/// ended, or past its window), `out_of_stock` and `out_of_money` (300003), `count_total`,
/// `count_day`, `money_total` and `money_day` (300004; the user has reached this limit), `channel`
/// (300005; the channel refused or failed).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::operator) enum FailReason {
    #[allow(missing_docs)]
    NotStarted,
    #[allow(missing_docs)]
    Over,
    #[allow(missing_docs)]
    OutOfStock,
    #[allow(missing_docs)]
    OutOfMoney,
    #[allow(missing_docs)]
    CountTotal,
    #[allow(missing_docs)]
    CountDay,
    #[allow(missing_docs)]
    MoneyTotal,
    #[allow(missing_docs)]
    MoneyDay,
    #[allow(missing_docs)]
    Channel,
}

impl From<campaign::FailReason> for FailReason {
    fn from(it: campaign::FailReason) -> Self {
        use campaign::FailReason as R;
        match it {
            R::NotStarted => Self::NotStarted,
            R::Over => Self::Over,
            R::OutOfStock => Self::OutOfStock,
            R::OutOfMoney => Self::OutOfMoney,
            R::Limit(LimitReached::CountTotal) => Self::CountTotal,
            R::Limit(LimitReached::CountDay) => Self::CountDay,
            R::Limit(LimitReached::MoneyTotal) => Self::MoneyTotal,
            R::Limit(LimitReached::MoneyDay) => Self::MoneyDay,
            R::Channel => Self::Channel,
        }
    }
}

/// One coupon: an order for one, and what became of it.
#[derive(Serialize, ToSchema)]
pub(in crate::operator) struct Coupon {
    /// Its number.
    #[schema(example = "228184215552000001")]
    id: String,
    /// The same as the caller was told it: 28 digits that begin with the time.
    #[schema(example = "2026112110030456700000000001")]
    trade_no: String,
    /// The same once more, as the user's wallet has it; `null` until it is issued.
    #[schema(example = "wxd228184215552000001")]
    third_coupon_id: Option<String>,
    /// The caller's number for it; with `appid` it is unique.
    mer_order_id: String,
    /// The institution that handed it out.
    appid: String,
    /// Of which activity.
    activity_no: String,
    /// What it is a coupon for.
    promotion_id: String,
    /// The WeChat batch.
    batch_code: String,
    /// On whose behalf it was handed out.
    owner_id: String,
    /// Whose, as the institution names them.
    member_id: String,
    /// Whose, as WeChat knows them.
    openid: String,
    /// What it is worth at most, in fen.
    value: i64,
    /// Where it stands.
    status: CouponStatus,
    /// Why it failed, where it did.
    fail_reason: Option<FailReason>,
    /// When it was asked for.
    placed_at: Time,
    /// When its channel is to decide; `null` once it has.
    settle_at: Option<Time>,
    /// When it was issued or failed.
    decided_at: Option<Time>,
    /// When it ends unused.
    expires_at: Option<Time>,
    /// When it was used, expired or was voided.
    closed_at: Option<Time>,
    /// What was to pay before the discount, in fen, where it was used.
    org_amount: Option<i64>,
    /// The discount, in fen.
    promo_amount: Option<i64>,
    /// What was left to pay, in fen.
    total_amount: Option<i64>,
    /// The till's own name for the use.
    reference: Option<String>,
    /// Where the outcome of issuing is told.
    post_notify: Option<String>,
    /// Where its use or end is told.
    write_off_notify: String,
}

impl From<campaign::Coupon> for Coupon {
    fn from(it: campaign::Coupon) -> Self {
        let redeemed = it.redeemed.as_ref();
        let has_it =
            !matches!(it.status, campaign::CouponStatus::Process | campaign::CouponStatus::Failed);
        Self {
            id: it.id.to_string(),
            trade_no: crate::order_number(it.id),
            third_coupon_id: has_it.then(|| format!("{THIRD_PREFIX}{}", it.id)),
            mer_order_id: it.key.mer_order_id.into(),
            appid: it.key.appid.to_string(),
            activity_no: it.activity_no.to_string(),
            promotion_id: it.promotion_id.to_string(),
            batch_code: it.batch_code.into(),
            owner_id: it.owner_id.to_string(),
            member_id: it.member_id.into(),
            openid: it.openid.to_string(),
            value: it.value.0,
            status: it.status.into(),
            fail_reason: it.failed.map(Into::into),
            placed_at: Time(it.placed_at),
            settle_at: it.settle_at.map(Time),
            decided_at: it.decided_at.map(Time),
            expires_at: it.expires_at.map(Time),
            closed_at: it.closed_at.map(Time),
            org_amount: redeemed.map(|it| it.org_amount.0),
            promo_amount: redeemed.map(|it| it.promo_amount.0),
            total_amount: redeemed.map(|it| it.total_amount().0),
            reference: redeemed.map(|it| it.reference.to_string()),
            post_notify: it.post_notify.map(Into::into),
            write_off_notify: it.write_off_notify.into(),
        }
    }
}

impl Record for Coupon {
    const LIST: &'static str = "coupons";
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "trade_no",
        "third_coupon_id",
        "mer_order_id",
        "appid",
        "activity_no",
        "promotion_id",
        "batch_code",
        "owner_id",
        "member_id",
        "openid",
        "value",
        "status",
        "fail_reason",
        "placed_at",
        "settle_at",
        "decided_at",
        "expires_at",
        "closed_at",
        "org_amount",
        "promo_amount",
        "total_amount",
        "reference",
        "post_notify",
        "write_off_notify",
    ];
}

/// Which coupons. All that is given must match.
#[derive(Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::operator) struct WhichCoupons {
    /// Of this activity.
    activity_no: Option<String>,
    /// Handed out by this institution.
    appid: Option<String>,
    /// On behalf of this owner.
    owner_id: Option<String>,
    /// Of this user, as WeChat knows them.
    openid: Option<String>,
    /// Of this user, as the institution names them.
    member_id: Option<String>,
    /// That stand here.
    #[param(inline)]
    status: Option<CouponStatus>,
    /// Asked for at or after this moment …
    #[param(value_type = Option<String>, example = "2026-11-21 00:00:00")]
    from: Option<Time>,
    /// … and before this one.
    #[param(value_type = Option<String>, example = "2026-11-22 00:00:00")]
    until: Option<Time>,
}

impl WhichCoupons {
    fn for_store(&self) -> CouponFilter {
        CouponFilter {
            activity_no: self.activity_no.as_deref().map(ActivityNo::from),
            appid: self.appid.as_deref().map(InstitutionId::from),
            owner_id: self.owner_id.as_deref().map(OwnerId::from),
            openid: self.openid.as_deref().map(OpenId::from),
            member_id: self.member_id.clone(),
            status: self.status.map(Into::into),
            from: self.from.map(|time| time.0),
            until: self.until.map(|time| time.0),
        }
    }
}

/// Lists coupons.
#[utoipa::path(
    get, path = "/coupons", operation_id = "list_coupons", tag = "coupons",
    params(WhichCoupons, Paging),
    responses(
        (status = 200, description = "A page, or all as CSV", content(
            (Listing<Coupon> = "application/json"), (String = "text/csv"))),
        Reading,
    )
)]
pub(in crate::operator) async fn list(
    operator: Operator<Reads>,
    list: List<WhichCoupons>,
) -> Result<Response, Problem> {
    list.answer(&operator, |reader, filter, page| {
        Ok(shown(reader.coupons(&filter.for_store(), page)?, Coupon::from))
    })
    .await
}

/// Shows a coupon.
#[utoipa::path(
    get, path = "/coupons/{coupon}", operation_id = "get_coupon", tag = "coupons",
    params(("coupon" = String, Path,
        description = "Its `id`, its `trade_no` or its `third_coupon_id`")),
    responses((status = 200, description = "It", body = Coupon), Getting)
)]
pub(in crate::operator) async fn get(
    operator: Operator<Reads>,
    Named(named): Named<String>,
) -> Result<axum::Json<Coupon>, Problem> {
    let id = known(&named)?;
    let found = operator.find("coupon", &named, move |reader| reader.coupon(id)).await?;
    Ok(axum::Json(found.into()))
}

/// The coupon a path names in any of its three spellings.
pub(super) fn known(named: &str) -> Result<Id, Problem> {
    coupon_number(named).ok_or_else(|| Problem::unknown("coupon", named))
}

/// A coupon's number in any of its three spellings.
pub(in crate::operator) fn coupon_number(text: &str) -> Option<Id> {
    match text.strip_prefix(THIRD_PREFIX) {
        Some(number) => number.parse().ok().map(Id),
        None => order_number(text),
    }
}
