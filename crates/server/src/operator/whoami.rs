//! Whose token this is.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use super::auth::{Operator, Reads};
use super::document::Reading;
use super::tokens::Role;
use super::values::Time;

/// The token a call was made with.
#[derive(Serialize, ToSchema)]
pub(super) struct Whoami {
    /// Its name, as the audit log has it.
    #[schema(example = "alice")]
    name: String,
    /// What it allows.
    role: Role,
    /// When it ends by itself.
    expires_at: Option<Time>,
}

/// Tells whose token this is and what it allows.
#[utoipa::path(
    get, path = "/whoami", operation_id = "whoami", tag = "operators",
    responses((status = 200, description = "The token", body = Whoami), Reading)
)]
pub(super) async fn whoami(operator: Operator<Reads>) -> Json<Whoami> {
    let token = operator.token();
    Json(Whoami {
        name: token.name.to_string(),
        role: token.role.into(),
        expires_at: token.expires_at.map(Time),
    })
}
