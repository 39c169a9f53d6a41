use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{Audited, Command, TokenId, Wanted, World};

/// What a token's bearer may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Reads everything.
    Viewer,
    /// Reads, and decides on enrolments.
    Reviewer,
    /// Reads, and moves money: deposits, funding, refunds.
    Finance,
    /// Everything, tokens included.
    Admin,
}

/// A bearer token of the operator API. Only a digest of it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorToken {
    /// Its name, as the audit log calls its bearer.
    pub name: TokenId,
    /// What it allows.
    pub role: Role,
    /// SHA-256 of the token.
    pub digest: [u8; 32],
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// When it was taken back.
    pub revoked_at: Option<Timestamp>,
}

/// Why a command on a token was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TokenRefusal {
    /// There is one with this name.
    #[error("name {0} is taken")]
    Taken(TokenId),
    /// There is none with this name.
    #[error("name {0} is unknown")]
    Unknown(TokenId),
    /// It was taken back before.
    #[error("token {0} is already revoked")]
    Revoked(TokenId),
}

/// Makes a token whose plain text the caller has shown.
#[derive(Clone, Debug, Serialize)]
pub struct CreateToken {
    /// Its name.
    pub name: TokenId,
    /// What it allows.
    pub role: Role,
    /// SHA-256 of its plain text.
    #[serde(skip)]
    pub digest: [u8; 32],
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
}

impl Command for CreateToken {
    type Done = OperatorToken;
    type Refusal = TokenRefusal;

    fn wants<'a>(&'a self, wanted: &mut Wanted<'a>) {
        wanted.tokens.insert(&self.name);
    }

    fn decide(&self, world: &mut World) -> Result<OperatorToken, TokenRefusal> {
        if world.tokens.contains(&self.name) {
            return Err(TokenRefusal::Taken(self.name.clone()));
        }
        let token = OperatorToken {
            name: self.name.clone(),
            role: self.role,
            digest: self.digest,
            created_at: world.now,
            expires_at: self.expires_at,
            revoked_at: None,
        };
        world.tokens.insert(self.name.clone(), token.clone());
        Ok(token)
    }
}

impl Audited for CreateToken {
    const ACTION: &'static str = "token.create";

    fn subject(&self, _done: &OperatorToken) -> String {
        self.name.to_string()
    }

    fn detail(&self) -> String {
        crate::audit::json(self)
    }
}

/// Takes a token back, for good.
#[derive(Clone, Debug, Serialize)]
pub struct RevokeToken {
    /// Its name.
    pub name: TokenId,
}

impl Command for RevokeToken {
    type Done = OperatorToken;
    type Refusal = TokenRefusal;

    fn wants<'a>(&'a self, wanted: &mut Wanted<'a>) {
        wanted.tokens.insert(&self.name);
    }

    fn decide(&self, world: &mut World) -> Result<OperatorToken, TokenRefusal> {
        let now = world.now;
        match world.tokens.get(&self.name) {
            None => return Err(TokenRefusal::Unknown(self.name.clone())),
            Some(token) if token.revoked_at.is_some() => {
                return Err(TokenRefusal::Revoked(self.name.clone()));
            }
            Some(_) => {}
        }
        let token = world.tokens.change(&self.name).expect("found above");
        token.revoked_at = Some(now);
        Ok(token.clone())
    }
}

impl Audited for RevokeToken {
    const ACTION: &'static str = "token.revoke";

    fn subject(&self, _done: &OperatorToken) -> String {
        self.name.to_string()
    }

    fn detail(&self) -> String {
        crate::audit::json(self)
    }
}
