//! A store in memory. Like the real one it loads only what a batch wants and what hangs on that,
//! and saves only what is marked as changed, so a command that forgets to name a row, or changes one
//! without marking it, is caught here.

mod gateway;

use std::collections::BTreeMap;
use std::sync::Arc;

use huodong_campaign::*;
use jiff::Timestamp;

#[derive(Clone, Debug)]
pub struct Memory {
    pub organizations: BTreeMap<OrgNo, Organization>,
    pub applications: BTreeMap<AppId, Application>,
    pub bids: BTreeMap<Bid, BidGrant>,
    pub projects: BTreeMap<ProjectNo, Project>,
    pub activities: BTreeMap<ActivityNo, Activity>,
    pub accounts: BTreeMap<AccountId, Account>,
    pub donations: BTreeMap<Id, Donation>,
    pub donation_keys: BTreeMap<DonationKey, Id>,
    pub usages: BTreeMap<UserKey, UserUsage>,
    pub flowers: BTreeMap<FlowerKey, FlowerGrant>,
    pub user_flowers: BTreeMap<UserFlowersKey, UserFlowers>,
    pub tokens: BTreeMap<TokenId, OperatorToken>,
    pub postings: BTreeMap<PostingKey, Posting>,
    pub coupons: BTreeMap<Id, Coupon>,
    pub coupon_keys: BTreeMap<CouponKey, Id>,
    pub callbacks: BTreeMap<Id, Callback>,
    pub institutions: BTreeMap<InstitutionId, Institution>,
    pub openid_pages: BTreeMap<CampaignNo, OpenidPage>,
    pub platform_keys: BTreeMap<PlatformSerial, PlatformKey>,
    pub initiators: BTreeMap<CertId, Initiator>,
    pub merchants: BTreeMap<MercId, Merchant>,
    pub photos: BTreeMap<Id, Photo>,
    pub photo_contents: BTreeMap<[u8; 32], Arc<[u8]>>,
    pub enrolments: BTreeMap<Id, Enrolment>,
    pub gateway_requests: BTreeMap<RequestKey, GatewayRequest>,
    pub attempts: Vec<Attempt>,
    pub transfers: Vec<Transfer>,
    pub audit: Vec<AuditEntry>,
    next_id: i64,
}

impl Memory {
    pub fn new() -> Self {
        let outside = Account {
            id: OUTSIDE,
            kind: AccountKind::Outside,
            owner: String::new(),
            balance: Fen::ZERO,
        };
        Self {
            organizations: BTreeMap::new(),
            applications: BTreeMap::new(),
            bids: BTreeMap::new(),
            projects: BTreeMap::new(),
            activities: BTreeMap::new(),
            accounts: BTreeMap::from([(OUTSIDE, outside)]),
            donations: BTreeMap::new(),
            donation_keys: BTreeMap::new(),
            usages: BTreeMap::new(),
            flowers: BTreeMap::new(),
            user_flowers: BTreeMap::new(),
            tokens: BTreeMap::new(),
            postings: BTreeMap::new(),
            coupons: BTreeMap::new(),
            coupon_keys: BTreeMap::new(),
            callbacks: BTreeMap::new(),
            institutions: BTreeMap::new(),
            openid_pages: BTreeMap::new(),
            platform_keys: BTreeMap::new(),
            initiators: BTreeMap::new(),
            merchants: BTreeMap::new(),
            photos: BTreeMap::new(),
            photo_contents: BTreeMap::new(),
            enrolments: BTreeMap::new(),
            gateway_requests: BTreeMap::new(),
            attempts: Vec::new(),
            transfers: Vec::new(),
            audit: Vec::new(),
            next_id: 100,
        }
    }

    pub fn load(&self, wanted: &Wanted<'_>, now: Timestamp) -> World {
        let mut world = World::new(now, self.next_id);
        self.load_account(&mut world, OUTSIDE);
        for org_no in &wanted.organizations {
            self.load_organization(&mut world, org_no);
        }
        for appid in &wanted.applications {
            copy(&self.applications, &mut world.applications, *appid);
        }
        for bid in &wanted.bids {
            copy(&self.bids, &mut world.bids, *bid);
        }
        for project_no in &wanted.projects {
            self.load_project(&mut world, project_no);
        }
        for activity_no in &wanted.activities {
            self.load_activity(&mut world, activity_no);
        }
        for usage in &wanted.usages {
            copy(&self.usages, &mut world.usages, usage);
        }
        for key in &wanted.donation_keys {
            copy(&self.donation_keys, &mut world.donation_keys, *key);
            if let Some(id) = self.donation_keys.get(*key) {
                self.load_donation(&mut world, *id);
            }
        }
        for id in &wanted.donations {
            self.load_donation(&mut world, *id);
        }
        for key in &wanted.flower_keys {
            copy(&self.flowers, &mut world.flowers, *key);
        }
        for key in &wanted.user_flowers {
            copy(&self.user_flowers, &mut world.user_flowers, key);
        }
        for token in &wanted.tokens {
            copy(&self.tokens, &mut world.tokens, *token);
        }
        for key in &wanted.postings {
            copy(&self.postings, &mut world.postings, *key);
        }
        self.load_coupons(wanted, &mut world);
        self.load_gateway(wanted, &mut world);
        world
    }

    pub fn save(&mut self, world: &World) {
        keep(&mut self.organizations, &world.organizations);
        keep(&mut self.applications, &world.applications);
        keep(&mut self.bids, &world.bids);
        keep(&mut self.projects, &world.projects);
        keep(&mut self.activities, &world.activities);
        keep(&mut self.accounts, &world.accounts);
        keep(&mut self.donations, &world.donations);
        keep(&mut self.donation_keys, &world.donation_keys);
        keep(&mut self.usages, &world.usages);
        keep(&mut self.flowers, &world.flowers);
        keep(&mut self.user_flowers, &world.user_flowers);
        keep(&mut self.tokens, &world.tokens);
        keep(&mut self.postings, &world.postings);
        keep(&mut self.coupons, &world.coupons);
        keep(&mut self.coupon_keys, &world.coupon_keys);
        keep(&mut self.callbacks, &world.callbacks);
        keep(&mut self.institutions, &world.institutions);
        keep(&mut self.openid_pages, &world.openid_pages);
        keep(&mut self.platform_keys, &world.platform_keys);
        self.save_gateway(world);
        for callback in self.callbacks.values_mut() {
            if let CallbackState::Leased { until, .. } = &mut callback.state {
                *until = as_stored(*until);
            }
        }
        self.attempts.extend(world.attempts.iter().cloned());
        self.transfers.extend(world.transfers.iter().cloned());
        self.audit.extend(world.audit.iter().cloned());
        self.next_id = world.next_id();
    }

    fn load_coupons(&self, wanted: &Wanted<'_>, world: &mut World) {
        for key in &wanted.coupon_keys {
            copy(&self.coupon_keys, &mut world.coupon_keys, *key);
            if let Some(id) = self.coupon_keys.get(*key) {
                self.load_coupon(world, *id);
            }
        }
        for id in &wanted.coupons {
            self.load_coupon(world, *id);
        }
        for id in &wanted.callbacks {
            copy(&self.callbacks, &mut world.callbacks, id);
            if let Some(callback) = self.callbacks.get(id) {
                copy(&self.coupons, &mut world.coupons, &callback.coupon);
            }
        }
        for appid in &wanted.institutions {
            copy(&self.institutions, &mut world.institutions, *appid);
        }
        for campaign in &wanted.openid_pages {
            copy(&self.openid_pages, &mut world.openid_pages, *campaign);
        }
        if wanted.platform_keys {
            for serial in self.platform_keys.keys() {
                copy(&self.platform_keys, &mut world.platform_keys, serial);
            }
        }
    }

    fn load_coupon(&self, world: &mut World, id: Id) {
        copy(&self.coupons, &mut world.coupons, &id);
        if let Some(coupon) = self.coupons.get(&id) {
            self.load_activity(world, &coupon.activity_no);
            copy(&self.usages, &mut world.usages, &coupon.user_key());
        }
    }

    fn load_account(&self, world: &mut World, id: AccountId) {
        copy(&self.accounts, &mut world.accounts, &id);
    }

    fn load_organization(&self, world: &mut World, org_no: &OrgNo) {
        copy(&self.organizations, &mut world.organizations, org_no);
        if let Some(organization) = self.organizations.get(org_no) {
            self.load_account(world, organization.account);
        }
    }

    fn load_project(&self, world: &mut World, project_no: &ProjectNo) {
        copy(&self.projects, &mut world.projects, project_no);
        if let Some(project) = self.projects.get(project_no) {
            self.load_account(world, project.account);
        }
    }

    fn load_activity(&self, world: &mut World, activity_no: &ActivityNo) {
        copy(&self.activities, &mut world.activities, activity_no);
        if let Some(activity) = self.activities.get(activity_no) {
            self.load_account(world, activity.frozen);
            self.load_account(world, activity.held);
            if let Some(offer) = &activity.coupon {
                self.load_account(world, offer.spent);
            }
            self.load_organization(world, &activity.org_no);
        }
    }

    fn load_donation(&self, world: &mut World, id: Id) {
        copy(&self.donations, &mut world.donations, &id);
        if let Some(donation) = self.donations.get(&id) {
            self.load_activity(world, &donation.activity_no);
            self.load_project(world, &donation.project_no);
            copy(&self.usages, &mut world.usages, &donation.user_key());
        }
    }
}

/// Times are stored to the millisecond.
fn as_stored(time: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(time.as_millisecond()).unwrap()
}

fn copy<K, V>(stored: &BTreeMap<K, V>, table: &mut Table<K, V>, key: &K)
where
    K: Ord + std::hash::Hash + Clone,
    V: Clone,
{
    if let Some(value) = stored.get(key) {
        table.loaded(key.clone(), value.clone());
    }
}

fn keep<K, V>(stored: &mut BTreeMap<K, V>, table: &Table<K, V>)
where
    K: Ord + std::hash::Hash + Clone + std::fmt::Debug,
    V: Clone,
{
    for (key, row) in table.unsaved() {
        let before = stored.insert(key.clone(), row.value.clone());
        assert_eq!(
            before.is_none(),
            row.state == RowState::New,
            "a new row is inserted and a changed one updated: {key:?}",
        );
    }
}

/// True when nothing at all differs, down to which rows would be saved and which id comes next.
pub fn same(a: &World, b: &World) -> bool {
    same_rows(&a.organizations, &b.organizations)
        && same_rows(&a.applications, &b.applications)
        && same_rows(&a.bids, &b.bids)
        && same_rows(&a.projects, &b.projects)
        && same_rows(&a.activities, &b.activities)
        && same_rows(&a.accounts, &b.accounts)
        && same_rows(&a.donations, &b.donations)
        && same_rows(&a.donation_keys, &b.donation_keys)
        && same_rows(&a.usages, &b.usages)
        && same_rows(&a.flowers, &b.flowers)
        && same_rows(&a.user_flowers, &b.user_flowers)
        && same_rows(&a.tokens, &b.tokens)
        && same_rows(&a.postings, &b.postings)
        && same_rows(&a.coupons, &b.coupons)
        && same_rows(&a.coupon_keys, &b.coupon_keys)
        && same_rows(&a.callbacks, &b.callbacks)
        && same_rows(&a.institutions, &b.institutions)
        && same_rows(&a.openid_pages, &b.openid_pages)
        && same_rows(&a.platform_keys, &b.platform_keys)
        && gateway::same(a, b)
        && a.attempts == b.attempts
        && a.transfers == b.transfers
        && a.audit == b.audit
        && a.next_id() == b.next_id()
}

fn same_rows<K: Eq + std::hash::Hash, V: PartialEq>(a: &Table<K, V>, b: &Table<K, V>) -> bool {
    a.iter().count() == b.iter().count()
        && a.iter().all(|(key, value)| b.get(key) == Some(value))
        && a.unsaved().count() == b.unsaved().count()
}
