use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{AccountId, AccountKind, Audited, Command, ProjectNo, Wanted, World};

/// A charity project that receives donations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Project {
    /// Its number.
    pub project_no: ProjectNo,
    /// Its name.
    pub name: String,
    /// What it has received.
    pub account: AccountId,
    /// When it was taken in.
    pub created_at: Timestamp,
}

/// Why a command on a project was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ProjectRefusal {
    /// There is one with this number.
    #[error("project_no {0} is taken")]
    Taken(ProjectNo),
}

/// Takes in a project.
#[derive(Clone, Debug, Serialize)]
pub struct CreateProject {
    /// Its number; made from the sequence where none is given.
    pub project_no: Option<ProjectNo>,
    /// Its name.
    pub name: String,
}

impl Command for CreateProject {
    type Done = Project;
    type Refusal = ProjectRefusal;

    fn wants<'a>(&'a self, wanted: &mut Wanted<'a>) {
        wanted.projects.extend(&self.project_no);
    }

    fn decide(&self, world: &mut World) -> Result<Project, ProjectRefusal> {
        if let Some(project_no) = &self.project_no
            && world.projects.contains(project_no)
        {
            return Err(ProjectRefusal::Taken(project_no.clone()));
        }
        let project_no =
            self.project_no.clone().unwrap_or_else(|| ProjectNo::from(world.take_id().to_string()));
        let project = Project {
            project_no: project_no.clone(),
            name: self.name.clone(),
            account: world.open_account(AccountKind::Project, project_no.as_str()),
            created_at: world.now,
        };
        world.projects.insert(project_no, project.clone());
        Ok(project)
    }
}

impl Audited for CreateProject {
    const ACTION: &'static str = "project.create";

    fn subject(&self, done: &Project) -> String {
        done.project_no.to_string()
    }

    fn detail(&self) -> String {
        crate::audit::json(self)
    }
}
