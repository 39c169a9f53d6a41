//! Charity projects that receive donations.

use axum::http::StatusCode;
use axum::response::Response;
use huodong_campaign::{self as campaign, CreateProject, Fen, ProjectNo};
use huodong_store::{Reader, StoreError};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::auth::{Administers, Operator, Reads};
use super::body::{Json, Named};
use super::csv::Record;
use super::document::{Changing, Getting, Reading};
use super::list::{List, Listing, Paging, try_shown};
use super::organizations::Filter;
use super::problem::Problem;
use super::values::{Name, Number, Time};

/// A charity project.
#[derive(Serialize, ToSchema)]
pub(super) struct Project {
    /// Its number.
    #[schema(example = "p1")]
    project_no: String,
    /// Its name.
    #[schema(example = "乡村图书室")]
    name: String,
    /// What it has received and not had refunded, in fen.
    balance: i64,
    /// Its account in the ledger.
    account: String,
    /// When it was taken in.
    created_at: Time,
}

impl Project {
    fn new(it: campaign::Project, balance: Fen) -> Self {
        Self {
            project_no: it.project_no.to_string(),
            name: it.name,
            balance: balance.0,
            account: it.account.to_string(),
            created_at: Time(it.created_at),
        }
    }

    fn read(reader: &Reader, it: campaign::Project) -> Result<Self, StoreError> {
        let account = reader.account(it.account)?;
        Ok(Self::new(it, account.map_or(Fen::ZERO, |account| account.balance)))
    }
}

impl Record for Project {
    const LIST: &'static str = "projects";
    const COLUMNS: &'static [&'static str] =
        &["project_no", "name", "balance", "account", "created_at"];
}

/// Lists projects.
#[utoipa::path(
    get, path = "/projects", operation_id = "list_projects", tag = "projects", params(Paging),
    responses(
        (status = 200, description = "A page, or all as CSV", content(
            (Listing<Project> = "application/json"), (String = "text/csv"))),
        Reading,
    )
)]
pub(super) async fn list(
    operator: Operator<Reads>,
    list: List<Filter>,
) -> Result<Response, Problem> {
    list.answer(&operator, |reader, _, page| {
        try_shown(reader.projects(page)?, |it| Project::read(reader, it))
    })
    .await
}

/// What a project is made from.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewProject {
    /// Its number; made where none is given.
    project_no: Option<Number>,
    /// Its name.
    name: Name,
}

/// Takes in a project.
#[utoipa::path(
    post, path = "/projects", operation_id = "create_project", tag = "projects",
    security(("token" = ["admin"])),
    request_body(content = NewProject, example = json!({"project_no": "p1", "name": "乡村图书室"})),
    responses((status = 201, description = "Made", body = Project), Changing)
)]
pub(super) async fn create(
    operator: Operator<Administers>,
    Json(new): Json<NewProject>,
) -> Result<(StatusCode, axum::Json<Project>), Problem> {
    let command = CreateProject {
        project_no: new.project_no.map(|it| ProjectNo::from(it.into_string())),
        name: new.name.into_string(),
    };
    let made = operator.change(command).await?;
    Ok((StatusCode::CREATED, axum::Json(Project::new(made, Fen::ZERO))))
}

/// Shows a project.
#[utoipa::path(
    get, path = "/projects/{project_no}", operation_id = "get_project", tag = "projects",
    params(("project_no" = String, Path, description = "Its number")),
    responses(
        (status = 200, description = "It", body = Project),
        Getting,
    )
)]
pub(super) async fn get(
    operator: Operator<Reads>,
    Named(project_no): Named<String>,
) -> Result<axum::Json<Project>, Problem> {
    let number = ProjectNo::from(project_no.as_str());
    let shown = operator.find("project_no", &project_no, move |reader| {
        let found = reader.project(&number)?;
        found.map(|it| Project::read(reader, it)).transpose()
    });
    Ok(axum::Json(shown.await?))
}
