use std::time::Duration;

use huodong_campaign::{
    ActivityNo, ActivityStatus, Actor, AppId, AssignBid, Audited, Bid, CampaignNo, Command,
    CreateApplication, CreateInstitution, CreateOpenidPage, CreateOrganization, CreateProject,
    CreateToken, Deposit, EndActivity, Fen, FundActivity, InstitutionId, KeyPurpose, Operated,
    OrgNo, OwnerId, ProjectNo, SetStatus, TokenId, Wanted, World,
};
use huodong_engine::EngineError;
use huodong_store::PageRequest;
use thiserror::Error;

use super::activities::{Stage, other_activity};
use super::{
    CAMPAIGN, FLOWERS_PER_DAY, GATEWAY_RSA_KEY, GATEWAY_SM2_KEY, INITIATORS, INSTITUTION,
    NOTIFY_KEY, OTHER_INITIATOR, OTHER_INSTITUTION, OTHER_PARTNER, PARTNER, PLAIN_INITIATOR,
    PROJECTS, REPLY_KEY, RETURN_TO, SeedActivity, SeedCoupons, SeedInitiator, SeedInstitution,
    SeedPartner, TOKENS, WECHAT_APPID, WECHAT_SECRET, ordinary_activities, ordinary_coupons,
    other_coupons, special_activities, special_coupons,
};
use crate::app::{App, RefreshError};
use crate::keys::PairError;
use crate::operator::token::digest_of;

/// What each partner has on its account, before it funds anything.
const DEPOSIT: Fen = Fen(100_000_000_000_000);
const DEADLINE: Duration = Duration::from_secs(30);

/// Why a sandbox could not be given what it begins with.
#[derive(Debug, Error)]
pub enum SeedError {
    /// The database holds partners, but not the sandbox's.
    #[error(
        "the database holds data that no sandbox made; name another directory, or none, for the \
         sandbox"
    )]
    NotASandbox,
    /// The store did not take it.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The partners could not be read in.
    #[error(transparent)]
    Refresh(#[from] RefreshError),
    /// The platform's keys could not be taken in.
    #[error(transparent)]
    Keys(#[from] PairError),
}

/// Gives the sandbox what it begins with, as far as that is not there yet, and reads the partners
/// in.
pub async fn plant(app: &App) -> Result<(), SeedError> {
    let first_page = PageRequest { before: None, limit: 1 };
    let foreign = app.engine.read(move |reader| {
        let ours = reader.organization(&OrgNo::from(PARTNER.org_no))?;
        Ok(ours.is_none() && !reader.organizations(first_page)?.rows.is_empty())
    });
    if foreign.await? {
        return Err(SeedError::NotASandbox);
    }
    let Ok(()) = app.engine.submit(Plant(groups(app)?), DEADLINE).await?;
    app.refresh().await?;
    Ok(())
}

/// True where emptying the database loses nothing but what a sandbox made: its application is
/// there, or nothing at all.
pub(crate) async fn replaceable(app: &App) -> Result<bool, EngineError> {
    let first_page = PageRequest { before: None, limit: 1 };
    let read = app.engine.read(move |reader| {
        if reader.application(&AppId::from(PARTNER.appid))?.is_some() {
            return Ok(true);
        }
        Ok(reader.organizations(first_page)?.rows.is_empty() && reader.tokens()?.is_empty())
    });
    read.await
}

/// The whole seed as one command, so that it is there wholly or not at all.
struct Plant(Vec<Group>);

/// Something to make and what is done with it once it is made. One that is there already is left
/// as it is.
struct Group {
    make: Box<dyn Step>,
    then: Vec<Box<dyn Step>>,
}

trait Step: Send {
    fn wants<'a>(&'a self, wanted: &mut Wanted<'a>);
    /// True when it was done.
    fn take(&self, world: &mut World) -> bool;
}

impl<C: Audited> Step for Operated<C> {
    fn wants<'a>(&'a self, wanted: &mut Wanted<'a>) {
        Command::wants(self, wanted);
    }

    fn take(&self, world: &mut World) -> bool {
        self.decide(world).is_ok()
    }
}

impl Command for Plant {
    type Done = ();
    type Refusal = std::convert::Infallible;

    fn wants<'a>(&'a self, wanted: &mut Wanted<'a>) {
        for group in &self.0 {
            group.make.wants(wanted);
            group.then.iter().for_each(|step| step.wants(wanted));
        }
    }

    fn decide(&self, world: &mut World) -> Result<(), Self::Refusal> {
        for group in &self.0 {
            if group.make.take(world) {
                for step in &group.then {
                    assert!(step.take(world), "what was just made can be worked with");
                }
            }
        }
        Ok(())
    }
}

fn groups(app: &App) -> Result<Vec<Group>, PairError> {
    let mut groups = Vec::new();
    for partner in [PARTNER, OTHER_PARTNER] {
        groups.push(organization(&partner));
        groups.push(application(app, &partner));
    }
    for (project_no, name) in PROJECTS {
        let project_no = Some(ProjectNo::from(project_no));
        let make = step(CreateProject { project_no, name: name.to_owned() });
        groups.push(Group { make, then: Vec::new() });
    }
    groups.extend(ordinary_activities().into_iter().map(activity));
    groups.extend(special_activities().into_iter().map(activity));
    groups.push(activity(other_activity()));
    for (role, plain) in TOKENS {
        let name = TokenId::from(plain.trim_start_matches("hdop_"));
        let digest = digest_of(plain);
        let make = step(CreateToken { name, role, digest, expires_at: None });
        groups.push(Group { make, then: Vec::new() });
    }
    for (purpose, pair) in [
        (KeyPurpose::Reply, REPLY_KEY),
        (KeyPurpose::Notify, NOTIFY_KEY),
        (KeyPurpose::GatewayRsa, GATEWAY_RSA_KEY),
        (KeyPurpose::GatewaySm2, GATEWAY_SM2_KEY),
    ] {
        let add = app.add_platform_key(purpose, pair.private_key_pem, pair.certificate_pem)?;
        groups.push(Group { make: step(add), then: Vec::new() });
    }
    groups.extend([INSTITUTION, OTHER_INSTITUTION].iter().map(institution));
    groups.push(openid_page(app));
    groups.extend(INITIATORS.iter().chain([&PLAIN_INITIATOR, &OTHER_INITIATOR]).map(initiator));
    groups.extend(ordinary_coupons().into_iter().map(coupons));
    groups.extend(special_coupons().into_iter().map(coupons));
    groups.push(coupons(other_coupons()));
    Ok(groups)
}

fn institution(seed: &SeedInstitution) -> Group {
    let make = step(CreateInstitution {
        appid: Some(InstitutionId::from(seed.appid)),
        org_id: seed.org_id.into(),
        name: seed.name.to_owned(),
        certificate: seed.certificate_pem.to_owned(),
        member_prefix: seed.member_prefix.into(),
        owners: seed.owners.iter().map(|owner| OwnerId::from(*owner)).collect(),
        rate_per_s: None,
    });
    Group { make, then: Vec::new() }
}

fn initiator(seed: &SeedInitiator) -> Group {
    Group { make: step(seed.create()), then: seed.merchants().map(step).collect() }
}

fn openid_page(app: &App) -> Group {
    let campaign = CampaignNo::from(CAMPAIGN);
    let make = step(CreateOpenidPage {
        appid: InstitutionId::from(INSTITUTION.appid),
        wechat_appid: WECHAT_APPID.into(),
        sealed_secret: app.seal_wechat_secret(&campaign, WECHAT_SECRET),
        return_to: RETURN_TO.map(Into::into).to_vec(),
        campaign: Some(campaign),
    });
    Group { make, then: Vec::new() }
}

fn coupons(seed: SeedCoupons) -> Group {
    let activity_no = seed.create.activity_no.clone().expect("the seed numbers its activities");
    Group { then: along(&activity_no, seed.money, seed.stage), make: step(seed.create) }
}

fn organization(partner: &SeedPartner) -> Group {
    let org_no = OrgNo::from(partner.org_no);
    Group {
        make: step(CreateOrganization {
            org_no: Some(org_no.clone()),
            name: partner.name.to_owned(),
            merchant_no: partner.merchant_no.to_owned(),
        }),
        then: vec![step(Deposit { org_no, money: DEPOSIT })],
    }
}

fn application(app: &App, partner: &SeedPartner) -> Group {
    let appid = AppId::from(partner.appid);
    Group {
        make: step(CreateApplication {
            appid: Some(appid.clone()),
            org_no: OrgNo::from(partner.org_no),
            name: format!("{}的应用", partner.name),
            sealed_secret: app.seal_secret(&appid, partner.secret),
            rate_per_s: None,
            flowers_per_day: FLOWERS_PER_DAY,
        }),
        then: vec![step(AssignBid { bid: Some(Bid::from(partner.bid)), appid })],
    }
}

fn activity(seed: SeedActivity) -> Group {
    let activity_no = seed.create.activity_no.clone().expect("the seed numbers its activities");
    Group { then: along(&activity_no, seed.money, seed.stage), make: step(seed.create) }
}

/// Gives an activity its money and takes it as far along as it is to be.
fn along(activity_no: &ActivityNo, money: Fen, stage: Stage) -> Vec<Box<dyn Step>> {
    let to = |status| step(SetStatus { activity_no: activity_no.clone(), status });
    let mut then = vec![step(FundActivity { activity_no: activity_no.clone(), money })];
    if stage != Stage::Draft {
        then.push(to(ActivityStatus::Running));
    }
    if stage == Stage::Paused {
        then.push(to(ActivityStatus::Paused));
    }
    if stage == Stage::Ended {
        let activity_no = activity_no.clone();
        then.push(step(EndActivity { activity_no, only_if_over: false }));
    }
    then
}

fn step<C: Audited>(command: C) -> Box<dyn Step> {
    let actor = Actor { name: "sandbox".to_owned(), trace_id: String::new() };
    Box::new(Operated { actor, command })
}
