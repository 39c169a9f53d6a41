//! The credentials file: how others' test suites learn where the sandbox is and whom to call as.
//! Its keys are an interface: add, never rename.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use huodong_campaign::Role;
use serde::{Deserialize, Serialize};

use crate::seed::{self, SeedActivity};

/// The whole file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    /// Where the sandbox answers.
    pub base_url: String,
    /// For the operator API.
    pub operator: OperatorCredentials,
    /// For the gongyi face.
    pub gongyi: GongyiCredentials,
}

/// The operators' tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorCredentials {
    /// The admin's.
    pub token: String,
    /// Each role's, by the role's name.
    pub tokens: BTreeMap<String, String>,
}

/// An application and what it may give from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GongyiCredentials {
    /// What it signs as.
    pub appid: String,
    /// What it signs with.
    pub secret: String,
    /// What it pays by.
    pub bid: String,
    /// Its organization.
    pub org_no: String,
    /// Activities that take donations without ado; those that settle at once come first.
    pub activities: Vec<ActivityCredentials>,
    /// Activities that show one thing each.
    pub special: Vec<SpecialActivity>,
    /// A project that is bound to no activity.
    pub unbound_project_no: String,
    /// Another organization's application.
    pub other: OtherCredentials,
}

/// An activity that takes donations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivityCredentials {
    /// Its number.
    pub activity_no: String,
    /// A project it gives to.
    pub project_no: String,
    /// `instant` or `deferred`.
    pub settlement: String,
    /// What is frozen for it at the start, in fen.
    pub money: String,
}

/// An activity that shows one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpecialActivity {
    /// Its number.
    pub activity_no: String,
    /// A project it gives to.
    pub project_no: String,
    /// Which thing.
    pub note: String,
}

/// Another organization's application, to see that neither sees what is the other's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtherCredentials {
    /// What it signs as.
    pub appid: String,
    /// What it signs with.
    pub secret: String,
    /// What it pays by.
    pub bid: String,
    /// Its organization.
    pub org_no: String,
    /// Its activities.
    pub activities: Vec<ActivityCredentials>,
}

impl Credentials {
    /// Those of the seed, for a sandbox that answers here.
    pub fn of_seed(base_url: impl Into<String>) -> Self {
        let tokens: BTreeMap<_, _> = seed::TOKENS
            .iter()
            .map(|(role, token)| (name_of(*role), (*token).to_owned()))
            .collect();
        Self {
            base_url: base_url.into(),
            operator: OperatorCredentials { token: tokens["admin"].clone(), tokens },
            gongyi: GongyiCredentials::of_seed(),
        }
    }

    /// As the file has it.
    ///
    /// # Panics
    /// Never: it is all text.
    pub fn to_json(&self) -> String {
        let mut json = serde_json::to_string_pretty(self).expect("text is JSON");
        json.push('\n');
        json
    }

    /// Writes the file so that nobody ever sees half of it: beside its place first, then into it.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let mut beside = path.as_os_str().to_owned();
        beside.push(".new");
        let mut file = File::create(&beside)?;
        file.write_all(self.to_json().as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, path)
    }
}

impl GongyiCredentials {
    fn of_seed() -> Self {
        let special = |activity: SeedActivity| SpecialActivity {
            activity_no: activity.activity_no().to_owned(),
            project_no: activity.project_no().to_owned(),
            note: activity.note.to_owned(),
        };
        let (partner, other) = (seed::PARTNER, seed::OTHER_PARTNER);
        Self {
            appid: partner.appid.to_owned(),
            secret: partner.secret.to_owned(),
            bid: partner.bid.to_owned(),
            org_no: partner.org_no.to_owned(),
            activities: seed::ordinary_activities().iter().map(of_activity).collect(),
            special: seed::special_activities().into_iter().map(special).collect(),
            unbound_project_no: seed::UNBOUND_PROJECT_NO.to_owned(),
            other: OtherCredentials {
                appid: other.appid.to_owned(),
                secret: other.secret.to_owned(),
                bid: other.bid.to_owned(),
                org_no: other.org_no.to_owned(),
                activities: vec![of_activity(&seed::other_activity())],
            },
        }
    }
}

fn name_of(role: Role) -> String {
    let name = match role {
        Role::Viewer => "viewer",
        Role::Reviewer => "reviewer",
        Role::Finance => "finance",
        Role::Admin => "admin",
    };
    name.to_owned()
}

fn of_activity(activity: &SeedActivity) -> ActivityCredentials {
    ActivityCredentials {
        activity_no: activity.activity_no().to_owned(),
        project_no: activity.project_no().to_owned(),
        settlement: activity.settlement().to_owned(),
        money: activity.money.to_string(),
    }
}
