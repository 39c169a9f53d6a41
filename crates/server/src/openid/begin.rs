use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderMap, Uri};
use reqwest::Url;

use super::fault::{self, Fault};
use super::return_address::{ReturnAddress, in_query};
use super::ticket::{Ticket, superseded};
use super::{own, page_of};
use crate::App;

/// WeChat, as its users' browsers reach it.
const WECHAT_BASE: &str = "https://open.weixin.qq.com";
/// The sandbox's own, below this server.
const WECHAT: [&str; 2] = ["sandbox", "wechat"];

/// `GET /deliverWM/{campaign}?wmcb=<return address>`: sends the user to WeChat.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    campaign: Result<Path<String>, PathRejection>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let trace_id = app.trace_ids.of(&headers);
    let outcome = match campaign {
        Ok(Path(campaign)) => {
            let query = uri.query().unwrap_or_default();
            let span = tracing::info_span!("openid", %trace_id);
            span.in_scope(|| begin(&app, &campaign, query, &headers))
        }
        Err(_) => Err(Fault::UnknownCampaign),
    };
    outcome.unwrap_or_else(|fault| fault.page(&trace_id))
}

fn begin(app: &App, campaign: &str, query: &str, headers: &HeaderMap) -> Result<Response, Fault> {
    let known = page_of(app, campaign)?;
    let page = &known.page;
    let wanted = in_query(query).filter(|text| !text.is_empty()).ok_or(Fault::NoReturnAddress)?;
    let return_to = ReturnAddress::read(&wanted).map_err(Fault::BadReturnAddress)?;
    if !return_to.is_allowed(&page.return_to) {
        return Err(Fault::ForeignReturnAddress);
    }
    let Some(own) = own::own_url(app, headers) else {
        tracing::error!("public_url is not set, or is no address of the web");
        return Err(Fault::NotSetUp);
    };
    if !known.rate.allows() {
        return Err(Fault::Busy);
    }
    let now = app.engine.clock().real().as_second();
    let ticket = Ticket::new(app.chance, campaign, return_to.as_str(), now);
    let page_url = own::page_url(&own, campaign);
    let to = authorize_url(app, &own, &page.wechat_appid, &page_url, &ticket.state)?;
    let mut cookies = superseded(headers, &page_url);
    cookies.push(ticket.cookie(&app.master_key, app.chance, &page_url));
    Ok(fault::redirect(&to, cookies))
}

/// WeChat wants the parameters in this order and the fragment at the end.
fn authorize_url(
    app: &App,
    own: &Url,
    wechat_appid: &str,
    page: &Url,
    state: &str,
) -> Result<Url, Fault> {
    let base = match &app.settings.wechat_authorize_base {
        None if app.settings.sandbox => own::below(own, &WECHAT),
        base => Url::parse(base.as_deref().unwrap_or(WECHAT_BASE)).map_err(|error| {
            tracing::error!(%error, "wechat_authorize_base");
            Fault::NotSetUp
        })?,
    };
    let redirect_uri = own::below(page, &["return"]);
    let mut url = own::below(&base, &["connect", "oauth2", "authorize"]);
    url.query_pairs_mut()
        .append_pair("appid", wechat_appid)
        .append_pair("redirect_uri", redirect_uri.as_str())
        .append_pair("response_type", "code")
        .append_pair("scope", "snsapi_base")
        .append_pair("state", state);
    url.set_fragment(Some("wechat_redirect"));
    Ok(url)
}
