//! Who calls: the common fields, the initiator's signature, its freshness and its rate; and then
//! what is in the envelope.

use std::sync::Arc;
use std::time::Duration;

use huodong_wire::ysepay::{
    Api, Charset, Common, ContentKey, Fields, GatewayCode, Opened, open, req_id_ends_with_time,
};
use jiff::Timestamp;
use jiff::civil::DateTime;

use super::parts::SentFile;
use super::refusal::Refusal;
use super::sent::Sent;
use super::words;
use crate::App;
use crate::directory::KnownInitiator;
use crate::platform::Gateway;
use crate::signing::Urgency;

/// Whom an answer is for, which says how it is written and whether it is signed.
#[derive(Debug, Default)]
pub(super) enum Standing {
    /// Nobody that is known.
    #[default]
    Unknown,
    /// Somebody who says that it is this one.
    Stranger(Arc<KnownInitiator>),
    /// It is this one, and its call came too late or too often.
    TurnedAway(Arc<KnownInitiator>),
    /// It is this one. The key is there once the envelope was opened.
    LetIn(Arc<KnownInitiator>, Option<ContentKey>),
}

/// A call that was let in and opened.
pub(super) struct Entered {
    pub(super) req_id: Box<str>,
    pub(super) charset: Charset,
    pub(super) fields: Arc<Fields>,
    pub(super) initiator: Arc<KnownInitiator>,
    pub(super) content: Vec<u8>,
    pub(super) file: Option<SentFile>,
}

/// Lets a call in, if it may pass.
///
/// The order matters. Nothing is believed before the signature has verified, so a stranger learns no
/// more than whether a certId exists, and cannot use up an initiator's rate. The envelope is opened
/// last, as only an initiator's own calls are worth a private key's work.
pub(super) async fn authenticate(
    app: &App,
    api: Api,
    sent: Sent,
    standing: &mut Standing,
) -> Result<Entered, Refusal> {
    let Sent { fields, file } = sent;
    let fields = Arc::new(fields);
    let common = Common::read(&fields)
        .map_err(|error| Refusal::gateway(GatewayCode::InvalidField, error.to_string()))?;
    if common.method != api.method() {
        let reason = "method 与请求地址不一致";
        return Err(Refusal::gateway(GatewayCode::MethodNotGranted, reason));
    }
    let initiator = app.directory.initiator(common.cert_id);
    let initiator = initiator.ok_or_else(|| Refusal::gateway(GatewayCode::UnknownCertId, ""))?;
    *standing = Standing::Stranger(Arc::clone(&initiator));
    let (req_id, charset) = (common.req_id.into(), common.charset);
    let gateway = app.platform.gateway(initiator.mode());
    let gateway = gateway.ok_or_else(|| {
        tracing::error!(mode = %initiator.mode(), "the gateway has no key of this mode");
        Refusal::gateway(GatewayCode::Internal, "")
    })?;
    let examined = Examination {
        initiator: Arc::clone(&initiator),
        gateway,
        sent_at: common.time_stamp,
        now: app.engine.clock().real(),
        freshness_s: app.settings.ysepay.freshness_s,
        fields: Arc::clone(&fields),
    };
    let examined = examine(app, examined, app.settings.deadline).await?;
    let Opened { key, content } = examined.map_err(|refused| {
        *standing = refused.standing(&initiator);
        Refusal::gateway(refused.code(), refused.reason())
    })?;
    *standing = Standing::LetIn(Arc::clone(&initiator), Some(key));
    Ok(Entered { req_id, charset, fields, initiator, content, file })
}

/// Has a call examined where signatures are made: both take a good part of a millisecond.
async fn examine(
    app: &App,
    examination: Examination,
    at_most: Duration,
) -> Result<Result<Opened, Refused>, Refusal> {
    let busy = || Refusal::gateway(GatewayCode::Internal, "");
    // What could not be answered in time is better not begun.
    if app.signers.backlog_of(Urgency::Call) > at_most {
        return Err(busy());
    }
    let examined = app.signers.run(Urgency::Call, move || examination.carry_out());
    tokio::time::timeout(at_most, examined).await.map_err(|_| busy())
}

/// All that takes a key.
struct Examination {
    initiator: Arc<KnownInitiator>,
    gateway: Arc<Gateway>,
    sent_at: DateTime,
    now: Timestamp,
    freshness_s: u32,
    fields: Arc<Fields>,
}

/// Why a call does not pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refused {
    Signature,
    ReqId,
    Stale,
    TooOften,
    Sealed,
}

impl Examination {
    fn carry_out(&self) -> Result<Opened, Refused> {
        if !self.initiator.keys(self.now).any(|key| self.fields.verify(key)) {
            return Err(Refused::Signature);
        }
        let field = |name| self.fields.get(name).unwrap_or_default();
        let strict = self.initiator.initiator.strict_req_id;
        if strict && !req_id_ends_with_time(field("reqId")) {
            return Err(Refused::ReqId);
        }
        if !self.is_fresh() {
            return Err(Refused::Stale);
        }
        if !self.initiator.rate.allows() {
            return Err(Refused::TooOften);
        }
        let opened = open(&self.gateway.opening, field("check"), field("bizContent"));
        opened.map_err(|_| Refused::Sealed)
    }

    fn is_fresh(&self) -> bool {
        let now = words::shanghai(self.now);
        let apart = now.duration_since(self.sent_at).as_secs().unsigned_abs();
        apart <= u64::from(self.freshness_s)
    }
}

impl Refused {
    fn code(self) -> GatewayCode {
        match self {
            Self::Signature => GatewayCode::BadSignature,
            Self::ReqId => GatewayCode::InvalidField,
            Self::Stale => GatewayCode::StaleTimeStamp,
            Self::TooOften => GatewayCode::RateLimited,
            Self::Sealed => GatewayCode::CannotOpen,
        }
    }

    fn reason(self) -> &'static str {
        match self {
            Self::ReqId => "reqId 最后 12 位必须是 yyMMddHHmmss 格式的时间",
            Self::Signature | Self::Stale | Self::TooOften | Self::Sealed => "",
        }
    }

    /// What comes of a stranger's hand is answered within the strangers' budget; what came too late
    /// or too often, within the initiator's. The rest is bounded by the initiator's rate.
    fn standing(self, initiator: &Arc<KnownInitiator>) -> Standing {
        let initiator = Arc::clone(initiator);
        match self {
            Self::Signature => Standing::Stranger(initiator),
            Self::ReqId | Self::Stale | Self::TooOften => Standing::TurnedAway(initiator),
            Self::Sealed => Standing::LetIn(initiator, None),
        }
    }
}
