//! The double-entry ledger.

use axum::response::Response;
use huodong_campaign::{self as campaign, AccountId};
use huodong_store::{AccountFilter, TransferFilter};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::auth::{Operator, Reads};
use super::csv::Record;
use super::document::Reading;
use super::donations::order_number;
use super::list::{List, Listing, Paging, shown};
use super::problem::{Kind, Problem};
use super::values::{Time, words};

words! {
    /// What an account is for: `outside` (where deposits come from; the only one below zero),
    /// `organization` (money no activity holds; owner is the org_no), `frozen` and `held` (an
    /// activity's money that no order holds, and that placed donations and living coupons hold;
    /// owner is the activity_no), `project` (what it received; owner is the project_no), `spent`
    /// (what an activity's coupons were redeemed for; owner is the activity_no).
    AccountKind { Outside, Organization, Frozen, Held, Project, Spent }

    /// Why money moved: `deposit` (outside → organization), `withdraw` (back), `fund`
    /// (organization → frozen), `hold` (frozen → held), `pay` (frozen or held → project), `return`
    /// (held → frozen, or organization), `refund` (project → frozen, or organization), `release`
    /// (frozen → organization), `spend` (held → spent).
    TransferReason { Deposit, Withdraw, Fund, Hold, Pay, Return, Refund, Release, Spend }
}

/// One account.
#[derive(Serialize, ToSchema)]
pub(super) struct Account {
    /// Its number.
    id: String,
    /// What it is for.
    kind: AccountKind,
    /// Whose it is; empty for the outside.
    owner: String,
    /// The sum of transfers to it less those from it, in fen.
    balance: i64,
}

impl From<campaign::Account> for Account {
    fn from(it: campaign::Account) -> Self {
        Self { id: it.id.to_string(), kind: it.kind.into(), owner: it.owner, balance: it.balance.0 }
    }
}

impl Record for Account {
    const LIST: &'static str = "accounts";
    const COLUMNS: &'static [&'static str] = &["id", "kind", "owner", "balance"];
}

/// Which accounts. All that is given must match.
#[derive(Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct WhichAccounts {
    /// Of this kind.
    #[param(inline)]
    kind: Option<AccountKind>,
    /// Of this owner.
    owner: Option<String>,
}

/// Lists accounts.
#[utoipa::path(
    get, path = "/ledger/accounts", operation_id = "list_accounts", tag = "ledger",
    params(WhichAccounts, Paging),
    responses(
        (status = 200, description = "A page, or all as CSV", content(
            (Listing<Account> = "application/json"), (String = "text/csv"))),
        Reading,
    )
)]
pub(super) async fn accounts(
    operator: Operator<Reads>,
    list: List<WhichAccounts>,
) -> Result<Response, Problem> {
    list.answer(&operator, |reader, filter, page| {
        let kind = filter.kind.map(Into::into);
        let filter = AccountFilter { kind, owner: filter.owner.clone() };
        Ok(shown(reader.accounts(&filter, page)?, Account::from))
    })
    .await
}

/// One movement of money.
#[derive(Serialize, ToSchema)]
pub(super) struct Transfer {
    /// Its number.
    id: String,
    /// The account the money came from.
    from: String,
    /// The account it went to.
    to: String,
    /// How much, in fen.
    money: i64,
    /// Why.
    reason: TransferReason,
    /// The donation or coupon it was for.
    order: Option<String>,
    /// The same as the caller was told it: a donation's `donate_transcode`, a coupon's `trade_no`.
    donate_transcode: Option<String>,
    /// When, by the business clock.
    at: Time,
}

impl From<campaign::Transfer> for Transfer {
    fn from(it: campaign::Transfer) -> Self {
        Self {
            id: it.id.to_string(),
            from: it.from.to_string(),
            to: it.to.to_string(),
            money: it.amount.0,
            reason: it.reason.into(),
            order: it.order.map(|id| id.to_string()),
            donate_transcode: it.order.map(crate::order_number),
            at: Time(it.at),
        }
    }
}

impl Record for Transfer {
    const LIST: &'static str = "transfers";
    const COLUMNS: &'static [&'static str] =
        &["id", "from", "to", "money", "reason", "order", "donate_transcode", "at"];
}

/// Which transfers. All that is given must match.
#[derive(Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct WhichTransfers {
    /// From or to the account with this number.
    account: Option<String>,
    /// For this donation, by its `id` or its `donate_transcode`, or for this coupon, by its `id` or
    /// its `trade_no`.
    order: Option<String>,
    /// Made for this reason.
    #[param(inline)]
    reason: Option<TransferReason>,
    /// Made at or after this moment …
    #[param(value_type = Option<String>, example = "2026-11-21 00:00:00")]
    from: Option<Time>,
    /// … and before this one.
    #[param(value_type = Option<String>, example = "2026-11-22 00:00:00")]
    until: Option<Time>,
}

impl TryFrom<&WhichTransfers> for TransferFilter {
    type Error = Problem;

    fn try_from(asked: &WhichTransfers) -> Result<Self, Problem> {
        let bad = |field: &str| {
            Problem::new(Kind::Malformed, format!("{field}: is not a number")).about(field)
        };
        let account = asked.account.as_deref().map(str::parse).transpose();
        let order =
            asked.order.as_deref().map(|text| order_number(text).ok_or_else(|| bad("order")));
        Ok(Self {
            account: account.map_err(|_| bad("account"))?.map(AccountId),
            order: order.transpose()?,
            reason: asked.reason.map(Into::into),
            from: asked.from.map(|time| time.0),
            until: asked.until.map(|time| time.0),
        })
    }
}

/// Lists transfers.
#[utoipa::path(
    get, path = "/ledger/transfers", operation_id = "list_transfers", tag = "ledger",
    params(WhichTransfers, Paging),
    responses(
        (status = 200, description = "A page, or all as CSV", content(
            (Listing<Transfer> = "application/json"), (String = "text/csv"))),
        Reading,
    )
)]
pub(super) async fn transfers(
    operator: Operator<Reads>,
    list: List<WhichTransfers>,
) -> Result<Response, Problem> {
    let list = list.try_map(|asked| TransferFilter::try_from(&asked))?;
    list.answer(&operator, |reader, filter, page| {
        Ok(shown(reader.transfers(filter, page)?, Transfer::from))
    })
    .await
}

/// The ledger summed up.
#[derive(Serialize, ToSchema)]
pub(super) struct TrialBalance {
    /// For each kind of account.
    kinds: Vec<KindBalance>,
    /// The sum over all accounts, in fen: zero, or the ledger is broken.
    sum: i64,
    /// Whether it is zero.
    balanced: bool,
}

/// The accounts of one kind.
#[derive(Serialize, ToSchema)]
pub(super) struct KindBalance {
    /// The kind.
    kind: AccountKind,
    /// How many there are.
    accounts: u64,
    /// The sum of their balances, in fen.
    balance: i64,
}

/// Sums the ledger up.
#[utoipa::path(
    get, path = "/ledger/trial-balance", operation_id = "get_trial_balance", tag = "ledger",
    responses((status = 200, description = "The trial balance", body = TrialBalance), Reading)
)]
pub(super) async fn trial_balance(
    operator: Operator<Reads>,
) -> Result<axum::Json<TrialBalance>, Problem> {
    let trial = operator.read(|reader| reader.trial_balance()).await?;
    let kinds = trial.kinds.into_iter().map(|(kind, accounts, balance)| KindBalance {
        kind: kind.into(),
        accounts,
        balance: balance.0,
    });
    Ok(axum::Json(TrialBalance {
        kinds: kinds.collect(),
        sum: trial.sum.0,
        balanced: trial.sum.0 == 0,
    }))
}
