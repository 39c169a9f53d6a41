//! `huodong call gongyi`.

use clap::Args;
use huodong_campaign::SHANGHAI;
use huodong_engine::{Chance, Clock};
use huodong_wire::gongyi::Api;
use jiff::Span;
use jiff::civil::DateTime;
use reqwest::Client;
use serde_json::Value;

use super::exchange::{Exchange, JSON, Post, sandbox_time};
use super::fields::{self, Field};
use crate::caller::{Called, Caller};
use crate::failure::Failure;
use crate::json_text::pretty;
use crate::sign::GongyiSignature;

/// Who donates and receives flowers, unless it is said.
const USER: &str = "user_001";
/// What is a number on the wire.
const NUMBERS: [&str; 3] = ["money", "reward", "xhh_num"];

#[derive(Debug, Args)]
pub(crate) struct Gongyi {
    /// The call, by the vendor's name for it.
    #[arg(value_parser = api)]
    api: Api,
    /// field=text, or field:=JSON.
    #[arg(value_name = "FIELD=VALUE", conflicts_with = "json")]
    fields: Vec<String>,
    /// The whole body, sent as it stands; `-` reads it from standard input.
    #[arg(long, value_name = "BODY")]
    json: Option<String>,
    #[command(flatten)]
    exchange: Exchange,
    #[command(flatten)]
    caller: Caller,
}

/// The call of that name, however it is capitalised.
fn api(name: &str) -> Result<Api, String> {
    Api::ALL.into_iter().find(|api| api.name().eq_ignore_ascii_case(name)).ok_or_else(|| {
        let names: Vec<_> = Api::ALL.iter().map(|api| api.name()).collect();
        format!("the calls are {}", names.join(", "))
    })
}

impl Gongyi {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let called = self.caller.resolve()?;
        let client = self.exchange.client()?;
        let body = self.body(&client, &called).await?;
        let post = Post {
            base_url: &called.base_url,
            path: self.api.path(),
            content_type: JSON.to_owned(),
            headers: GongyiSignature::new(&called, None, None).headers().into(),
            shown: pretty(body.as_bytes()),
            body: body.into_bytes(),
        };
        let answered = self.exchange.send(&client, post).await?;
        answered.print()?;
        let code = serde_json::from_slice(&answered.body)
            .ok()
            .and_then(|answer: Value| answer.get("code")?.as_i64());
        match code {
            Some(0) => Ok(()),
            Some(code) => Err(Failure::new(format!("answered code {code}"))),
            None => Err(Failure::new(format!("answered {} without a code", answered.status))),
        }
    }

    async fn body(&self, client: &Client, called: &Called) -> Result<String, Failure> {
        if let Some(body) = &self.json {
            return fields::whole(body);
        }
        let given = self.fields.iter().map(|field| fields::parse(field, &NUMBERS));
        let given = given.collect::<Result<_, _>>()?;
        let now = match self.api {
            Api::RewardToDonate | Api::CheckXhh | Api::PreTry => {
                sandbox_time(client, &called.base_url).await
            }
            _ => None,
        };
        let now = now.unwrap_or_else(|| Clock::system().now());
        let mut fields = defaults(self.api, called, SHANGHAI.to_datetime(now));
        fields::lay_over(&mut fields, given);
        Ok(fields::object(&fields))
    }
}

/// What a call needs and nobody has said, in the order of the vendor's document.
fn defaults(api: Api, called: &Called, now: DateTime) -> Vec<Field> {
    let text = |name: &str, value: &str| (name.to_owned(), Value::from(value));
    let number = |name: &str, value: u32| (name.to_owned(), Value::from(value));
    let activity = called.gongyi.activities.first();
    let activity_no = text("activity_no", activity.map_or("", |found| &found.activity_no));
    let project_no = text("project_no", activity.map_or("", |found| &found.project_no));
    let third_uid = text("third_uid", USER);
    let open_id = text("open_id", USER);
    let bid = text("bid", &called.gongyi.bid);
    let wall = |time: DateTime| time.strftime("%Y-%m-%d %H:%M:%S").to_string();
    let day = now.strftime("%Y%m%d").to_string();
    let fresh = hex::encode(Chance.bytes::<12>());
    match api {
        Api::GetActivityInfo => vec![project_no],
        Api::RewardToDonate => vec![
            activity_no,
            project_no,
            third_uid,
            number("reward", 1000),
            text("reward_transcode", &fresh),
            // Always the same: a call that is repeated with its key must differ in nothing.
            text("reward_time", "2026-01-01 12:00:00"),
            number("money", 100),
            bid,
        ],
        Api::RewardDonateQuery => vec![activity_no, project_no, third_uid, bid],
        Api::CheckXhh => vec![open_id, text("trans_date", &day), number("xhh_num", 1)],
        Api::PreTry => vec![
            open_id,
            text("trans_code", &format!("{day}{fresh}")),
            text("time_start", &wall(now)),
            text("time_expire", &wall(now.saturating_add(Span::new().minutes(5)))),
            number("xhh_num", 1),
        ],
        Api::CheckIsTransExist | Api::QueryUserXhh => vec![open_id],
    }
}
