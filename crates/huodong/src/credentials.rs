//! The credentials file of a sandbox, as a caller reads it.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::failure::{Context as _, Failure};

/// Where to call and as whom. Other keys of the file are left alone.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Credentials {
    /// Where.
    pub(crate) base_url: String,
    /// As whom.
    pub(crate) gongyi: Gongyi,
}

/// A gongyi application and what it may give from.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Gongyi {
    pub(crate) appid: String,
    pub(crate) secret: String,
    pub(crate) bid: String,
    #[serde(default)]
    pub(crate) org_no: String,
    #[serde(default)]
    pub(crate) activities: Vec<Activity>,
}

/// An activity to donate to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Activity {
    pub(crate) activity_no: String,
    pub(crate) project_no: String,
    #[serde(default)]
    pub(crate) settlement: String,
}

impl Credentials {
    /// Those of every sandbox: they are the same at every start.
    pub(crate) fn well_known() -> Self {
        let partner = huodong_server::seed::PARTNER;
        let activities = huodong_server::seed::ordinary_activities();
        Self {
            base_url: crate::caller::SANDBOX_URL.to_owned(),
            gongyi: Gongyi {
                appid: partner.appid.to_owned(),
                secret: partner.secret.to_owned(),
                bid: partner.bid.to_owned(),
                org_no: partner.org_no.to_owned(),
                activities: activities
                    .iter()
                    .map(|activity| Activity {
                        activity_no: activity.activity_no().to_owned(),
                        project_no: activity.project_no().to_owned(),
                        settlement: activity.settlement().to_owned(),
                    })
                    .collect(),
            },
        }
    }

    /// Reads the file.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(path)
            .cannot(format_args!("read the credentials {}", path.display()))?;
        serde_json::from_str(&text).cannot(format_args!("read the credentials {}", path.display()))
    }
}
