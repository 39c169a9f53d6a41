//! Operators' tokens.

use axum::http::StatusCode;
use axum::response::Response;
use huodong_campaign::{self as campaign, CreateToken, OperatorToken, RevokeToken, TokenId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::auth::{Administers, Operator, Reads};
use super::body::{Json, Named};
use super::csv::Record;
use super::document::{Changing, Reading};
use super::list::{List, Listing, Paging};
use super::organizations::Filter;
use super::problem::Problem;
use super::token::generate;
use super::values::{Time, TokenName, words};

words! {
    /// What a token allows: `viewer` reads everything; `reviewer` reads, and decides on enrolments;
    /// `finance` reads, and moves money; `admin` may do everything.
    Role { Viewer, Reviewer, Finance, Admin }
}

/// A token. Its text is shown when it is made and never again.
#[derive(Serialize, ToSchema)]
pub(super) struct Token {
    /// Its name, as the audit log has it.
    #[schema(example = "alice")]
    name: String,
    /// What it allows.
    role: Role,
    /// When it was made, by the business clock.
    created_at: Time,
    /// When it ends by itself, by the real clock.
    expires_at: Option<Time>,
    /// When it was taken back, by the business clock.
    revoked_at: Option<Time>,
}

impl From<OperatorToken> for Token {
    fn from(it: OperatorToken) -> Self {
        Self {
            name: it.name.to_string(),
            role: it.role.into(),
            created_at: Time(it.created_at),
            expires_at: it.expires_at.map(Time),
            revoked_at: it.revoked_at.map(Time),
        }
    }
}

impl Record for Token {
    const LIST: &'static str = "tokens";
    const COLUMNS: &'static [&'static str] =
        &["name", "role", "created_at", "expires_at", "revoked_at"];
}

/// Lists tokens, by name.
#[utoipa::path(
    get, path = "/tokens", operation_id = "list_tokens", tag = "operators", params(Paging),
    responses(
        (status = 200, description = "A page, or all as CSV", content(
            (Listing<Token> = "application/json"), (String = "text/csv"))),
        Reading,
    )
)]
pub(super) async fn list(
    operator: Operator<Reads>,
    list: List<Filter>,
) -> Result<Response, Problem> {
    let mut tokens = operator.read(|reader| reader.tokens()).await?;
    tokens.sort_by(|a, b| a.name.cmp(&b.name));
    let rows = tokens.into_iter().map(Token::from).collect();
    list.answer_sorted(rows, |token: &Token| token.name.clone())
}

/// What a token is made from.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewToken {
    /// Its name, which stays its own for ever.
    name: TokenName,
    /// What it allows.
    role: Role,
    /// When it ends by itself; never where none is given.
    expires_at: Option<Time>,
}

/// A token, and this once its text.
#[derive(Serialize, ToSchema)]
pub(super) struct MadeToken {
    #[serde(flatten)]
    about: Token,
    /// The token itself. It is not kept and not shown again.
    #[schema(example = "hdop_…")]
    token: String,
}

/// Makes a token. Its text is in this answer and nowhere else.
#[utoipa::path(
    post, path = "/tokens", operation_id = "create_token", tag = "operators",
    security(("token" = ["admin"])),
    request_body(content = NewToken, example = json!(
        {"name": "alice", "role": "finance", "expires_at": "2027-01-01 00:00:00"})),
    responses((status = 201, description = "Made", body = MadeToken), Changing)
)]
pub(super) async fn create(
    operator: Operator<Administers>,
    Json(new): Json<NewToken>,
) -> Result<(StatusCode, axum::Json<MadeToken>), Problem> {
    let app = operator.app();
    let expires_at = new.expires_at.map(|time| time.0);
    if expires_at.is_some_and(|at| at <= app.engine.clock().real()) {
        return Err(Problem::invalid("expires_at", "expires_at must be in the future"));
    }
    let (plain, digest) = generate(app.chance);
    let name = TokenId::from(new.name.into_string());
    let role = campaign::Role::from(new.role);
    let made = operator.change(CreateToken { name, role, digest, expires_at }).await?;
    Ok((StatusCode::CREATED, axum::Json(MadeToken { about: made.into(), token: plain })))
}

/// Takes a token back, at once and for good.
#[utoipa::path(
    post, path = "/tokens/{name}/revoke", operation_id = "revoke_token", tag = "operators",
    security(("token" = ["admin"])),
    params(("name" = String, Path, description = "Its name")),
    responses((status = 200, description = "Taken back", body = Token), Changing)
)]
pub(super) async fn revoke(
    operator: Operator<Administers>,
    Named(name): Named<String>,
) -> Result<axum::Json<Token>, Problem> {
    let revoked = operator.change(RevokeToken { name: TokenId::from(name) }).await?;
    Ok(axum::Json(revoked.into()))
}
