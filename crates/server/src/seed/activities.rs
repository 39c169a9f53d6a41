use huodong_campaign::{
    ActivityKind, ActivityNo, BehaviourRule, BookRule, Channel, CreateActivity, Fen, OrgNo,
    ProjectNo, Settlement, UserLimits,
};
use jiff::Timestamp;
use jiff::civil::{DateTime, date};

use super::{OTHER_PARTNER, PARTNER, PROJECT_NO, SECOND_PROJECT_NO};

/// Enough for every benchmark: ten billion yuan.
pub(super) const PLENTY: Fen = Fen(1_000_000_000_000);

/// How far along an activity is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Draft,
    Running,
    Paused,
    Ended,
}

/// An activity of the seed.
#[derive(Clone, Debug)]
pub struct SeedActivity {
    /// What it is for, in a sentence.
    pub note: &'static str,
    /// What is frozen for it.
    pub money: Fen,
    pub(super) create: CreateActivity,
    pub(super) stage: Stage,
}

impl SeedActivity {
    /// Its number.
    pub fn activity_no(&self) -> &str {
        self.create.activity_no.as_ref().expect("the seed numbers its activities").as_str()
    }

    /// The first of the projects it gives to.
    pub fn project_no(&self) -> &str {
        self.create.projects[0].as_str()
    }

    /// `instant` or `deferred`.
    pub fn settlement(&self) -> &'static str {
        let Channel::Book(rule) = &self.create.channel;
        match rule.settlement {
            Settlement::Instant => "instant",
            Settlement::Deferred { .. } => "deferred",
        }
    }
}

/// The partner's activities that take donations without ado: those that settle at once first.
pub fn ordinary_activities() -> Vec<SeedActivity> {
    let both = |mut activity: SeedActivity| {
        activity.create.projects.push(ProjectNo::from(SECOND_PROJECT_NO));
        activity
    };
    vec![
        both(activity("100001", "积分捐", "Points (type 2); settles at once")),
        both(activity("100002", "企业直接捐赠", "Direct (type 4); settles at once"))
            .of(ActivityKind::Direct),
        both(activity("100003", "一块走捐步", "Walk (type 1); settles at once"))
            .of(ActivityKind::Walk),
        both(activity("100004", "行为捐", "Behaviour (type 5), with rules; settles at once"))
            .of(ActivityKind::Behaviour)
            .with(|create| create.rules = behaviour_rules()),
        both(activity("100005", "积分捐(延迟入账)", "Points; settles after 5 seconds")).settling(5),
    ]
}

/// The partner's activities that show one thing each.
pub fn special_activities() -> Vec<SeedActivity> {
    vec![
        activity(
            "100101",
            "积分捐(支付不稳定)",
            "Settles after 2 seconds; a quarter of the donations fails, and 1313 fen always; \
             404 fen is refused (32240004); 503 fen finds the channel down (32240047)",
        )
        .with(|create| {
            create.channel = Channel::Book(BookRule {
                settlement: Settlement::Deferred { delay_s: 2 },
                fail_per_10000: 2_500,
                fail_money: vec![Fen(1_313)],
                refuse_money: vec![Fen(404)],
                unavailable_money: vec![Fen(503)],
            });
        }),
        activity("100102", "未上线的活动", "Not online (status 1)").at(Stage::Draft),
        activity("100103", "尚未开始的活动", "Online, but its window begins in 2099")
            .with(|create| create.starts_at = shanghai(date(2099, 1, 1).at(0, 0, 0, 0))),
        activity("100104", "已结束的活动", "Ended (status 4); its money went back")
            .at(Stage::Ended),
        activity("100105", "暂停中的活动", "Paused (status 3)").at(Stage::Paused),
        activity("100106", "余额将尽的活动", "Has money for exactly one donation of 100 fen")
            .funded(Fen(100)),
        activity("100107", "每人限捐一次", "Takes one donation of each user")
            .with(|create| create.limits.count_total = Some(1)),
        activity(
            "100108",
            "每日限额",
            "Takes three donations and 1000 fen of each user on one Shanghai day",
        )
        .with(|create| {
            create.limits.count_day = Some(3);
            create.limits.money_day = Some(Fen(1_000));
        }),
    ]
}

/// The other partner's activity.
pub(crate) fn other_activity() -> SeedActivity {
    activity("200001", "另一家企业的积分捐", "Another organization's; settles at once")
        .with(|create| create.org_no = OrgNo::from(OTHER_PARTNER.org_no))
}

fn activity(activity_no: &str, name: &str, note: &'static str) -> SeedActivity {
    let create = CreateActivity {
        activity_no: Some(ActivityNo::from(activity_no)),
        org_no: OrgNo::from(PARTNER.org_no),
        kind: ActivityKind::Points,
        name: name.to_owned(),
        starts_at: shanghai(date(2020, 1, 1).at(0, 0, 0, 0)),
        ends_at: shanghai(date(2199, 12, 31).at(0, 0, 0, 0)),
        projects: vec![ProjectNo::from(PROJECT_NO)],
        rules: Vec::new(),
        limits: UserLimits::default(),
        channel: Channel::Book(BookRule::all_succeed(Settlement::Instant)),
    };
    SeedActivity { note, money: PLENTY, create, stage: Stage::Running }
}

impl SeedActivity {
    fn with(mut self, change: impl FnOnce(&mut CreateActivity)) -> Self {
        change(&mut self.create);
        self
    }

    fn of(self, kind: ActivityKind) -> Self {
        self.with(|create| create.kind = kind)
    }

    fn settling(self, delay_s: u32) -> Self {
        let rule = BookRule::all_succeed(Settlement::Deferred { delay_s });
        self.with(|create| create.channel = Channel::Book(rule))
    }

    fn at(mut self, stage: Stage) -> Self {
        self.stage = stage;
        self
    }

    fn funded(mut self, money: Fen) -> Self {
        self.money = money;
        self
    }
}

fn behaviour_rules() -> Vec<BehaviourRule> {
    [("绿色出行", "步行或骑行上班一次"), ("光盘行动", "用餐不剩饭菜一次")]
        .map(|(content, title)| BehaviourRule { content: content.into(), title: title.into() })
        .to_vec()
}

pub(super) fn shanghai(wall: DateTime) -> Timestamp {
    huodong_campaign::SHANGHAI.to_timestamp(wall).expect("the seed's years are within range")
}
