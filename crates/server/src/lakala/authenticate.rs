//! Who calls: the institution's signature, its freshness, its rate and its nonce.

use std::sync::Arc;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use huodong_wire::lakala::{Code, sign};
use jiff::Timestamp;

use super::refusal::Refusal;
use crate::App;
use crate::directory::KnownInstitution;
use crate::nonces::NonceRefusal;

const NOT_VERIFIED: &str = "验签未通过，请检查 serial_no、私钥与待签名串";

/// What the `Authorization` header claims.
pub(super) struct Authorization<'h>(Result<(sign::RequestSigned<'h>, &'h str), Refusal>);

impl<'h> Authorization<'h> {
    pub(super) fn of(headers: &'h HeaderMap) -> Self {
        let wrong = |detail: String| Refusal::new(Code::BadSignature, detail);
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let parsed = match (values.next(), values.next()) {
            (Some(value), None) => value
                .to_str()
                .map_err(|_| wrong("请求头 Authorization 含有非法字符".to_owned()))
                .and_then(|value| {
                    sign::RequestSigned::parse(value).map_err(|error| wrong(error.to_string()))
                }),
            (None, _) => Err(wrong("缺少请求头 Authorization".to_owned())),
            (Some(_), Some(_)) => Err(wrong("请求头 Authorization 重复".to_owned())),
        };
        Self(parsed)
    }

    /// Whom the caller says it is, for the answer; nothing is believed by it.
    pub(super) fn appid(&self) -> Option<&'h str> {
        self.0.as_ref().ok().map(|(signed, _)| signed.appid)
    }
}

/// A call that may not pass.
pub(super) struct NotLetIn {
    /// Why.
    pub(super) refusal: Refusal,
    /// Whose call it is, where its signature verified all the same.
    pub(super) known: Option<Arc<KnownInstitution>>,
}

impl From<Refusal> for NotLetIn {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, known: None }
    }
}

/// The institution that signed this call, if it may pass.
///
/// The order matters. Nothing is believed before the signature has verified, so a stranger learns
/// no more than whether an appid exists, and can neither use up an institution's rate nor fill the
/// memory for nonces. A nonce is taken last: a call that is refused for another reason may be sent
/// again as it is.
pub(super) fn authenticate(
    app: &App,
    claimed: &Authorization<'_>,
    body: &[u8],
    now: Timestamp,
) -> Result<Arc<KnownInstitution>, NotLetIn> {
    let (signed, signature) = claimed.0.as_ref().map_err(Refusal::clone)?;
    let caller = app.directory.institution(signed.appid).filter(|caller| caller.may_call());
    let caller = caller.ok_or(Refusal::plain(Code::UnknownAppid))?;
    verify(&caller, signed, signature, body, now)?;
    fresh(app, &caller, signed, now.as_second())
        .map_err(|refusal| NotLetIn { refusal, known: Some(Arc::clone(&caller)) })?;
    Ok(caller)
}

fn verify(
    caller: &KnownInstitution,
    signed: &sign::RequestSigned<'_>,
    signature: &str,
    body: &[u8],
    now: Timestamp,
) -> Result<(), Refusal> {
    let message = signed.string_to_sign(body);
    let verified = caller
        .certificates(now)
        .filter(|certificate| certificate.serial_is(signed.serial_no))
        .any(|certificate| certificate.verify(&message, signature));
    // One text for a wrong serial and a wrong signature: a stranger is not told which it was.
    let wrong = || Refusal::new(Code::BadSignature, NOT_VERIFIED);
    verified.then_some(()).ok_or_else(wrong)
}

fn fresh(
    app: &App,
    caller: &KnownInstitution,
    signed: &sign::RequestSigned<'_>,
    now: i64,
) -> Result<(), Refusal> {
    let timestamp = sign::parse_timestamp(signed.timestamp)
        .filter(|at| at.abs_diff(now) <= app.settings.lakala.freshness_s.into())
        .ok_or(Refusal::plain(Code::StaleTimestamp))?;
    if !caller.rate.allows() {
        return Err(Refusal::plain(Code::RateLimited));
    }
    match app.lakala_nonces.take(signed.appid, signed.nonce_str, timestamp, now) {
        Ok(()) => Ok(()),
        Err(NonceRefusal::Replayed) => Err(Refusal::plain(Code::NonceReplayed)),
        Err(NonceRefusal::Full) => Err(Refusal::plain(Code::RateLimited)),
    }
}
