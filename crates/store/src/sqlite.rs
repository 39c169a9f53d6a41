//! The embedded store. (Signatures only for now.)
#![allow(clippy::todo, missing_docs, unused_variables)]

use std::sync::Arc;

use huodong_campaign::*;
use jiff::Timestamp;

use crate::query::*;
use crate::{Opened, StoreError, StoreOptions};

pub struct Store;

impl Store {
    /// Opens or makes the database, migrates it, takes the write lock. `first_account`: the OUTSIDE account exists afterwards.
    pub fn open(options: &StoreOptions) -> Result<(Self, Opened), StoreError> {
        todo!()
    }
    /// The highest number ever given out (0 in a new database).
    pub fn last_id(&self) -> i64 {
        todo!()
    }
    /// Begins a transaction and loads what is wanted, and what hangs on it.
    pub fn load(&mut self, wanted: &Wanted<'_>, world: &mut World) -> Result<(), StoreError> {
        todo!()
    }
    /// Saves what changed and commits. After an error the transaction is gone.
    pub fn save(&mut self, world: &World) -> Result<(), StoreError> {
        todo!()
    }
    /// Ends the transaction without saving (a batch in which nothing changed).
    pub fn rollback(&mut self) {
        todo!()
    }
    /// Empties every table (the sandbox's reset).
    pub fn wipe(&mut self) -> Result<(), StoreError> {
        todo!()
    }
    pub fn reader(&self) -> Reader {
        todo!()
    }
}

/// Answers from what is committed. Cheap to clone; calls block, so run them off the async threads.
#[derive(Clone, Debug)]
pub struct Reader(Arc<()>);

impl Reader {
    pub fn organization(&self, org_no: &OrgNo) -> Result<Option<Organization>, StoreError> {
        todo!()
    }
    pub fn organizations(&self, page: PageRequest) -> Result<Page<Organization>, StoreError> {
        todo!()
    }
    pub fn application(&self, appid: &AppId) -> Result<Option<Application>, StoreError> {
        todo!()
    }
    pub fn applications(
        &self,
        org_no: Option<&OrgNo>,
        page: PageRequest,
    ) -> Result<Page<Application>, StoreError> {
        todo!()
    }
    /// Every application with its bids: what the server keeps in memory to let callers in.
    pub fn all_applications(&self) -> Result<Vec<(Application, Vec<Bid>)>, StoreError> {
        todo!()
    }
    pub fn bids(
        &self,
        appid: Option<&AppId>,
        page: PageRequest,
    ) -> Result<Page<BidGrant>, StoreError> {
        todo!()
    }
    pub fn project(&self, project_no: &ProjectNo) -> Result<Option<Project>, StoreError> {
        todo!()
    }
    pub fn projects(&self, page: PageRequest) -> Result<Page<Project>, StoreError> {
        todo!()
    }
    /// An activity and its frozen and held balance.
    pub fn activity(
        &self,
        activity_no: &ActivityNo,
    ) -> Result<Option<(Activity, Fen, Fen)>, StoreError> {
        todo!()
    }
    pub fn activities(
        &self,
        filter: &ActivityFilter,
        page: PageRequest,
    ) -> Result<Page<(Activity, Fen, Fen)>, StoreError> {
        todo!()
    }
    pub fn donation(&self, id: Id) -> Result<Option<Donation>, StoreError> {
        todo!()
    }
    pub fn donation_by_key(&self, key: &DonationKey) -> Result<Option<Donation>, StoreError> {
        todo!()
    }
    pub fn donations(
        &self,
        filter: &DonationFilter,
        page: PageRequest,
    ) -> Result<Page<Donation>, StoreError> {
        todo!()
    }
    pub fn donation_totals(&self, activity_no: &ActivityNo) -> Result<DonationTotals, StoreError> {
        todo!()
    }
    pub fn user_usage(&self, key: &UserKey) -> Result<UserUsage, StoreError> {
        todo!()
    }
    pub fn flower(&self, key: &FlowerKey) -> Result<Option<FlowerGrant>, StoreError> {
        todo!()
    }
    pub fn flowers(
        &self,
        filter: &FlowerFilter,
        page: PageRequest,
    ) -> Result<Page<FlowerGrant>, StoreError> {
        todo!()
    }
    pub fn user_flowers(&self, key: &UserFlowersKey) -> Result<UserFlowers, StoreError> {
        todo!()
    }
    pub fn account(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        todo!()
    }
    pub fn accounts(
        &self,
        filter: &AccountFilter,
        page: PageRequest,
    ) -> Result<Page<Account>, StoreError> {
        todo!()
    }
    pub fn transfers(
        &self,
        filter: &TransferFilter,
        page: PageRequest,
    ) -> Result<Page<Transfer>, StoreError> {
        todo!()
    }
    pub fn trial_balance(&self) -> Result<TrialBalance, StoreError> {
        todo!()
    }
    pub fn audit_log(
        &self,
        filter: &AuditFilter,
        page: PageRequest,
    ) -> Result<Page<AuditEntry>, StoreError> {
        todo!()
    }
    pub fn token_by_digest(&self, digest: &[u8; 32]) -> Result<Option<OperatorToken>, StoreError> {
        todo!()
    }
    pub fn tokens(&self) -> Result<Vec<OperatorToken>, StoreError> {
        todo!()
    }
    /// Placed donations whose settle_at is at or before `now`, oldest first.
    pub fn due_settlements(&self, now: Timestamp, limit: usize) -> Result<Vec<Id>, StoreError> {
        todo!()
    }
    /// Activities not ended whose ends_at is at or before `now`.
    pub fn due_ends(&self, now: Timestamp, limit: usize) -> Result<Vec<ActivityNo>, StoreError> {
        todo!()
    }
    /// The next moment either of the two above has something.
    pub fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        todo!()
    }
    /// Cheap: can the database be read?
    pub fn ping(&self) -> Result<(), StoreError> {
        todo!()
    }
    /// Checks every invariant of the whole database.
    pub fn verify(&self) -> Result<AuditReport, StoreError> {
        todo!()
    }
}

/// What [`Reader::verify`] checked and what it found wrong.
pub struct AuditReport {
    /// (what was checked, how many rows).
    pub checked: Vec<(String, u64)>,
    /// What is wrong; empty when all holds.
    pub violations: Vec<String>,
}
