use jiff::Timestamp;
use serde::Serialize;

use super::{Activity, ActivityKind, ActivityRefusal, ActivityStatus, BehaviourRule, Channel};
use crate::{
    AccountId, AccountKind, ActivityNo, Audited, Command, Fen, OrgNo, Posts, ProjectNo,
    TransferReason, UserLimits, Wanted, World,
};

/// How many projects one activity may be bound to.
const PROJECTS_MAX: usize = 100;

/// Makes a donation activity, not yet online and without money.
#[derive(Clone, Debug, Serialize)]
pub struct CreateActivity {
    /// Its number; made from the sequence where none is given.
    pub activity_no: Option<ActivityNo>,
    /// Who funds it.
    pub org_no: OrgNo,
    /// What kind it is.
    pub kind: ActivityKind,
    /// Its name.
    pub name: String,
    /// Donations are taken from this moment on …
    pub starts_at: Timestamp,
    /// … and until just before this one.
    pub ends_at: Timestamp,
    /// The projects its donations may go to.
    pub projects: Vec<ProjectNo>,
    /// Behaviour rules, for show.
    pub rules: Vec<BehaviourRule>,
    /// What one user may take.
    pub limits: UserLimits,
    /// What executes its orders.
    pub channel: Channel,
}

impl Command for CreateActivity {
    type Done = Activity;
    type Refusal = ActivityRefusal;

    fn wants<'a>(&'a self, wanted: &mut Wanted<'a>) {
        wanted.activities.extend(&self.activity_no);
        wanted.organizations.insert(&self.org_no);
        wanted.projects.extend(&self.projects);
    }

    fn decide(&self, world: &mut World) -> Result<Activity, ActivityRefusal> {
        if let Some(activity_no) = &self.activity_no
            && world.activities.contains(activity_no)
        {
            return Err(ActivityRefusal::Taken(activity_no.clone()));
        }
        if self.kind == ActivityKind::Coupon {
            return Err(ActivityRefusal::OtherKind(true));
        }
        if !world.organizations.contains(&self.org_no) {
            return Err(ActivityRefusal::UnknownOrganization(self.org_no.clone()));
        }
        check_projects(world, &self.projects)?;
        check_window(self.starts_at, self.ends_at)?;
        check_channel(&self.channel)?;
        let activity_no = self
            .activity_no
            .clone()
            .unwrap_or_else(|| ActivityNo::from(world.take_id().to_string()));
        let activity = Activity {
            activity_no: activity_no.clone(),
            org_no: self.org_no.clone(),
            kind: self.kind,
            name: self.name.clone(),
            status: ActivityStatus::Draft,
            starts_at: self.starts_at,
            ends_at: self.ends_at,
            projects: self.projects.clone(),
            rules: self.rules.clone(),
            limits: self.limits,
            channel: self.channel.clone(),
            coupon: None,
            frozen: world.open_account(AccountKind::Frozen, activity_no.as_str()),
            held: world.open_account(AccountKind::Held, activity_no.as_str()),
            created_at: world.now,
        };
        world.activities.insert(activity_no, activity.clone());
        Ok(activity)
    }
}

impl Audited for CreateActivity {
    const ACTION: &'static str = "activity.create";

    fn subject(&self, done: &Activity) -> String {
        done.activity_no.to_string()
    }

    fn detail(&self) -> String {
        crate::audit::json(self)
    }
}

/// Changes an activity's settings; what is `None` stays.
#[derive(Clone, Debug, Serialize)]
pub struct UpdateActivity {
    /// Which.
    pub activity_no: ActivityNo,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// When donations begin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<Timestamp>,
    /// When they end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Timestamp>,
    /// The projects its donations may go to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub projects: Option<Vec<ProjectNo>>,
    /// Behaviour rules, for show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rules: Option<Vec<BehaviourRule>>,
    /// What one user may take; replaces all four limits. Free before the activity starts.
    /// Afterwards they can be changed, but neither introduced nor all removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<UserLimits>,
    /// What executes its orders. An order already placed keeps the time it settles at; whether it
    /// is paid then is for the channel of that time to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<Channel>,
}

impl Command for UpdateActivity {
    type Done = Activity;
    type Refusal = ActivityRefusal;

    fn wants<'a>(&'a self, wanted: &mut Wanted<'a>) {
        wanted.activities.insert(&self.activity_no);
        wanted.projects.extend(self.projects.iter().flatten());
    }

    fn decide(&self, world: &mut World) -> Result<Activity, ActivityRefusal> {
        let mut activity = living(world, &self.activity_no)?.clone();
        if activity.coupon.is_some() && (self.projects.is_some() || self.rules.is_some()) {
            return Err(ActivityRefusal::OtherKind(true));
        }
        if let Some(name) = &self.name {
            activity.name.clone_from(name);
        }
        activity.starts_at = self.starts_at.unwrap_or(activity.starts_at);
        activity.ends_at = self.ends_at.unwrap_or(activity.ends_at);
        check_window(activity.starts_at, activity.ends_at)?;
        if let Some(projects) = &self.projects {
            check_projects(world, projects)?;
            activity.projects.clone_from(projects);
        }
        if let Some(rules) = &self.rules {
            activity.rules.clone_from(rules);
        }
        if let Some(limits) = self.limits {
            activity.limits = limits_after(&activity, limits)?;
        }
        if let Some(channel) = &self.channel {
            check_channel(channel)?;
            activity.channel.clone_from(channel);
        }
        let slot = world.activities.change(&self.activity_no).expect("found above");
        slot.clone_from(&activity);
        Ok(activity)
    }
}

impl Audited for UpdateActivity {
    const ACTION: &'static str = "activity.update";

    fn subject(&self, _done: &Activity) -> String {
        self.activity_no.to_string()
    }

    fn detail(&self) -> String {
        crate::audit::json(self)
    }
}

/// Freezes money of the organization for an activity. Done tells the frozen balance.
#[derive(Clone, Debug, Serialize)]
pub struct FundActivity {
    /// Which.
    pub activity_no: ActivityNo,
    /// How much.
    pub money: Fen,
}

impl Command for FundActivity {
    type Done = Fen;
    type Refusal = ActivityRefusal;

    fn wants<'a>(&'a self, wanted: &mut Wanted<'a>) {
        wanted.activities.insert(&self.activity_no);
    }

    fn decide(&self, world: &mut World) -> Result<Fen, ActivityRefusal> {
        let activity = living(world, &self.activity_no)?;
        let (frozen, org_no) = (activity.frozen, activity.org_no.clone());
        if !self.money.is_positive() {
            return Err(ActivityRefusal::NoMoney);
        }
        let organization = world
            .organizations
            .get(&org_no)
            .ok_or(ActivityRefusal::UnknownOrganization(org_no))?
            .account;
        if !world.covers(organization, self.money) {
            let balance = world.balance(organization);
            return Err(ActivityRefusal::NotEnough { asked: self.money, balance });
        }
        world.transfer(organization, frozen, self.money, TransferReason::Fund, None);
        Ok(world.balance(frozen))
    }
}

impl Audited for FundActivity {
    const ACTION: &'static str = "activity.fund";

    fn subject(&self, _done: &Fen) -> String {
        self.activity_no.to_string()
    }

    fn detail(&self) -> String {
        crate::audit::json(self)
    }
}

impl Posts for FundActivity {
    const REASON: TransferReason = TransferReason::Fund;
    const KIND: AccountKind = AccountKind::Frozen;

    fn owner(&self) -> &str {
        self.activity_no.as_str()
    }

    fn money(&self) -> Fen {
        self.money
    }

    fn account(&self, world: &World) -> Option<AccountId> {
        world.activities.get(&self.activity_no).map(|activity| activity.frozen)
    }
}

/// Starts, pauses or resumes an activity.
#[derive(Clone, Debug, Serialize)]
pub struct SetStatus {
    /// Which.
    pub activity_no: ActivityNo,
    /// `Running` or `Paused`.
    pub status: ActivityStatus,
}

impl Command for SetStatus {
    type Done = Activity;
    type Refusal = ActivityRefusal;

    fn wants<'a>(&'a self, wanted: &mut Wanted<'a>) {
        wanted.activities.insert(&self.activity_no);
    }

    fn decide(&self, world: &mut World) -> Result<Activity, ActivityRefusal> {
        let from = living(world, &self.activity_no)?.status;
        match (from, self.status) {
            (ActivityStatus::Draft | ActivityStatus::Paused, ActivityStatus::Running)
            | (ActivityStatus::Running, ActivityStatus::Paused) => {}
            (from, to) => return Err(ActivityRefusal::NoSuchStep { from, to }),
        }
        let activity = world.activities.change(&self.activity_no).expect("found above");
        activity.status = self.status;
        Ok(activity.clone())
    }
}

impl Audited for SetStatus {
    const ACTION: &'static str = "activity.set_status";

    fn subject(&self, _done: &Activity) -> String {
        self.activity_no.to_string()
    }

    fn detail(&self) -> String {
        crate::audit::json(self)
    }
}

/// Ends an activity for good; what no order holds goes back to the organization. Done tells how
/// much that was.
#[derive(Clone, Debug, Serialize)]
pub struct EndActivity {
    /// Which.
    pub activity_no: ActivityNo,
    /// Only when its window has passed: how a timer ends it, since an operator may have moved the
    /// window meanwhile.
    pub only_if_over: bool,
}

impl Command for EndActivity {
    type Done = Fen;
    type Refusal = ActivityRefusal;

    fn wants<'a>(&'a self, wanted: &mut Wanted<'a>) {
        wanted.activities.insert(&self.activity_no);
    }

    fn decide(&self, world: &mut World) -> Result<Fen, ActivityRefusal> {
        let now = world.now;
        let activity = living(world, &self.activity_no)?;
        if self.only_if_over && now < activity.ends_at {
            let (from, to) = (activity.status, ActivityStatus::Ended);
            return Err(ActivityRefusal::NoSuchStep { from, to });
        }
        let (frozen, org_no) = (activity.frozen, activity.org_no.clone());
        let organization = world
            .organizations
            .get(&org_no)
            .ok_or(ActivityRefusal::UnknownOrganization(org_no))?
            .account;
        let left = world.balance(frozen);
        if left.is_positive() {
            world.transfer(frozen, organization, left, TransferReason::Release, None);
        }
        let activity = world.activities.change(&self.activity_no).expect("found above");
        activity.status = ActivityStatus::Ended;
        Ok(left)
    }
}

impl Audited for EndActivity {
    const ACTION: &'static str = "activity.end";

    fn subject(&self, _done: &Fen) -> String {
        self.activity_no.to_string()
    }

    fn detail(&self) -> String {
        crate::audit::json(self)
    }
}

pub(crate) fn living<'w>(
    world: &'w World,
    activity_no: &ActivityNo,
) -> Result<&'w Activity, ActivityRefusal> {
    match world.activities.get(activity_no) {
        None => Err(ActivityRefusal::Unknown(activity_no.clone())),
        Some(activity) if activity.status == ActivityStatus::Ended => Err(ActivityRefusal::Ended),
        Some(activity) => Ok(activity),
    }
}

fn check_projects(world: &World, projects: &[ProjectNo]) -> Result<(), ActivityRefusal> {
    if projects.is_empty() || projects.len() > PROJECTS_MAX {
        return Err(ActivityRefusal::Projects(PROJECTS_MAX));
    }
    match projects.iter().find(|project| !world.projects.contains(*project)) {
        Some(unknown) => Err(ActivityRefusal::UnknownProject(unknown.clone())),
        None => Ok(()),
    }
}

pub(crate) fn check_window(
    starts_at: Timestamp,
    ends_at: Timestamp,
) -> Result<(), ActivityRefusal> {
    if starts_at < ends_at { Ok(()) } else { Err(ActivityRefusal::EmptyWindow) }
}

/// The limits an activity has after it was given these. Usage is counted while there is a limit, so
/// once donations are taken counting can neither begin nor stop.
fn limits_after(activity: &Activity, new: UserLimits) -> Result<UserLimits, ActivityRefusal> {
    let may = activity.status == ActivityStatus::Draft || activity.limits.any() == new.any();
    if may { Ok(new) } else { Err(ActivityRefusal::LimitsTooLate) }
}

pub(crate) fn check_channel(channel: &Channel) -> Result<(), ActivityRefusal> {
    let Channel::Book(rule) = channel;
    if rule.fail_per_10000 > 10_000 { Err(ActivityRefusal::FailShare) } else { Ok(()) }
}
