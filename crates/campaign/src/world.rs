use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;

use jiff::{SignedDuration, Timestamp};

use crate::time::day_begins;
use crate::{
    Account, AccountId, AccountKind, Activity, ActivityNo, AlipayPid, AppId, Application, Attempt,
    AuditEntry, Bid, BidGrant, Callback, CampaignNo, CertId, Coupon, CouponKey, Donation,
    DonationKey, Enrolment, EnrolmentKey, Fen, FlowerGrant, FlowerKey, GatewayRequest, Id,
    Initiator, Institution, InstitutionId, MercId, Merchant, OUTSIDE, OpenidPage, OperatorToken,
    OrgNo, Organization, Photo, PhotoContent, PlatformKey, PlatformSerial, Posting, PostingKey,
    Project, ProjectNo, RequestKey, TokenId, Transfer, TransferReason, UserFlowers, UserFlowersKey,
    UserKey, UserUsage,
};

/// The rows one batch needs, named by its commands before anything is loaded.
///
/// The store also loads what hangs on them: the accounts of organizations, projects and
/// activities, the order behind a donation's or coupon's key, for a donation its activity (with its
/// organization), project and user's usage, for a coupon its activity and user's usage, for a
/// callback its coupon (with nothing that hangs on that), and the merchant behind an Alipay PID.
#[derive(Debug, Default)]
pub struct Wanted<'a> {
    /// Organizations, with their accounts.
    pub organizations: BTreeSet<&'a OrgNo>,
    /// Applications.
    pub applications: BTreeSet<&'a AppId>,
    /// Bids.
    pub bids: BTreeSet<&'a Bid>,
    /// Projects, with their accounts.
    pub projects: BTreeSet<&'a ProjectNo>,
    /// Activities, with their accounts and their organization.
    pub activities: BTreeSet<&'a ActivityNo>,
    /// Donations by the caller's key.
    pub donation_keys: Vec<&'a DonationKey>,
    /// Donations by number, with all they hang on.
    pub donations: BTreeSet<Id>,
    /// Coupons by the caller's key.
    pub coupon_keys: Vec<&'a CouponKey>,
    /// Coupons by number, with all they hang on.
    pub coupons: BTreeSet<Id>,
    /// Callbacks by number, with their coupons.
    pub callbacks: BTreeSet<Id>,
    /// Institutions.
    pub institutions: BTreeSet<&'a InstitutionId>,
    /// Openid pages.
    pub openid_pages: BTreeSet<&'a CampaignNo>,
    /// All platform keys; there are few.
    pub platform_keys: bool,
    /// Initiators.
    pub initiators: BTreeSet<&'a CertId>,
    /// Merchants.
    pub merchants: BTreeSet<&'a MercId>,
    /// Merchants, by what Alipay knows them as.
    pub alipay_pids: BTreeSet<&'a AlipayPid>,
    /// Photos, without their contents.
    pub photos: BTreeSet<Id>,
    /// Enrolments by number.
    pub enrolments: BTreeSet<Id>,
    /// The newest enrolment of each of these.
    pub enrolment_keys: BTreeSet<&'a EnrolmentKey>,
    /// Calls that were answered, by the caller's key.
    pub gateway_requests: Vec<&'a RequestKey>,
    /// What users have taken.
    pub usages: Vec<UserKey>,
    /// Flower exchanges by the caller's key.
    pub flower_keys: Vec<&'a FlowerKey>,
    /// Flowers a user has received.
    pub user_flowers: Vec<UserFlowersKey>,
    /// Operator tokens.
    pub tokens: BTreeSet<&'a TokenId>,
    /// Movements of money by the caller's name for them.
    pub postings: BTreeSet<&'a PostingKey>,
}

/// Whether a row must be saved, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowState {
    /// As it was loaded.
    Clean,
    /// Loaded, then changed.
    Changed,
    /// Made by this batch.
    New,
}

/// A row of the world.
#[derive(Clone, Debug)]
pub struct Row<V> {
    /// What it says now.
    pub value: V,
    /// What saving it takes.
    pub state: RowState,
}

/// The rows of one kind that a batch works on.
#[derive(Clone, Debug)]
pub struct Table<K, V> {
    rows: HashMap<K, Row<V>>,
    changed: bool,
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self { rows: HashMap::new(), changed: false }
    }
}

impl<K: Eq + Hash, V> Table<K, V> {
    /// A row as it stands.
    pub fn get<Q>(&self, key: &Q) -> Option<&V>
    where
        K: std::borrow::Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.rows.get(key).map(|row| &row.value)
    }

    /// A row to change; it will be saved.
    pub fn change<Q>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: std::borrow::Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let row = self.rows.get_mut(key)?;
        self.changed = true;
        if row.state == RowState::Clean {
            row.state = RowState::Changed;
        }
        Some(&mut row.value)
    }

    /// Adds a row this batch made.
    pub fn insert(&mut self, key: K, value: V) {
        self.changed = true;
        let before = self.rows.insert(key, Row { value, state: RowState::New });
        debug_assert!(before.is_none(), "a new row takes a free key");
    }

    /// Sets a row, whether or not it is there.
    pub fn put(&mut self, key: K, value: V) {
        self.changed = true;
        match self.rows.entry(key) {
            Entry::Occupied(mut slot) => {
                let state = match slot.get().state {
                    RowState::New => RowState::New,
                    RowState::Clean | RowState::Changed => RowState::Changed,
                };
                slot.insert(Row { value, state });
            }
            Entry::Vacant(slot) => {
                slot.insert(Row { value, state: RowState::New });
            }
        }
    }

    /// Adds a row the store loaded. A row already there stays.
    pub fn loaded(&mut self, key: K, value: V) {
        self.rows.entry(key).or_insert(Row { value, state: RowState::Clean });
    }

    /// Takes a row away. Nothing of it is saved; that it goes from what is stored is for the caller
    /// to see to.
    pub fn remove<Q>(&mut self, key: &Q) -> Option<V>
    where
        K: std::borrow::Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.rows.remove(key).map(|row| row.value)
    }

    /// True when the row is there.
    pub fn contains<Q>(&self, key: &Q) -> bool
    where
        K: std::borrow::Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.rows.contains_key(key)
    }

    /// What the store must save, in no order.
    pub fn unsaved(&self) -> impl Iterator<Item = (&K, &Row<V>)> {
        self.rows.iter().filter(|(_, row)| row.state != RowState::Clean)
    }

    /// True when there is anything to save.
    pub fn is_changed(&self) -> bool {
        self.changed
    }

    /// Every row, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.rows.iter().map(|(key, row)| (key, &row.value))
    }

    /// After a save: what is here is what is stored.
    pub fn mark_clean(&mut self) {
        self.changed = false;
        for row in self.rows.values_mut() {
            row.state = RowState::Clean;
        }
    }
}

/// How far nodes' clocks may be apart, and no limit is passed by it.
const CLOCKS_APART_MAX: SignedDuration = SignedDuration::from_mins(1);

/// The rows one batch works on, the time it happens at and the ids it may give out.
#[derive(Clone, Debug)]
pub struct World {
    /// The business clock's time, one for the whole batch.
    pub now: Timestamp,
    next_id: i64,
    id_step: i64,
    /// Organizations by number.
    pub organizations: Table<OrgNo, Organization>,
    /// Applications by id.
    pub applications: Table<AppId, Application>,
    /// Bids.
    pub bids: Table<Bid, BidGrant>,
    /// Projects by number.
    pub projects: Table<ProjectNo, Project>,
    /// Activities by number.
    pub activities: Table<ActivityNo, Activity>,
    /// Accounts by number.
    pub accounts: Table<AccountId, Account>,
    /// Donations by number.
    pub donations: Table<Id, Donation>,
    /// The caller's key → the donation.
    pub donation_keys: Table<DonationKey, Id>,
    /// Coupons by number.
    pub coupons: Table<Id, Coupon>,
    /// The caller's key → the coupon.
    pub coupon_keys: Table<CouponKey, Id>,
    /// Callbacks by number.
    pub callbacks: Table<Id, Callback>,
    /// Institutions by appid.
    pub institutions: Table<InstitutionId, Institution>,
    /// Openid pages by campaign.
    pub openid_pages: Table<CampaignNo, OpenidPage>,
    /// Platform keys by serial number.
    pub platform_keys: Table<PlatformSerial, PlatformKey>,
    /// Initiators by certId.
    pub initiators: Table<CertId, Initiator>,
    /// Merchants by number.
    pub merchants: Table<MercId, Merchant>,
    /// What Alipay knows a merchant as → the merchant.
    pub alipay_pids: Table<(CertId, AlipayPid), MercId>,
    /// Photos by number.
    pub photos: Table<Id, Photo>,
    /// Enrolments by number.
    pub enrolments: Table<Id, Enrolment>,
    /// Who enrols for what → the newest enrolment.
    pub latest_enrolments: Table<EnrolmentKey, Id>,
    /// Calls that were answered, by the caller's key.
    pub gateway_requests: Table<RequestKey, GatewayRequest>,
    /// What users hold of activities that limit them.
    pub usages: Table<UserKey, UserUsage>,
    /// Flower exchanges by the caller's key.
    pub flowers: Table<FlowerKey, FlowerGrant>,
    /// Flowers received, by user.
    pub user_flowers: Table<UserFlowersKey, UserFlowers>,
    /// Operator tokens.
    pub tokens: Table<TokenId, OperatorToken>,
    /// Movements of money by the caller's name for them.
    pub postings: Table<PostingKey, Posting>,
    /// Contents of photos this batch stored, in order; some may be stored already.
    pub photo_contents: Vec<PhotoContent>,
    /// Photos this batch removed; they are in the table above no more.
    pub removed_photos: Vec<Photo>,
    /// Attempts at callbacks this batch recorded, in order.
    pub attempts: Vec<Attempt>,
    /// Transfers this batch made, in order.
    pub transfers: Vec<Transfer>,
    /// Audit entries this batch made, in order.
    pub audit: Vec<AuditEntry>,
}

impl World {
    /// An empty world at `now`, giving out ids from `first_id` on.
    pub fn new(now: Timestamp, first_id: i64) -> Self {
        Self {
            now,
            next_id: first_id,
            id_step: 1,
            organizations: Table::default(),
            applications: Table::default(),
            bids: Table::default(),
            projects: Table::default(),
            activities: Table::default(),
            accounts: Table::default(),
            donations: Table::default(),
            donation_keys: Table::default(),
            coupons: Table::default(),
            coupon_keys: Table::default(),
            callbacks: Table::default(),
            institutions: Table::default(),
            openid_pages: Table::default(),
            platform_keys: Table::default(),
            initiators: Table::default(),
            merchants: Table::default(),
            alipay_pids: Table::default(),
            photos: Table::default(),
            enrolments: Table::default(),
            latest_enrolments: Table::default(),
            gateway_requests: Table::default(),
            usages: Table::default(),
            flowers: Table::default(),
            user_flowers: Table::default(),
            tokens: Table::default(),
            postings: Table::default(),
            photo_contents: Vec::new(),
            removed_photos: Vec::new(),
            attempts: Vec::new(),
            transfers: Vec::new(),
            audit: Vec::new(),
        }
    }

    /// Sets the time, once everything is loaded. Another node's clock may be a little ahead: where
    /// it has counted something on a day that has not begun by this one's, that day begins, or the
    /// day before would be counted from nothing again. What lies further ahead was counted before
    /// somebody put a sandbox's clock back.
    pub fn set_time(&mut self, now: Timestamp) {
        let usages = self.usages.iter().map(|(_, usage)| usage.day);
        let flowers = self.user_flowers.iter().map(|(_, had)| had.day);
        let latest = usages.chain(flowers).max().map(day_begins);
        let ahead = latest.filter(|begins| begins.duration_since(now) <= CLOCKS_APART_MAX);
        self.now = ahead.map_or(now, |begins| begins.max(now));
    }

    /// Gives out ids from here on.
    pub fn number_from(&mut self, first_id: i64) {
        self.next_id = first_id;
    }

    /// Gives out every `step`-th id only: the others are for other nodes.
    pub fn number_by(mut self, step: i64) -> Self {
        self.id_step = step;
        self
    }

    /// The next number of the sequence.
    pub fn take_id(&mut self) -> Id {
        let id = Id(self.next_id);
        self.next_id += self.id_step;
        id
    }

    /// The number the next [`World::take_id`] would give.
    pub fn next_id(&self) -> i64 {
        self.next_id
    }

    /// True when there is anything to save.
    pub fn is_changed(&self) -> bool {
        self.organizations.is_changed()
            || self.applications.is_changed()
            || self.bids.is_changed()
            || self.projects.is_changed()
            || self.activities.is_changed()
            || self.accounts.is_changed()
            || self.donations.is_changed()
            || self.coupons.is_changed()
            || self.callbacks.is_changed()
            || self.institutions.is_changed()
            || self.openid_pages.is_changed()
            || self.platform_keys.is_changed()
            || self.initiators.is_changed()
            || self.merchants.is_changed()
            || self.photos.is_changed()
            || !self.removed_photos.is_empty()
            || self.enrolments.is_changed()
            || self.gateway_requests.is_changed()
            || self.usages.is_changed()
            || self.flowers.is_changed()
            || self.tokens.is_changed()
            || self.postings.is_changed()
    }

    /// Opens an account with nothing in it.
    pub fn open_account(&mut self, kind: AccountKind, owner: &str) -> AccountId {
        let id = AccountId(self.take_id().0);
        self.accounts.insert(id, Account { id, kind, owner: owner.to_owned(), balance: Fen::ZERO });
        id
    }

    /// What an account holds; nothing where it was not loaded.
    pub fn balance(&self, account: AccountId) -> Fen {
        self.accounts.get(&account).map_or(Fen::ZERO, |account| account.balance)
    }

    /// True when `amount` can leave `from`.
    pub fn covers(&self, from: AccountId, amount: Fen) -> bool {
        from == OUTSIDE || self.balance(from) >= amount
    }

    /// Moves money. The caller has asked [`World::covers`]; what is moved here is conserved by
    /// construction.
    ///
    /// # Panics
    /// When an account is missing, is overdrawn or overflows: the rules above let that through, so
    /// the batch must not be saved.
    pub fn transfer(
        &mut self,
        from: AccountId,
        to: AccountId,
        amount: Fen,
        reason: TransferReason,
        order: Option<Id>,
    ) {
        assert!(amount.is_positive(), "a transfer moves money");
        assert!(self.covers(from, amount), "account {from} is overdrawn");
        let source = self.accounts.change(&from).expect("the source account is loaded");
        source.balance = source.balance.checked_sub(amount).expect("the balance fits");
        let target = self.accounts.change(&to).expect("the target account is loaded");
        target.balance = target.balance.checked_add(amount).expect("the balance fits");
        let id = self.take_id();
        self.transfers.push(Transfer { id, from, to, amount, reason, order, at: self.now });
    }
}
