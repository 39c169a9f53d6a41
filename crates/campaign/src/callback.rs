mod claim;
mod resend;

use jiff::{SignedDuration, Timestamp};

pub use claim::{Claim, Claimed, FreeLeases, Outcome, RecordAttempt};
pub use resend::{Resend, ResendRefusal};

use crate::{Coupon, Id, InstitutionId, World};

/// When each attempt is due, in seconds after the event: the printed intervals of
/// 1s/5s/5s/10s/3m/10m/20m/30m/1h/2h, summed up.
pub const SCHEDULE_S: [i64; 10] = [1, 6, 11, 21, 201, 801, 2_001, 3_801, 7_401, 14_601];

/// What a callback tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CallbackEvent {
    /// A coupon was issued, or was not (发放回调).
    IssueResult,
    /// A coupon was used, or expired (核销回调).
    WriteOff,
}

/// Where a callback stands. It moves `Waiting ⇄ Leased → Delivered | Exhausted`; an operator can
/// send one again that is at its end, and an acknowledgement that comes late, when its lease was
/// lost, delivers it from wherever it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallbackState {
    /// The next attempt is due at this business time.
    Waiting {
        /// When.
        due_at: Timestamp,
    },
    /// An attempt is under way, by whoever took it …
    Leased {
        /// … until this moment of the real clock, after which it counts as interrupted.
        until: Timestamp,
        /// When the attempt was due.
        due_at: Timestamp,
    },
    /// The receiver has acknowledged it.
    Delivered,
    /// The last attempt has failed.
    Exhausted,
}

/// A message owed to an institution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callback {
    /// Its number.
    pub id: Id,
    /// What it tells.
    pub event: CallbackEvent,
    /// Of which coupon.
    pub coupon: Id,
    /// Whom it is owed to.
    pub appid: InstitutionId,
    /// Where it goes: host and port of the address. With `appid` this is the receiver, whose
    /// callbacks do not hold up those of others.
    pub receiver: Box<str>,
    /// When what it tells happened.
    pub created_at: Timestamp,
    /// What its schedule counts from: `created_at`, or when it was sent again.
    pub began_at: Timestamp,
    /// Attempts of this schedule that have failed.
    pub tries: u8,
    /// Attempts in all, interrupted ones included.
    pub attempts: u32,
    /// How many of those, the first ones, are archived: kept elsewhere.
    pub archived: u32,
    /// Where it stands.
    pub state: CallbackState,
    /// When it was delivered or exhausted.
    pub finished_at: Option<Timestamp>,
}

impl Callback {
    /// Whether it came to its end before this moment, and is there still.
    pub fn ended_before(&self, moment: Timestamp) -> bool {
        let ended = matches!(self.state, CallbackState::Delivered | CallbackState::Exhausted);
        ended && self.finished_at.is_some_and(|at| at < moment)
    }
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AttemptOutcome {
    /// A 2xx answer whose body says SUCCESS.
    Acknowledged,
    /// A 2xx answer whose body says anything else.
    NotAcknowledged,
    /// Another status; redirects are not followed.
    BadStatus,
    /// No whole answer in time.
    TimedOut,
    /// No connection.
    Unreachable,
    /// The answer was larger than is read.
    TooLarge,
    /// The connection broke, or what came was no HTTP.
    Broken,
    /// The address leads to where callbacks may not go.
    Forbidden,
    /// The process ended before the attempt's outcome was known; it is made again.
    Interrupted,
    /// Nothing was sent, for a reason of our own; it is made again.
    NotSent,
}

/// One attempt to deliver a callback. Never changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Its number.
    pub id: Id,
    /// Of which callback.
    pub callback: Id,
    /// Which of its attempts, from 1 on.
    pub number: u32,
    /// When it was due, by the business clock.
    pub due_at: Timestamp,
    /// When it began, by the business clock.
    pub at: Timestamp,
    /// How long it took, in milliseconds.
    pub took_ms: u32,
    /// How it ended.
    pub outcome: AttemptOutcome,
    /// The answer's HTTP status, where there was one.
    pub status: Option<u16>,
    /// The answer's first bytes.
    pub answer: Vec<u8>,
    /// What exactly went wrong, in a sentence; empty where nothing did.
    pub reason: String,
}

/// The receiver of an address: its host, and its port where that is not the scheme's own, in
/// lowercase. For grouping, not for connecting; other spellings of one address give the same: with
/// the dot that ends a full name, with noughts before the port, with the scheme's own port or with
/// none after the colon.
pub fn receiver_of(address: &str) -> Box<str> {
    let (scheme, rest) = address.split_once("://").unwrap_or_default();
    let rest = if scheme.is_empty() { address } else { rest };
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    // The colons of an IPv6 address are no port's: they stand before its bracket.
    let (host, port) = match host.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => (host, port),
        _ => (host, ""),
    };
    let mut receiver = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    let port = port.trim_start_matches('0');
    let own_port = if scheme.eq_ignore_ascii_case("http") { "80" } else { "443" };
    if !port.is_empty() && port != own_port {
        receiver.push(':');
        receiver.push_str(port);
    }
    receiver.into_boxed_str()
}

/// Writes down that an institution is to be told.
pub(crate) fn owe(world: &mut World, coupon: &Coupon, event: CallbackEvent, address: &str) {
    let id = world.take_id();
    let now = world.now;
    world.callbacks.insert(
        id,
        Callback {
            id,
            event,
            coupon: coupon.id,
            appid: coupon.key.appid.clone(),
            receiver: receiver_of(address),
            created_at: now,
            began_at: now,
            tries: 0,
            attempts: 0,
            archived: 0,
            state: CallbackState::Waiting { due_at: due(now, 0) },
            finished_at: None,
        },
    );
}

/// When the attempt after so many failed ones is due.
fn due(began_at: Timestamp, tries: u8) -> Timestamp {
    let after = SignedDuration::from_secs(SCHEDULE_S[usize::from(tries)]);
    began_at.checked_add(after).unwrap_or(Timestamp::MAX)
}
