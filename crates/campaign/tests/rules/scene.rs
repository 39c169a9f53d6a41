//! A small world to show one rule in: an organization with 10,000 fen, its application and bid, a
//! project, and a running activity funded with 1,000 fen.

use huodong_campaign::*;
use jiff::{SignedDuration, Timestamp};

use crate::memory::Memory;
use crate::script::{HOUR, START, activity_no, appid, at, bid_of, donation_key, org_no};
use crate::script::{project_no, user};

pub struct Scene {
    pub stored: Memory,
    pub now: Timestamp,
}

impl Scene {
    /// It is ten o'clock; the activity runs from midnight to the midnight after next.
    pub fn new(settlement: Settlement, limits: UserLimits) -> Self {
        let mut scene = Self { stored: Memory::new(), now: at(START + 10 * HOUR) };
        scene.enter(0, "project-0");
        scene
            .run(CreateActivity {
                channel: Channel::Book(BookRule::all_succeed(settlement)),
                limits,
                ..Self::plan()
            })
            .unwrap();
        scene.run(FundActivity { activity_no: activity_no(0), money: Fen(1_000) }).unwrap();
        scene.set(ActivityStatus::Running).unwrap();
        scene
    }

    pub fn instant() -> Self {
        Self::new(Settlement::Instant, UserLimits::default())
    }

    pub fn deferred() -> Self {
        Self::new(Settlement::Deferred { delay_s: 5 }, UserLimits::default())
    }

    /// An organization with its application, bid and a project, all of this number.
    pub fn enter(&mut self, number: u8, project: &str) {
        let name = format!("number {number}");
        self.run(CreateOrganization {
            org_no: Some(org_no(number)),
            name: name.clone(),
            merchant_no: "1968".to_owned(),
        })
        .unwrap();
        self.run(Deposit { org_no: org_no(number), money: Fen(10_000) }).unwrap();
        self.run(CreateApplication {
            appid: Some(appid(number)),
            org_no: org_no(number),
            name: name.clone(),
            sealed_secret: Vec::new(),
            rate_per_s: None,
            flowers_per_day: 5,
        })
        .unwrap();
        self.run(AssignBid { bid: Some(bid_of(number)), appid: appid(number) }).unwrap();
        self.run(CreateProject { project_no: Some(ProjectNo::from(project)), name }).unwrap();
    }

    pub fn plan() -> CreateActivity {
        CreateActivity {
            activity_no: Some(activity_no(0)),
            org_no: org_no(0),
            kind: ActivityKind::Points,
            name: "one".to_owned(),
            starts_at: at(START),
            ends_at: at(START + 48 * HOUR),
            projects: vec![project_no(0)],
            rules: Vec::new(),
            limits: UserLimits::default(),
            channel: Channel::Book(BookRule::all_succeed(Settlement::Instant)),
        }
    }

    /// One command in a batch of its own.
    pub fn run<C: Command>(&mut self, command: C) -> Result<C::Done, C::Refusal> {
        let mut wanted = Wanted::default();
        command.wants(&mut wanted);
        let mut world = self.stored.load(&wanted, self.now);
        let outcome = command.decide(&mut world);
        self.stored.save(&world);
        outcome
    }

    pub fn pass(&mut self, seconds: i64) {
        self.now = self.now.checked_add(SignedDuration::from_secs(seconds)).unwrap();
    }

    pub fn set(&mut self, status: ActivityStatus) -> Result<Activity, ActivityRefusal> {
        self.run(SetStatus { activity_no: activity_no(0), status })
    }

    pub fn end(&mut self) -> Fen {
        self.run(EndActivity { activity_no: activity_no(0), only_if_over: false }).unwrap()
    }

    pub fn update(
        &mut self,
        change: impl FnOnce(&mut UpdateActivity),
    ) -> Result<Activity, ActivityRefusal> {
        let mut update = UpdateActivity {
            activity_no: activity_no(0),
            name: None,
            starts_at: None,
            ends_at: None,
            projects: None,
            rules: None,
            limits: None,
            channel: None,
        };
        change(&mut update);
        self.run(update)
    }

    /// A donation of user 0 under this key.
    pub fn gift(key: u8, money: i64) -> Donate {
        Donate {
            key: donation_key(0, key),
            appid: appid(0),
            org_no: org_no(0),
            activity_no: activity_no(0),
            project_no: project_no(0),
            third_uid: user(0),
            reward: 100,
            reward_time: jiff::civil::date(2026, 11, 21).at(9, 0, 0, 0),
            money: Fen(money),
        }
    }

    pub fn donate(&mut self, key: u8, money: i64) -> Result<Donation, DonateRefusal> {
        self.run(Self::gift(key, money)).map(|done| done.donation)
    }

    pub fn settle(&mut self, donation: Id) -> bool {
        self.run(Settle { donation }).unwrap()
    }

    pub fn refund(&mut self, donation: Id) -> Result<Donation, RefundRefusal> {
        self.run(Refund { donation, reason: "asked".to_owned() })
    }

    /// The organization's free money, the activity's frozen and held money, the project's money.
    pub fn money(&self) -> [i64; 4] {
        let balance = |id: AccountId| self.stored.accounts[&id].balance.0;
        let activity = &self.stored.activities[&activity_no(0)];
        [
            balance(self.stored.organizations[&org_no(0)].account),
            balance(activity.frozen),
            balance(activity.held),
            balance(self.stored.projects[&project_no(0)].account),
        ]
    }
}
