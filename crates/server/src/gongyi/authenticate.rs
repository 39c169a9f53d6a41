//! Who calls: the application's signature, its freshness, its nonce and its rate.

use std::sync::Arc;

use http::HeaderMap;
use huodong_wire::gongyi::{Api, Code, sign};
use jiff::Timestamp;

use super::refusal::Refusal;
use crate::App;
use crate::directory::{Caller, Secret};
use crate::nonces::NonceRefusal;

const APPID: &str = "gy-h-api-appid";
const TIMESTAMP: &str = "gy-h-api-timestamp";
const NONCE: &str = "gy-h-api-nonce-str";
const SIGN: &str = "gy-h-api-sign";

/// The application that signed these headers, if its call may pass.
///
/// The order matters. Nothing is believed before the signature has verified, so a stranger learns
/// no more than whether an appid exists, and can neither use up an application's rate nor fill the
/// memory for nonces. A nonce is taken last: a call that is refused for another reason may be sent
/// again as it is. In the memory of this node first, which costs nothing; then for all nodes.
pub(super) async fn authenticate(
    app: &App,
    api: Api,
    headers: &HeaderMap,
    now: Timestamp,
) -> Result<Arc<Caller>, Refusal> {
    let appid = only(headers, APPID, sign::APPID, Code::UnknownApplication)?;
    let nonce = only(headers, NONCE, sign::NONCE, Code::BadSignature)?;
    let timestamp = only(headers, TIMESTAMP, sign::TIMESTAMP, Code::BadSignature)?;
    let signature = only(headers, SIGN, sign::SIGN, Code::BadSignature)?;

    let caller = app.directory.caller(appid).ok_or(Refusal::plain(Code::UnknownApplication))?;
    let signed = sign::Signed { appid, nonce, timestamp };
    let by = |secret: &Secret| signed.verify(&secret.key, &secret.text, signature);
    let by_previous =
        || matches!(&caller.previous, Some((secret, until)) if now < *until && by(secret));
    if !by(&caller.secret) && !by_previous() {
        return Err(Refusal::plain(Code::BadSignature));
    }
    if !sign::nonce_is_well_formed(nonce) {
        return Err(Refusal::new(
            Code::BadSignature,
            "Gy-H-Api-Nonce-Str 必须是 1 至 64 位字母或数字",
        ));
    }
    let now = now.as_second();
    let timestamp = sign::parse_timestamp(timestamp)
        .filter(|at| at.abs_diff(now) <= app.settings.freshness_s.into())
        .filter(|at| *at >= app.nonces.began())
        .ok_or(Refusal::plain(Code::StaleTimestamp))?;
    if !caller.rate.allows() {
        return Err(Refusal::plain(Code::RateLimited));
    }
    match app.nonces.take(appid, nonce, timestamp, now) {
        Ok(()) => {}
        Err(NonceRefusal::Replayed) => return Err(Refusal::plain(Code::NonceReplayed)),
        Err(NonceRefusal::Full) => return Err(Refusal::plain(Code::RateLimited)),
    }
    let Some(shared) = &app.shared_nonces else { return Ok(caller) };
    let stale_at = timestamp + i64::from(app.settings.freshness_s);
    match shared.take(appid, nonce, stale_at, app.settings.deadline).await {
        Ok(true) => Ok(caller),
        Ok(false) => Err(Refusal::plain(Code::NonceReplayed)),
        Err(error) => Err(match api {
            Api::RewardToDonate | Api::PreTry => Refusal::of_engine(app, error),
            _ => Refusal::of_reader(app, error),
        }),
    }
}

/// The value of a header that must be there exactly once.
fn only<'h>(
    headers: &'h HeaderMap,
    name: &'static str,
    shown: &'static str,
    code: Code,
) -> Result<&'h str, Refusal> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => {
            value.to_str().map_err(|_| Refusal::new(code, format!("请求头 {shown} 含有非法字符")))
        }
        (None, _) => Err(Refusal::new(code, format!("缺少请求头 {shown}"))),
        (Some(_), Some(_)) => Err(Refusal::new(code, format!("请求头 {shown} 重复"))),
    }
}
