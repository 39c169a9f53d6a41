use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    AccountId, AccountKind, Audited, Command, Fen, OUTSIDE, OrgNo, Posts, TransferReason, Wanted,
    World,
};

/// An enterprise that funds activities.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Organization {
    /// Its number.
    pub org_no: OrgNo,
    /// Its name.
    pub name: String,
    /// The merchant number its payments run under.
    pub merchant_no: String,
    /// Its money that no activity holds.
    pub account: AccountId,
    /// When it joined.
    pub created_at: Timestamp,
}

/// Why a command on an organization was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OrganizationRefusal {
    /// There is one with this number.
    #[error("org_no {0} is taken")]
    Taken(OrgNo),
    /// There is none with this number.
    #[error("org_no {0} is unknown")]
    Unknown(OrgNo),
    /// Money is zero or negative.
    #[error("money must be above zero")]
    NoMoney,
    /// The account holds less.
    #[error("money {asked} is more than the organization's balance {balance}")]
    NotEnough {
        /// What was asked for.
        asked: Fen,
        /// What is there.
        balance: Fen,
    },
    /// The ledger's sum would not fit.
    #[error("money is more than the ledger can hold")]
    TooMuch,
}

/// Takes in an organization.
#[derive(Clone, Debug, Serialize)]
pub struct CreateOrganization {
    /// Its number; made from the sequence where none is given.
    pub org_no: Option<OrgNo>,
    /// Its name.
    pub name: String,
    /// Its merchant number.
    pub merchant_no: String,
}

impl Command for CreateOrganization {
    type Done = Organization;
    type Refusal = OrganizationRefusal;

    fn wants<'a>(&'a self, wanted: &mut Wanted<'a>) {
        wanted.organizations.extend(&self.org_no);
    }

    fn decide(&self, world: &mut World) -> Result<Organization, OrganizationRefusal> {
        if let Some(org_no) = &self.org_no
            && world.organizations.contains(org_no)
        {
            return Err(OrganizationRefusal::Taken(org_no.clone()));
        }
        let org_no =
            self.org_no.clone().unwrap_or_else(|| OrgNo::from(world.take_id().to_string()));
        let organization = Organization {
            org_no: org_no.clone(),
            name: self.name.clone(),
            merchant_no: self.merchant_no.clone(),
            account: world.open_account(AccountKind::Organization, org_no.as_str()),
            created_at: world.now,
        };
        world.organizations.insert(org_no, organization.clone());
        Ok(organization)
    }
}

impl Audited for CreateOrganization {
    const ACTION: &'static str = "organization.create";

    fn subject(&self, done: &Organization) -> String {
        done.org_no.to_string()
    }

    fn detail(&self) -> String {
        crate::audit::json(self)
    }
}

/// Books money that arrived from outside for an organization. Done tells the new balance.
#[derive(Clone, Debug, Serialize)]
pub struct Deposit {
    /// Whose.
    pub org_no: OrgNo,
    /// How much.
    pub money: Fen,
}

impl Command for Deposit {
    type Done = Fen;
    type Refusal = OrganizationRefusal;

    fn wants<'a>(&'a self, wanted: &mut Wanted<'a>) {
        wanted.organizations.insert(&self.org_no);
    }

    fn decide(&self, world: &mut World) -> Result<Fen, OrganizationRefusal> {
        let account = account_of(world, &self.org_no)?;
        if !self.money.is_positive() {
            return Err(OrganizationRefusal::NoMoney);
        }
        // What is outside mirrors all that is inside: while that fits, so does every account, and
        // every sum of accounts.
        let outside = world.balance(OUTSIDE).checked_sub(self.money);
        if outside.is_none_or(|outside| outside < Fen(-i64::MAX)) {
            return Err(OrganizationRefusal::TooMuch);
        }
        world.transfer(OUTSIDE, account, self.money, TransferReason::Deposit, None);
        Ok(world.balance(account))
    }
}

impl Audited for Deposit {
    const ACTION: &'static str = "organization.deposit";

    fn subject(&self, _done: &Fen) -> String {
        self.org_no.to_string()
    }

    fn detail(&self) -> String {
        crate::audit::json(self)
    }
}

impl Posts for Deposit {
    const REASON: TransferReason = TransferReason::Deposit;
    const KIND: AccountKind = AccountKind::Organization;

    fn owner(&self) -> &str {
        self.org_no.as_str()
    }

    fn money(&self) -> Fen {
        self.money
    }

    fn account(&self, world: &World) -> Option<AccountId> {
        account_of(world, &self.org_no).ok()
    }
}

/// Pays an organization's unused money out. Done tells the new balance.
#[derive(Clone, Debug, Serialize)]
pub struct Withdraw {
    /// Whose.
    pub org_no: OrgNo,
    /// How much.
    pub money: Fen,
}

impl Command for Withdraw {
    type Done = Fen;
    type Refusal = OrganizationRefusal;

    fn wants<'a>(&'a self, wanted: &mut Wanted<'a>) {
        wanted.organizations.insert(&self.org_no);
    }

    fn decide(&self, world: &mut World) -> Result<Fen, OrganizationRefusal> {
        let account = account_of(world, &self.org_no)?;
        if !self.money.is_positive() {
            return Err(OrganizationRefusal::NoMoney);
        }
        if !world.covers(account, self.money) {
            let balance = world.balance(account);
            return Err(OrganizationRefusal::NotEnough { asked: self.money, balance });
        }
        world.transfer(account, OUTSIDE, self.money, TransferReason::Withdraw, None);
        Ok(world.balance(account))
    }
}

impl Audited for Withdraw {
    const ACTION: &'static str = "organization.withdraw";

    fn subject(&self, _done: &Fen) -> String {
        self.org_no.to_string()
    }

    fn detail(&self) -> String {
        crate::audit::json(self)
    }
}

impl Posts for Withdraw {
    const REASON: TransferReason = TransferReason::Withdraw;
    const KIND: AccountKind = AccountKind::Organization;

    fn owner(&self) -> &str {
        self.org_no.as_str()
    }

    fn money(&self) -> Fen {
        self.money
    }

    fn account(&self, world: &World) -> Option<AccountId> {
        account_of(world, &self.org_no).ok()
    }
}

fn account_of(world: &World, org_no: &OrgNo) -> Result<AccountId, OrganizationRefusal> {
    let organization = world.organizations.get(org_no);
    organization.map(|found| found.account).ok_or(OrganizationRefusal::Unknown(org_no.clone()))
}
