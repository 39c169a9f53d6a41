//! Accounts and who they belong to.

use std::collections::HashMap;

use huodong_campaign::{
    Account, AccountId, AccountKind, Activity, ActivityKind, ActivityStatus, OUTSIDE,
};

use super::super::rows;
use super::AuditReport;
use super::orders::Totals;
use crate::StoreError;
use crate::sql::{Connection, Row};

/// An account with what the transfers make of it.
pub(super) struct Ledgered {
    pub(super) account: Account,
    /// The sum of transfers to it less those from it.
    pub(super) moved: i128,
    /// Of a frozen account: funded less released.
    pub(super) funded: i128,
}

/// An activity with what its donations or coupons make of it.
pub(super) struct Campaign {
    pub(super) activity: Activity,
    /// The account of its organization.
    pub(super) organization: AccountId,
    pub(super) placed: i128,
    pub(super) paid: i128,
    /// Returned or refunded to the organization, as it had ended.
    pub(super) beyond: i128,
    /// What its living coupons hold.
    pub(super) holding: i128,
    /// What its coupons were redeemed for.
    pub(super) redeemed: i128,
    pub(super) totals: Totals,
    pub(super) coupon_totals: Totals,
}

/// What orders refer to, by its small number.
pub(super) struct Campaigns {
    pub(super) accounts: HashMap<AccountId, Ledgered>,
    pub(super) activities: HashMap<i64, Campaign>,
    /// A project's account, and what its paid donations sum up to.
    pub(super) projects: HashMap<i64, (AccountId, i128)>,
    pub(super) bids: HashMap<i64, Box<str>>,
    pub(super) applications: HashMap<i64, Box<str>>,
    pub(super) institutions: HashMap<i64, Box<str>>,
}

impl Campaigns {
    pub(super) fn check(conn: &Connection, report: &mut AuditReport) -> Result<Self, StoreError> {
        let accounts: HashMap<_, _> = all(conn, rows::ACCOUNTS, rows::account)?
            .into_iter()
            .map(|(_, account)| (account.id, Ledgered { account, moved: 0, funded: 0 }))
            .collect();
        let mut owned = Owned { accounts: &accounts, count: 0, report };
        owned.expect(OUTSIDE, AccountKind::Outside, "");

        let organizations: HashMap<_, _> = all(conn, rows::ORGANIZATIONS, rows::organization)?
            .into_iter()
            .map(|(_, found)| {
                owned.expect(found.account, AccountKind::Organization, found.org_no.as_str());
                (found.org_no, found.account)
            })
            .collect();
        let projects = all(conn, rows::PROJECTS, rows::project)?
            .into_iter()
            .map(|(no, found)| {
                owned.expect(found.account, AccountKind::Project, found.project_no.as_str());
                (no, (found.account, 0))
            })
            .collect();
        let mut activities = HashMap::new();
        for (no, activity) in all(conn, rows::ACTIVITIES, rows::activity)? {
            let owner = activity.activity_no.as_str();
            owned.expect(activity.frozen, AccountKind::Frozen, owner);
            owned.expect(activity.held, AccountKind::Held, owner);
            if let Some(offer) = &activity.coupon {
                owned.expect(offer.spent, AccountKind::Spent, owner);
            }
            let hands_out = activity.kind == ActivityKind::Coupon;
            owned.report.expect(activity.coupon.is_some() == hands_out, || {
                format!(
                    "activity {owner} is of kind {:?} with an offer of the other",
                    activity.kind
                )
            });
            let organization = organizations.get(&activity.org_no).copied();
            owned.report.expect(organization.is_some(), || {
                format!("activity {owner} belongs to no organization")
            });
            let campaign = Campaign {
                organization: organization.unwrap_or(OUTSIDE),
                activity,
                placed: 0,
                paid: 0,
                beyond: 0,
                holding: 0,
                redeemed: 0,
                totals: Totals::new(),
                coupon_totals: Totals::new(),
            };
            activities.insert(no, campaign);
        }
        let count = owned.count;
        report.expect(count == accounts.len(), || {
            format!("{} accounts, of which {count} belong to somebody", accounts.len())
        });
        report.checked("accounts belong to who they say", accounts.len() as u64);
        let bids = all(conn, rows::BIDS, rows::bid)?;
        let bids = bids.into_iter().map(|(no, found)| (no, found.bid.as_str().into())).collect();
        let applications = all(conn, rows::APPLICATIONS, rows::application)?;
        let applications =
            applications.into_iter().map(|(no, found)| (no, found.appid.as_str().into())).collect();
        let institutions = all(conn, rows::INSTITUTIONS, rows::institution)?;
        let institutions =
            institutions.into_iter().map(|(no, found)| (no, found.appid.as_str().into())).collect();
        Ok(Self { accounts, activities, projects, bids, applications, institutions })
    }

    /// After the ledger and the orders were read: do the balances follow from the orders?
    pub(super) fn check_balances(&self, report: &mut AuditReport) {
        let balance = |id: &AccountId| {
            self.accounts.get(id).map_or(0, |found| i128::from(found.account.balance.0))
        };
        for campaign in self.activities.values() {
            let Campaign { activity, placed, paid, beyond, holding, redeemed, .. } = campaign;
            let no = &activity.activity_no;
            let (held, orders) = (balance(&activity.held), placed + holding);
            report.expect(held == orders, || {
                format!("activity {no} holds {held}; its orders under way sum up to {orders}")
            });
            let funded = self.accounts.get(&activity.frozen).map_or(0, |found| found.funded);
            let taken = orders + paid + redeemed + beyond;
            let (frozen, expected) = (balance(&activity.frozen), funded - taken);
            report.expect(frozen == expected, || {
                format!(
                    "activity {no} has {frozen} frozen; funds less what its orders took are \
                     {expected}"
                )
            });
            let spent = activity.coupon.as_ref().map_or(0, |offer| balance(&offer.spent));
            report.expect(spent == *redeemed, || {
                format!("activity {no} has spent {spent}; its coupons took {redeemed} off")
            });
        }
        report.checked(
            "activities' frozen, held and spent money follows from their orders",
            self.activities.len() as u64,
        );
        for (account, paid) in self.projects.values() {
            let received = balance(account);
            report.expect(received == *paid, || {
                format!("account {account} has {received}; its project was paid {paid}")
            });
        }
        report.checked("projects have what they were paid", self.projects.len() as u64);
    }

    /// True where an activity counts what its users take.
    pub(super) fn limited(&self) -> impl Iterator<Item = (i64, &Activity)> {
        let limited = self.activities.iter().filter(|(_, found)| found.activity.limits.any());
        limited.map(|(no, found)| (*no, &found.activity))
    }
}

impl Campaign {
    /// Where money goes that comes back now.
    pub(super) fn takes_back(&self, account: AccountId) -> bool {
        account == self.activity.frozen
            || (account == self.organization && self.activity.status == ActivityStatus::Ended)
    }
}

struct Owned<'a> {
    accounts: &'a HashMap<AccountId, Ledgered>,
    count: usize,
    report: &'a mut AuditReport,
}

impl Owned<'_> {
    fn expect(&mut self, id: AccountId, kind: AccountKind, owner: &str) {
        let found = self.accounts.get(&id).map(|found| &found.account);
        let right = found.is_some_and(|found| found.kind == kind && found.owner == owner);
        self.report.expect(right, || format!("account {id} is not the {kind:?} one of {owner:?}"));
        self.count += 1;
    }
}

fn all<T>(
    conn: &Connection,
    select: &str,
    map: fn(Row<'_>) -> Result<(i64, T), StoreError>,
) -> Result<Vec<(i64, T)>, StoreError> {
    conn.prepare(select)?.query_and_then((), map)?.collect()
}
