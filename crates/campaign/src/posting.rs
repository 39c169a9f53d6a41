use serde::Serialize;
use thiserror::Error;

use crate::{AccountId, AccountKind, Audited, Command, Fen, Id, TransferReason, Wanted, World};

/// A caller's own name for one movement of money on an account, by which repeating it is safe.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PostingKey {
    /// With `owner`, the account whose name it is unique for.
    pub kind: AccountKind,
    /// Whose the account is.
    pub owner: String,
    /// The caller's name for it.
    pub reference: String,
}

/// A movement of money that a caller named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posting {
    /// Its name.
    pub key: PostingKey,
    /// Why the money moved.
    pub reason: TransferReason,
    /// How much.
    pub money: Fen,
    /// The movement.
    pub transfer: Id,
}

/// A command that moves money once, by one transfer, and tells an account's new balance.
pub trait Posts: Audited<Done = Fen> + Serialize {
    /// Why it moves money.
    const REASON: TransferReason;
    /// What the account is whose balance it tells.
    const KIND: AccountKind;

    /// Whose that account is.
    fn owner(&self) -> &str;

    /// How much it moves.
    fn money(&self) -> Fen;

    /// That account, of an owner that is there.
    fn account(&self, world: &World) -> Option<AccountId>;
}

/// Why a movement of money with a name was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PostingRefusal<R> {
    /// The name was given to another.
    #[error("reference {reference} was used for a {reason:?} of {money}")]
    ReferenceUsed {
        /// The name.
        reference: String,
        /// Why that one moved money.
        reason: TransferReason,
        /// How much.
        money: Fen,
    },
    /// The rules of the movement itself.
    #[error(transparent)]
    Rules(R),
}

/// What a movement of money, done now or before, left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Posted {
    /// The account's balance as it is now.
    pub balance: Fen,
    /// It was done before, under the same name; nothing was changed.
    pub repeated: bool,
}

/// A command that moves money, under a name where the caller gave one: the same again is told that
/// it was done, and done no more.
#[derive(Clone, Debug)]
pub struct Referenced<C> {
    key: Option<PostingKey>,
    command: C,
}

impl<C: Posts> Referenced<C> {
    /// The command under this name.
    pub fn new(reference: Option<String>, command: C) -> Self {
        let key = reference.map(|reference| PostingKey {
            kind: C::KIND,
            owner: command.owner().to_owned(),
            reference,
        });
        Self { key, command }
    }
}

impl<C: Posts> Command for Referenced<C> {
    type Done = Posted;
    type Refusal = PostingRefusal<C::Refusal>;

    fn wants<'a>(&'a self, wanted: &mut Wanted<'a>) {
        self.command.wants(wanted);
        wanted.postings.extend(&self.key);
    }

    fn decide(&self, world: &mut World) -> Result<Posted, PostingRefusal<C::Refusal>> {
        let (reason, money) = (C::REASON, self.command.money());
        let before = self.key.as_ref().and_then(|key| world.postings.get(key));
        if let Some(before) = before
            && (before.reason, before.money) != (reason, money)
        {
            return Err(PostingRefusal::ReferenceUsed {
                reference: before.key.reference.clone(),
                reason: before.reason,
                money: before.money,
            });
        }
        if before.is_some()
            && let Some(account) = self.command.account(world)
        {
            return Ok(Posted { balance: world.balance(account), repeated: true });
        }
        let balance = self.command.decide(world).map_err(PostingRefusal::Rules)?;
        if let Some(key) = &self.key {
            let transfer = world.transfers.last().expect("the command moved money").id;
            let posting = Posting { key: key.clone(), reason, money, transfer };
            world.postings.insert(key.clone(), posting);
        }
        Ok(Posted { balance, repeated: false })
    }
}

impl<C: Posts> Audited for Referenced<C> {
    const ACTION: &'static str = C::ACTION;

    fn subject(&self, done: &Posted) -> String {
        self.command.subject(&done.balance)
    }

    fn detail(&self) -> String {
        #[derive(Serialize)]
        struct Detail<'a, C> {
            #[serde(flatten)]
            command: &'a C,
            #[serde(skip_serializing_if = "Option::is_none")]
            reference: Option<&'a str>,
        }
        let reference = self.key.as_ref().map(|key| key.reference.as_str());
        crate::audit::json(&Detail { command: &self.command, reference })
    }

    fn is_change(&self, done: &Posted) -> bool {
        !done.repeated
    }
}
