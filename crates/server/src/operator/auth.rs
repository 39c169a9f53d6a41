//! Who may do what. A handler says in the type of its first argument what its caller must be
//! allowed, so none can forget to ask, and only through that argument can it read or change.

use std::marker::PhantomData;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use huodong_campaign::{Actor, Audited, Operated, OperatorToken, Role};
use huodong_engine::EngineError;
use huodong_store::{Reader, StoreError};
use jiff::Timestamp;

use super::problem::{Kind, Problem};
use super::token;
use super::trace::trace_id;
use crate::App;

/// Something only some roles may do.
pub(super) trait Permission: Send + Sync + 'static {
    /// Who may.
    const ROLES: &'static [Role];
}

/// A permission to change something.
pub(super) trait Changes: Permission {}

/// Sees everything.
pub(super) struct Reads;
/// Moves money: deposits, withdrawals, funding, refunds.
pub(super) struct MovesMoney;
/// Decides on enrolments.
pub(super) struct Reviews;
/// Sets the platform up: partners, activities, tokens.
pub(super) struct Administers;

// The table of roles and permissions.
impl Permission for Reads {
    const ROLES: &'static [Role] = &[Role::Viewer, Role::Reviewer, Role::Finance, Role::Admin];
}
impl Permission for MovesMoney {
    const ROLES: &'static [Role] = &[Role::Finance, Role::Admin];
}
impl Permission for Reviews {
    const ROLES: &'static [Role] = &[Role::Reviewer, Role::Admin];
}
impl Permission for Administers {
    const ROLES: &'static [Role] = &[Role::Admin];
}
impl Changes for MovesMoney {}
impl Changes for Reviews {}
impl Changes for Administers {}

/// A caller that showed a valid token whose role has permission `P`.
pub(super) struct Operator<P> {
    app: Arc<App>,
    token: OperatorToken,
    trace_id: String,
    permission: PhantomData<P>,
}

impl<P: Permission> FromRequestParts<Arc<App>> for Operator<P> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let plain = bearer(parts)?;
        // What cannot be a token costs no look into the database.
        if !token::is_shaped(plain) {
            return Err(unauthenticated("the token is not one of this server's: they read hdop_…"));
        }
        let digest = token::digest_of(plain);
        let found = read(app, move |reader| reader.token_by_digest(&digest)).await?;
        let token = found.ok_or_else(|| unauthenticated("the token is unknown"))?;
        check_living(&token, app.engine.clock().real())?;
        if !P::ROLES.contains(&token.role) {
            return Err(forbidden(&token, P::ROLES));
        }
        let trace_id = trace_id(&parts.extensions);
        Ok(Self { app: app.clone(), token, trace_id, permission: PhantomData })
    }
}

impl<P> Operator<P> {
    /// The whole server.
    pub(super) fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// The token shown.
    pub(super) fn token(&self) -> &OperatorToken {
        &self.token
    }

    /// Answers a question from what is committed.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Reader) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Problem> {
        read(&self.app, question).await
    }

    /// What the path names, or the problem that there is none.
    pub(super) async fn find<T: Send + 'static>(
        &self,
        field: &str,
        named: &str,
        question: impl FnOnce(&Reader) -> Result<Option<T>, StoreError> + Send + 'static,
    ) -> Result<T, Problem> {
        self.read(question).await?.ok_or_else(|| Problem::unknown(field, named))
    }
}

impl<P: Changes> Operator<P> {
    /// Carries a command out, with a line in the audit log.
    pub(super) async fn change<C: Audited>(&self, command: C) -> Result<C::Done, Problem>
    where
        C::Refusal: Into<Problem>,
    {
        self.submit(command).await?.map_err(Into::into)
    }

    /// The same, for a caller with words of its own for what goes wrong.
    pub(super) async fn submit<C: Audited>(
        &self,
        command: C,
    ) -> Result<Result<C::Done, C::Refusal>, EngineError> {
        let actor = Actor { name: self.token.name.to_string(), trace_id: self.trace_id.clone() };
        let deadline = self.app.settings.deadline;
        let outcome = self.app.engine.submit(Operated { actor, command }, deadline).await;
        let outcome = outcome.inspect_err(|error| self.app.metrics.engine_failed(error))?;
        let (operator, trace_id) = (self.token.name.as_str(), self.trace_id.as_str());
        tracing::info!(
            operator,
            trace_id,
            action = C::ACTION,
            done = outcome.is_ok(),
            "operator's change"
        );
        Ok(outcome)
    }
}

/// Asks the store, for as long as a caller is to wait.
pub(super) async fn read<T: Send + 'static>(
    app: &App,
    question: impl FnOnce(&Reader) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Problem> {
    let answer = tokio::time::timeout(app.settings.deadline, app.engine.read(question)).await;
    Ok(answer.map_err(|_| EngineError::Deadline)??)
}

fn bearer(parts: &Parts) -> Result<&str, Problem> {
    let header = parts.headers.get(header::AUTHORIZATION);
    let header = header.ok_or_else(|| {
        unauthenticated("send a token of this server: Authorization: Bearer hdop_…")
    })?;
    let scheme_and_token = header.to_str().ok().and_then(|text| text.split_once(' '));
    match scheme_and_token {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(token.trim()),
        _ => Err(unauthenticated("the Authorization header must read: Bearer hdop_…")),
    }
}

/// Tokens are judged by the real clock: a sandbox that moves its business clock must not let an
/// old token in again.
fn check_living(token: &OperatorToken, now: Timestamp) -> Result<(), Problem> {
    if token.revoked_at.is_some() {
        return Err(unauthenticated("the token was revoked"));
    }
    if token.expires_at.is_some_and(|at| at <= now) {
        return Err(unauthenticated("the token has expired"));
    }
    Ok(())
}

fn unauthenticated(detail: &str) -> Problem {
    Problem::new(Kind::Unauthenticated, detail)
}

fn forbidden(token: &OperatorToken, roles: &[Role]) -> Problem {
    let needed = roles.iter().copied().map(role_word).collect::<Vec<_>>().join(" or ");
    let detail =
        format!("token {} has the role {}; this needs {needed}", token.name, role_word(token.role));
    Problem::new(Kind::Forbidden, detail)
}

fn role_word(role: Role) -> &'static str {
    match role {
        Role::Viewer => "viewer",
        Role::Reviewer => "reviewer",
        Role::Finance => "finance",
        Role::Admin => "admin",
    }
}
