//! Pages that ask WeChat for a user's openid and hand it to an institution's own page.

use axum::http::StatusCode;
use axum::response::Response;
use huodong_campaign::{
    self as campaign, CampaignNo, CreateOpenidPage, InstitutionId, UpdateOpenidPage,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::auth::{Administers, Operator, Reads};
use super::body::{Json, Named};
use super::csv::Record;
use super::document::{Changing, Getting, Reading};
use super::list::{List, Listing, Paging, shown};
use super::organizations::Filter;
use super::problem::Problem;
use super::values::{Number, Time, at_most, maybe_at_most};
use crate::{App, check_return_prefix};

/// Return addresses one page may have; the rules say the same, after the list is read.
const RETURN_TO_MAX: usize = 20;

/// A page that asks WeChat for a user's openid: `/deliverWM/{campaign}`.
#[derive(Serialize, ToSchema)]
pub(super) struct OpenidPage {
    /// What its address ends with.
    #[schema(example = "1017578611540230144")]
    campaign: String,
    /// The institution whose users it asks for.
    #[schema(example = "OP00000003")]
    appid: String,
    /// The WeChat official account that asks.
    #[schema(example = "wx0123456789abcdef")]
    wechat_appid: String,
    /// Where users may be sent back to: the same scheme, host and port, and a path that begins so.
    #[schema(example = json!(["https://m.bank.example/h5"]))]
    return_to: Vec<String>,
    /// When it was made.
    created_at: Time,
}

impl From<campaign::OpenidPage> for OpenidPage {
    fn from(it: campaign::OpenidPage) -> Self {
        Self {
            campaign: it.campaign.to_string(),
            appid: it.appid.to_string(),
            wechat_appid: it.wechat_appid.into(),
            return_to: it.return_to.into_iter().map(Into::into).collect(),
            created_at: Time(it.created_at),
        }
    }
}

impl Record for OpenidPage {
    const LIST: &'static str = "openid-pages";
    const COLUMNS: &'static [&'static str] =
        &["campaign", "appid", "wechat_appid", "return_to", "created_at"];
}

/// Lists openid pages.
#[utoipa::path(
    get, path = "/openid-pages", operation_id = "list_openid_pages", tag = "openid pages",
    params(Paging),
    responses(
        (status = 200, description = "A page, or all as CSV", content(
            (Listing<OpenidPage> = "application/json"), (String = "text/csv"))),
        Reading,
    )
)]
pub(super) async fn list(
    operator: Operator<Reads>,
    list: List<Filter>,
) -> Result<Response, Problem> {
    list.answer(&operator, |reader, _, page| {
        Ok(shown(reader.openid_pages(page)?, OpenidPage::from))
    })
    .await
}

/// A WeChat official account's secret: 1 to 128 visible ASCII characters. It is kept sealed and
/// never shown.
#[derive(Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(min_length = 1, max_length = 128)]
pub(super) struct WechatSecret(String);

impl TryFrom<String> for WechatSecret {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self(text))
        } else {
            Err("must be 1 to 128 visible ASCII characters")
        }
    }
}

/// Where users may be sent back to: an http or https address with a host, without user, query and
/// fragment.
#[derive(Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(max_length = 2_048, example = "https://m.bank.example/h5")]
pub(super) struct ReturnTo(String);

impl TryFrom<String> for ReturnTo {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match check_return_prefix(&text) {
            Ok(()) => Ok(Self(text)),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// What an openid page is made from.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewOpenidPage {
    /// What its address ends with; made where none is given.
    campaign: Option<Number>,
    /// The institution whose users it asks for.
    appid: Number,
    /// The WeChat official account that asks.
    wechat_appid: Number,
    /// That account's secret.
    wechat_secret: WechatSecret,
    /// Where users may be sent back to: the same scheme, host and port, and a path that begins so.
    #[serde(deserialize_with = "at_most::<RETURN_TO_MAX, _, _>")]
    #[schema(min_items = 1, max_items = 20)]
    return_to: Vec<ReturnTo>,
}

/// Makes an openid page.
#[utoipa::path(
    post, path = "/openid-pages", operation_id = "create_openid_page", tag = "openid pages",
    security(("token" = ["admin"])),
    request_body(content = NewOpenidPage, example = json!({
        "campaign": "1017578611540230144", "appid": "OP00000003",
        "wechat_appid": "wx0123456789abcdef", "wechat_secret": "…",
        "return_to": ["https://m.bank.example/h5"]})),
    responses((status = 201, description = "Made", body = OpenidPage), Changing)
)]
pub(super) async fn create(
    operator: Operator<Administers>,
    Json(new): Json<NewOpenidPage>,
) -> Result<(StatusCode, axum::Json<OpenidPage>), Problem> {
    let app = operator.app();
    // The secret is sealed for its page, so the page's number must be known before the rules could
    // make one.
    let campaign =
        new.campaign.map_or_else(|| made_campaign(app), |it| CampaignNo::from(it.into_string()));
    let command = CreateOpenidPage {
        appid: InstitutionId::from(new.appid.into_string()),
        wechat_appid: new.wechat_appid.into_string().into(),
        sealed_secret: app.seal_wechat_secret(&campaign, &new.wechat_secret.0),
        return_to: addresses(new.return_to),
        campaign: Some(campaign),
    };
    let made = operator.change_partners(command).await?;
    Ok((StatusCode::CREATED, axum::Json(made.into())))
}

/// Shows an openid page.
#[utoipa::path(
    get, path = "/openid-pages/{campaign}", operation_id = "get_openid_page", tag = "openid pages",
    params(("campaign" = String, Path, description = "What its address ends with")),
    responses((status = 200, description = "It", body = OpenidPage), Getting)
)]
pub(super) async fn get(
    operator: Operator<Reads>,
    Named(campaign): Named<String>,
) -> Result<axum::Json<OpenidPage>, Problem> {
    let number = CampaignNo::from(campaign.as_str());
    let found = operator.find("campaign", &campaign, move |reader| reader.openid_page(&number));
    Ok(axum::Json(found.await?.into()))
}

/// What to change of an openid page; what is left out stays, what is given is replaced as a whole.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OpenidPageChanges {
    /// The WeChat official account that asks; its secret must come with it.
    wechat_appid: Option<Number>,
    /// That account's secret.
    wechat_secret: Option<WechatSecret>,
    /// Where users may be sent back to.
    #[serde(default, deserialize_with = "maybe_at_most::<RETURN_TO_MAX, _, _>")]
    #[schema(min_items = 1, max_items = 20)]
    return_to: Option<Vec<ReturnTo>>,
}

/// Changes an openid page.
#[utoipa::path(
    patch, path = "/openid-pages/{campaign}", operation_id = "update_openid_page",
    tag = "openid pages", security(("token" = ["admin"])),
    params(("campaign" = String, Path, description = "What its address ends with")),
    request_body(content = OpenidPageChanges, example = json!(
        {"return_to": ["https://m.bank.example/h5", "https://m.bank.example/app"]})),
    responses((status = 200, description = "As it is now", body = OpenidPage), Changing)
)]
pub(super) async fn update(
    operator: Operator<Administers>,
    Named(named): Named<String>,
    Json(changes): Json<OpenidPageChanges>,
) -> Result<axum::Json<OpenidPage>, Problem> {
    let campaign = CampaignNo::from(named.as_str());
    let wechat_appid = match (changes.wechat_appid, &changes.wechat_secret) {
        (Some(_), None) => {
            let detail = "wechat_secret: must come with another wechat_appid";
            return Err(Problem::invalid("wechat_secret", detail));
        }
        (Some(appid), Some(_)) => Some(appid.into_string().into()),
        // The secret alone is the present account's.
        (None, Some(_)) => {
            let number = campaign.clone();
            let found =
                operator.find("campaign", &named, move |reader| reader.openid_page(&number));
            Some(found.await?.wechat_appid)
        }
        (None, None) => None,
    };
    let sealed =
        changes.wechat_secret.map(|it| operator.app().seal_wechat_secret(&campaign, &it.0));
    let command = UpdateOpenidPage {
        wechat: wechat_appid.zip(sealed),
        return_to: changes.return_to.map(addresses),
        campaign,
    };
    Ok(axum::Json(operator.change_partners(command).await?.into()))
}

fn made_campaign(app: &App) -> CampaignNo {
    CampaignNo::from(hex::encode(app.chance.bytes::<8>()))
}

fn addresses(given: Vec<ReturnTo>) -> Vec<Box<str>> {
    given.into_iter().map(|it| it.0.into()).collect()
}
