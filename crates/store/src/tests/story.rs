//! A store in a directory of its own and the commands that fill it.

use huodong_campaign::*;
use huodong_testing::{Database, Postgres};
use jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;

use crate::{Place, Store, StoreError, StoreOptions};

pub(super) struct Story {
    pub(super) store: Store,
    pub(super) now: Timestamp,
    pub(super) options: StoreOptions,
    /// Where an embedded store is.
    pub(super) directory: TempDir,
    /// Where a shared one is.
    pub(super) database: Option<Database>,
}

pub(super) fn options(directory: &TempDir) -> StoreOptions {
    StoreOptions {
        cache_mib: 8,
        readers: 2,
        keys_per_run: 50,
        ..StoreOptions::at(directory.path())
    }
}

impl Story {
    /// An empty database.
    pub(super) fn new() -> Self {
        Self::new_with(|_| {})
    }

    /// An empty database, opened in another way.
    pub(super) fn new_with(change: impl FnOnce(&mut StoreOptions)) -> Self {
        let database = huodong_testing::database_if_wanted(|url| {
            let place = Place::Postgres(url.parse().unwrap());
            drop(Store::open(&StoreOptions::of(place)).unwrap());
        });
        Self::open(database, change)
    }

    /// An empty database in files of its own, for what is about those.
    pub(super) fn embedded() -> Self {
        Self::embedded_with(|_| {})
    }

    /// The same, opened in another way.
    pub(super) fn embedded_with(change: impl FnOnce(&mut StoreOptions)) -> Self {
        Self::open(None, change)
    }

    /// An empty database that nodes share, for what is about those.
    pub(super) fn shared() -> Self {
        Self::open(Some(Postgres::shared().database()), |_| {})
    }

    /// Where it is.
    pub(super) fn shared_database(&self) -> &Database {
        self.database.as_ref().unwrap()
    }

    fn open(database: Option<Database>, change: impl FnOnce(&mut StoreOptions)) -> Self {
        let directory = TempDir::new().unwrap();
        let mut options = options(&directory);
        if let Some(database) = &database {
            options.place = Place::Postgres(database.url().parse().unwrap());
        }
        change(&mut options);
        let (store, _) = Store::open(&options).unwrap();
        let now = "2026-11-21T02:00:00.123Z".parse().unwrap();
        Self { store, now, options, directory, database }
    }

    /// Changes rows behind the store's back.
    pub(super) fn tamper(&self, sql: &str) {
        match &self.database {
            Some(database) => drop(database.psql(&in_postgres(sql))),
            None => {
                let path = self.directory.path().join("huodong.db");
                let conn = rusqlite::Connection::open(path).unwrap();
                conn.execute_batch(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
            }
        }
    }

    /// An organization with 1,000,000, an application with bid `b`, projects `p` and `q`, and two
    /// running activities with 100,000 each: `instant` without limits, `deferred` with.
    pub(super) fn begun() -> Self {
        Self::new().begin()
    }

    /// Makes an empty database a begun one.
    pub(super) fn begin(mut self) -> Self {
        let story = &mut self;
        let org_no = OrgNo::from("org");
        story.run(CreateOrganization {
            org_no: Some(org_no.clone()),
            name: "An enterprise".to_owned(),
            merchant_no: "m1".to_owned(),
        });
        story.run(Deposit { org_no: org_no.clone(), money: Fen(1_000_000) });
        story.run(CreateApplication {
            appid: Some(AppId::from("app")),
            org_no: org_no.clone(),
            name: "An application".to_owned(),
            sealed_secret: vec![1, 2, 3],
            rate_per_s: None,
            flowers_per_day: 50,
        });
        story.run(AssignBid { bid: Some(Bid::from("b")), appid: AppId::from("app") });
        for project in ["p", "q"] {
            let project_no = Some(ProjectNo::from(project));
            story.run(CreateProject { project_no, name: format!("Project {project}") });
        }
        story.activity("instant", Settlement::Instant, UserLimits::default());
        let limits = UserLimits { count_total: Some(1000), ..UserLimits::default() };
        story.activity("deferred", Settlement::Deferred { delay_s: 60 }, limits);
        self
    }

    pub(super) fn activity(&mut self, no: &str, settlement: Settlement, limits: UserLimits) {
        let activity_no = ActivityNo::from(no);
        self.run(CreateActivity {
            activity_no: Some(activity_no.clone()),
            org_no: OrgNo::from("org"),
            kind: ActivityKind::Points,
            name: format!("Activity {no}"),
            starts_at: self.now - SignedDuration::from_hours(1),
            ends_at: self.now + SignedDuration::from_hours(1000),
            projects: vec![ProjectNo::from("p"), ProjectNo::from("q")],
            rules: vec![BehaviourRule { content: "walk".to_owned(), title: "Walk".to_owned() }],
            limits,
            channel: Channel::Book(BookRule {
                fail_money: vec![Fen(13)],
                ..BookRule::all_succeed(settlement)
            }),
        });
        self.run(FundActivity { activity_no: activity_no.clone(), money: Fen(100_000) });
        self.run(SetStatus { activity_no, status: ActivityStatus::Running });
    }

    /// Carries one command out; it must succeed.
    pub(super) fn run<C>(&mut self, command: C) -> C::Done
    where
        C: Command,
        C::Refusal: std::fmt::Debug,
    {
        self.batch(&[command]).remove(0)
    }

    /// Carries commands out in one batch; they must succeed.
    pub(super) fn batch<C>(&mut self, commands: &[C]) -> Vec<C::Done>
    where
        C: Command,
        C::Refusal: std::fmt::Debug,
    {
        // Whatever changes what nodes keep in memory is done again, alone.
        self.try_batch(commands).or_else(|_| self.try_batch(commands)).unwrap()
    }

    fn try_batch<C>(&mut self, commands: &[C]) -> Result<Vec<C::Done>, StoreError>
    where
        C: Command,
        C::Refusal: std::fmt::Debug,
    {
        let mut world = self.world();
        let mut wanted = Wanted::default();
        commands.iter().for_each(|command| command.wants(&mut wanted));
        self.store.load(&wanted, &mut world)?;
        let done = commands.iter().map(|command| command.decide(&mut world).unwrap()).collect();
        self.store.save(&world)?;
        Ok(done)
    }

    pub(super) fn world(&self) -> World {
        let ms = self.now.as_millisecond() - 1_577_836_800_000;
        World::new(self.now, self.store.first_id(ms << 20)).number_by(self.store.id_step())
    }

    pub(super) fn advance(&mut self, seconds: i64) {
        self.now += SignedDuration::from_secs(seconds);
    }

    /// The number that a question gives, asked behind the store's back.
    pub(super) fn look(&self, sql: &str) -> String {
        match &self.database {
            Some(database) => database.psql(sql).trim().to_owned(),
            None => {
                let path = self.directory.path().join("huodong.db");
                let conn = rusqlite::Connection::open(path).unwrap();
                conn.query_row(sql, (), |row| row.get::<_, i64>(0)).unwrap().to_string()
            }
        }
    }

    /// Damages a copy of everything in each of these ways, and sees that verify says what it must.
    pub(super) fn assert_each_found(self, damage: &[(&str, &str)]) {
        let Self { store, options, directory, database, .. } = self;
        drop(store);
        for (damage, told) in damage {
            let copy = Self::open_copy(&options, &directory, database.as_ref(), damage);
            let report = copy.store.reader().verify().unwrap();
            assert!(
                report.violations.iter().any(|violation| violation.contains(told)),
                "{damage}\nexpected: …{told}…\nfound: {:#?}",
                report.violations
            );
        }
    }

    fn open_copy(
        options: &StoreOptions,
        directory: &TempDir,
        database: Option<&Database>,
        damage: &str,
    ) -> Self {
        let copy = database.map(|database| Postgres::shared().database_like(database.name()));
        let to = TempDir::new().unwrap();
        if copy.is_none() {
            let file = "huodong.db";
            std::fs::copy(directory.path().join(file), to.path().join(file)).unwrap();
            let conn = rusqlite::Connection::open(to.path().join(file)).unwrap();
            conn.execute_batch(damage).unwrap_or_else(|error| panic!("{damage}: {error}"));
        }
        if let Some(copy) = &copy {
            copy.psql(&in_postgres(damage));
        }
        let place = match &copy {
            Some(copy) => Place::Postgres(copy.url().parse().unwrap()),
            None => Place::Directory(to.path().to_owned()),
        };
        let options = StoreOptions { place, ..options.clone() };
        let (store, _) = Store::open(&options).unwrap();
        let now = Timestamp::UNIX_EPOCH;
        Self { store, now, options, directory: to, database: copy }
    }

    /// Closes the store and opens it again.
    pub(super) fn reopen(self) -> Self {
        let Self { store, now, options, directory, database } = self;
        drop(store);
        let (store, _) = Store::open(&options).unwrap();
        Self { store, now, options, directory, database }
    }
}

/// What is written for SQLite in PostgreSQL's words.
fn in_postgres(sql: &str) -> String {
    sql.replace("UPDATE writer", "UPDATE nodes")
        .replace("zeroblob(32)", "decode(repeat('00', 32), 'hex')")
        .replace("zeroblob(length(bytes))", "decode(repeat('00', length(bytes)), 'hex')")
        .replace("AS BLOB", "AS BYTEA")
}

pub(super) fn key(code: impl Into<String>) -> DonationKey {
    DonationKey { bid: Bid::from("b"), reward_transcode: code.into().into_boxed_str() }
}

/// A donation of `money` by user `user` to project `p`.
pub(super) fn donate(activity: &str, code: impl Into<String>, user: &str, money: i64) -> Donate {
    Donate {
        key: key(code),
        appid: AppId::from("app"),
        org_no: OrgNo::from("org"),
        activity_no: ActivityNo::from(activity),
        project_no: ProjectNo::from("p"),
        third_uid: ThirdUid::from(user),
        reward: 7,
        reward_time: "2026-11-21T09:59:58".parse().unwrap(),
        money: Fen(money),
    }
}
