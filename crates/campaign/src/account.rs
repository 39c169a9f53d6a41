use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{AccountId, Fen, Id};

/// The account of everything outside the platform: where deposits come from. The only one that
/// may be negative; it is what makes the sum over all accounts zero.
pub const OUTSIDE: AccountId = AccountId(1);

/// What an account is for. With `owner` it names the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountKind {
    /// The world's money; owner empty.
    Outside,
    /// An organization's money that no activity holds; owner is the org_no.
    Organization,
    /// An activity's money that no order holds (the vendor's 冻结金额); owner is the activity_no.
    Frozen,
    /// An activity's money that placed donations hold until they settle, and coupons until they are
    /// redeemed; owner is the activity_no.
    Held,
    /// What a project has received; owner is the project_no.
    Project,
    /// What a coupon activity's coupons were redeemed for; owner is the activity_no.
    Spent,
}

/// One account of the double-entry ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Its number.
    pub id: AccountId,
    /// What it is for.
    pub kind: AccountKind,
    /// Whose it is, in the words of `kind`.
    pub owner: String,
    /// The sum of transfers to it less those from it.
    pub balance: Fen,
}

/// Why money moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransferReason {
    /// Outside → organization.
    Deposit,
    /// Organization → outside.
    Withdraw,
    /// Organization → frozen.
    Fund,
    /// Frozen → held: an order was placed and awaits its channel.
    Hold,
    /// Frozen or held → project: the donation is paid.
    Pay,
    /// Held → frozen (or organization, when the activity has ended): the payment failed, the coupon
    /// expired, or it was redeemed for less than it held.
    Return,
    /// Project → frozen (or organization, when the activity has ended): an operator refunded it.
    Refund,
    /// Frozen → organization: the activity ended with money left.
    Release,
    /// Held → spent: a coupon was redeemed.
    Spend,
}

/// One movement of money: the ledger's only kind of entry. Never changed, never deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// Its number; rises with time.
    pub id: Id,
    /// Where the money came from.
    pub from: AccountId,
    /// Where it went.
    pub to: AccountId,
    /// How much; above zero.
    pub amount: Fen,
    /// Why.
    pub reason: TransferReason,
    /// The order it was for, where there is one.
    pub order: Option<Id>,
    /// When, by the business clock.
    pub at: Timestamp,
}
