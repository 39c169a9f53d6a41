use std::borrow::Cow;
use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderMap, Uri, header};
use reqwest::Url;
use tracing::Instrument as _;

use super::exchange::openid_for;
use super::fault::{self, Fault};
use super::return_address::ReturnAddress;
use super::ticket::{Ticket, is_state, no_cookie};
use super::{own, page_of};
use crate::App;
use crate::nonces::NonceRefusal;

/// Longer than any code WeChat gives.
const CODE_LENGTH_MAX: usize = 512;

/// `GET /deliverWM/{campaign}/return?code=…&state=…`: the user is back from WeChat.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    campaign: Result<Path<String>, PathRejection>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let trace_id = app.trace_ids.of(&headers);
    let Ok(Path(campaign)) = campaign else { return Fault::UnknownCampaign.page(&trace_id) };
    let query = uri.query().unwrap_or_default();
    let Some(state) = only(query, "state").filter(|state| is_state(state)) else {
        return Fault::NoState.page(&trace_id);
    };
    let brought = Ticket::brought(&app.master_key, &state, &headers);
    let Some(ticket) = brought.filter(|ticket| ticket.is_for(&state, &campaign)) else {
        return Fault::OtherBrowser.page(&trace_id);
    };
    let span = tracing::info_span!("openid", %trace_id);
    let outcome = finish(&app, &ticket, query).instrument(span).await;
    // Whatever came of it, the state is used up; but who came at a busy time may come again.
    let own = own::own_url(&app, &headers).filter(|_| outcome != Err(Fault::Busy));
    let gone = own.map(|own| no_cookie(&state, &own::page_url(&own, &campaign)));
    match outcome {
        Ok(to) => fault::redirect(&to, gone.into_iter().collect()),
        Err(fault) => {
            let mut page = fault.page(&trace_id);
            page.headers_mut().extend(gone.map(|gone| (header::SET_COOKIE, gone)));
            page
        }
    }
}

/// Where the user goes, openid and all.
async fn finish(app: &App, ticket: &Ticket, query: &str) -> Result<Url, Fault> {
    // Before the state is used up, so that it is still good later.
    let _asking = app.openid.asking.try_acquire().map_err(|_| Fault::Busy)?;
    use_up(app, ticket).await?;
    let code = only(query, "code").filter(|code| !code.is_empty()).ok_or(Fault::Declined)?;
    if code.len() > CODE_LENGTH_MAX {
        return Err(Fault::NoState);
    }
    let known = page_of(app, &ticket.campaign)?;
    // The list may have changed while the user was at WeChat.
    let return_to = ReturnAddress::read(&ticket.return_to).map_err(Fault::BadReturnAddress)?;
    if !return_to.is_allowed(&known.page.return_to) {
        return Err(Fault::ForeignReturnAddress);
    }
    let openid = openid_for(app, &known.page, &code).await?;
    Ok(return_to.with_openid(&openid))
}

/// A ticket is good once, for ten minutes, and only where it is known which were used: in the process
/// that has run since it was made, or at any node where the database is shared.
async fn use_up(app: &App, ticket: &Ticket) -> Result<(), Fault> {
    let now = app.engine.clock().real().as_second();
    let used = &app.openid.used;
    if now >= ticket.expires_at || ticket.issued_at() < used.began() {
        return Err(Fault::Expired);
    }
    if let Some(shared) = &app.shared_nonces {
        // The colon keeps it apart from an application's nonces: no appid has one.
        let whose = format!("openid:{}", ticket.campaign);
        let taken = shared.take(&whose, &ticket.state, ticket.expires_at, app.settings.deadline);
        return match taken.await {
            Ok(true) => Ok(()),
            Ok(false) => Err(Fault::UsedBefore),
            Err(error) => {
                tracing::warn!(%error, "whether a user came back before is not known");
                Err(Fault::Busy)
            }
        };
    }
    used.take(&ticket.campaign, &ticket.state, ticket.issued_at(), now).map_err(|refusal| {
        match refusal {
            NonceRefusal::Replayed => Fault::UsedBefore,
            NonceRefusal::Full => Fault::Busy,
        }
    })
}

/// A parameter that is given once.
fn only(query: &str, name: &str) -> Option<String> {
    let mut found = form_urlencoded::parse(query.as_bytes()).filter(|(given, _)| given == name);
    let (_, value): (_, Cow<'_, str>) = found.next()?;
    found.next().is_none().then(|| value.into_owned())
}
