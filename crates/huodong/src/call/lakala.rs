//! `huodong call lakala`.

use clap::Args;
use huodong_campaign::SHANGHAI;
use huodong_engine::{Chance, Clock};
use huodong_wire::lakala::{Api, Code, Reply};
use serde_json::Value;

use super::exchange::{Answered, Exchange, JSON, Post};
use super::fields::{self, Field};
use crate::failure::Failure;
use crate::institution::{Called, Caller, Institution};
use crate::listen::DEFAULT_URL;
use crate::reply_signature;
use crate::shell::quoted;
use crate::sign::authorization;

/// Who gets the coupon, unless it is said.
const OPENID: &str = "oSandboxUser0000000000000001";
/// What a member's number is filled up to, its prefix included.
const MEMBER_CHARS: usize = 16;

#[derive(Debug, Args)]
pub(crate) struct Lakala {
    /// issue or query.
    #[arg(value_parser = api)]
    api: Api,
    /// field=text, or field:=JSON.
    #[arg(value_name = "FIELD=VALUE", conflicts_with = "json")]
    fields: Vec<String>,
    /// The whole body, sent as it stands; `-` reads it from standard input.
    #[arg(long, value_name = "BODY")]
    json: Option<String>,
    /// In the v3 wrapper: req_time, version, req_data.
    #[arg(long, conflicts_with = "json")]
    wrapped: bool,
    #[command(flatten)]
    exchange: Exchange,
    #[command(flatten)]
    caller: Caller,
}

/// The call of that name, however it is capitalised.
fn api(name: &str) -> Result<Api, String> {
    let found = Api::ALL.into_iter().find(|api| api.name().eq_ignore_ascii_case(name));
    found.ok_or_else(|| format!("the calls are {}", Api::ALL.map(Api::name).join(", ")))
}

impl Lakala {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let called = self.caller.resolve()?;
        let institution = &called.institution;
        let client = self.exchange.client()?;
        let body = self.body(institution)?;
        let authorization = authorization(institution, body.as_bytes(), None, None)?;
        let post = Post {
            base_url: &called.base_url,
            path: match self.api {
                Api::Issue => &institution.issue_path,
                Api::Query => &institution.query_path,
            },
            content_type: JSON.to_owned(),
            headers: vec![("Authorization", authorization)],
            // Byte for byte, as it is what was signed.
            shown: body.clone(),
            body: body.into_bytes(),
        };
        let answered = self.exchange.send(&client, post).await?;
        let verified = verify(institution, &answered)?;
        if !self.exchange.quiet {
            match &verified {
                Some(Ok(serial)) => eprintln!("Signature: right, by certificate {serial}"),
                Some(Err(why)) => eprintln!("Signature: WRONG: {why}"),
                None => eprintln!("Signature: not verified (--platform-certificate FILE)"),
            }
        }
        answered.print()?;
        let outcome = outcome(&answered);
        if !self.exchange.quiet
            && self.api == Api::Issue
            && let Some(query) = query_command(&called, &answered.body)
        {
            eprintln!("\nAsk how it stands:\n  {query}");
        }
        outcome?;
        match verified {
            Some(Err(why)) => Err(Failure::new(format!("the reply's signature is wrong: {why}"))),
            _ => Ok(()),
        }
    }

    fn body(&self, institution: &Institution) -> Result<String, Failure> {
        if let Some(body) = &self.json {
            return fields::whole(body);
        }
        let given = self.fields.iter().map(|field| fields::parse(field, &[]));
        let given: Vec<Field> = given.collect::<Result<_, _>>()?;
        let fields = match self.api {
            Api::Issue => issue_fields(institution, given),
            Api::Query => query_fields(institution, given)?,
        };
        let body = fields::object(&fields);
        if !self.wrapped {
            return Ok(body);
        }
        let now = SHANGHAI.to_datetime(Clock::system().real()).strftime("%Y%m%d%H%M%S");
        Ok(format!("{{\"req_time\":\"{now}\",\"version\":\"3.0\",\"req_data\":{body}}}"))
    }
}

/// What an issue needs, in the order of the vendor's document.
fn issue_fields(institution: &Institution, given: Vec<Field>) -> Vec<Field> {
    let text = |name: &str, value: &str| (name.to_owned(), Value::from(value));
    let asked = given.iter().find(|(name, _)| name == "activity_id").map(|(_, value)| value);
    // Each activity hands out one thing.
    let mut known = institution.activities.iter().chain(&institution.special);
    let activity = match asked {
        Some(asked) => known.find(|known| asked == &known.activity_id),
        None => known.next(),
    };
    let mut fields = vec![
        text("member_id", ""),
        text("activity_id", activity.map_or("", |found| &found.activity_id)),
        text("owner_id", &institution.owner_id),
        text("promotion_id", activity.map_or("", |found| &found.promotion_id)),
        text("channel_openid", OPENID),
        text("mer_order_id", &hex::encode(Chance.bytes::<12>())),
        text("writeOffNotify", &format!("{DEFAULT_URL}/writeoff")),
        text("postNotify", &format!("{DEFAULT_URL}/issued")),
    ];
    let member_given = given.iter().any(|(name, _)| name == "member_id");
    fields::lay_over(&mut fields, given);
    if !member_given {
        let order = fields.iter().find(|(name, _)| name == "mer_order_id");
        let order = order.map(|(_, value)| value.to_string()).unwrap_or_default();
        fields[0].1 = Value::from(member_of(&institution.member_prefix, &order));
    }
    fields
}

/// A member of the institution's. It follows from the order: a call that is repeated with its key
/// must differ in nothing.
fn member_of(prefix: &str, order: &str) -> String {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in order.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    let digits = format!("{hash:020}");
    let count = MEMBER_CHARS.saturating_sub(prefix.chars().count()).max(4);
    format!("{prefix}{}", &digits[digits.len() - count.min(digits.len())..])
}

/// What a query needs. Two of its fields only the issue knows.
fn query_fields(institution: &Institution, given: Vec<Field>) -> Result<Vec<Field>, Failure> {
    for name in ["mer_order_id", "trade_no"] {
        if !given.iter().any(|(given, _)| given == name) {
            return Err(Failure::usage(format!(
                "a query names the order by mer_order_id and trade_no, and {name} is missing; \
                 `huodong call lakala issue` ends with the whole command"
            )));
        }
    }
    let text = |name: &str, value: &str| (name.to_owned(), Value::from(value));
    let activity = institution.activities.first();
    let mut fields = vec![
        text("owner_id", &institution.owner_id),
        text("mer_order_id", ""),
        text("activity_id", activity.map_or("", |found| &found.activity_id)),
        text("trade_no", ""),
    ];
    fields::lay_over(&mut fields, given);
    Ok(fields)
}

/// The serial of the certificate that made the reply's signature; `None` where no certificate is
/// known to verify it with.
fn verify(
    institution: &Institution,
    answered: &Answered,
) -> Result<Option<Result<String, String>>, Failure> {
    let certificates = institution.platform_certificates()?;
    if certificates.is_empty() {
        return Ok(None);
    }
    let header = |name: &str| answered.headers.get(name)?.to_str().ok();
    let appid = &institution.appid;
    Ok(Some(reply_signature::verify(appid, &certificates, header, &answered.body)))
}

/// Whether it was carried out: `code`, and in the data `resCode`.
fn outcome(answered: &Answered) -> Result<(), Failure> {
    let Ok((_, reply)) = Reply::read(&answered.body) else {
        return Err(Failure::new(format!("answered {} without a code", answered.status)));
    };
    if reply.code != Code::Success.number() {
        return Err(Failure::new(format!("answered code {}: {}", reply.code, reply.msg)));
    }
    let data = reply.data.and_then(|data| serde_json::from_str::<Value>(data.get()).ok());
    let data = data.unwrap_or_default();
    match data["resCode"].as_str() {
        Some(code) if code != Code::Success.number() => {
            Err(Failure::new(format!("answered resCode {code}: {}", field(&data, "failMsg"))))
        }
        _ => Ok(()),
    }
}

/// The command that asks about what was issued.
fn query_command(called: &Called, body: &[u8]) -> Option<String> {
    let (_, reply) = Reply::read(body).ok()?;
    let data: Value = serde_json::from_str(reply.data?.get()).ok()?;
    let (order, trade_no) = (field(&data, "mer_order_id"), field(&data, "trade_no"));
    if order.is_empty() || trade_no.is_empty() {
        return None;
    }
    let mut command =
        format!("huodong call lakala query mer_order_id={} trade_no={trade_no}", quoted(order));
    let institution = &called.institution;
    let activity = institution.activities.first().map_or("", |found| found.activity_id.as_str());
    for (name, known) in [("activity_id", activity), ("owner_id", institution.owner_id.as_str())] {
        let value = field(&data, name);
        if value != known {
            command.push_str(&format!(" {name}={}", quoted(value)));
        }
    }
    Some(command + &called.again)
}

fn field<'d>(data: &'d Value, name: &str) -> &'d str {
    data[name].as_str().unwrap_or_default()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    fn institution() -> Institution {
        serde_json::from_value(json!({
            "appid": "OP1", "serial_no": "01", "private_key_pem": "", "member_prefix": "AAA",
            "owner_id": "80000007", "issue_path": "/i", "query_path": "/q",
            "activities": [{"activity_id": "1100000086", "promotion_id": "WX1"}],
        }))
        .unwrap()
    }

    #[test]
    fn an_issue_that_is_repeated_with_its_key_differs_in_nothing() {
        let given = |order: &str| vec![("mer_order_id".to_owned(), Value::from(order))];
        let issue = |order| fields::object(&issue_fields(&institution(), given(order)));
        assert_eq!(issue("o-1"), issue("o-1"));
        let member = |order: &str| issue_fields(&institution(), given(order))[0].1.to_string();
        assert_ne!(member("o-1"), member("o-2"));
        assert_eq!(member("o-1").len(), MEMBER_CHARS + 2);
    }

    #[test]
    fn an_activity_that_is_known_brings_its_promotion() {
        let mut institution = institution();
        let special = json!([{"activity_id": "1100000108", "promotion_id": "WX8"}]);
        institution.special = serde_json::from_value(special).unwrap();
        let promotion = |activity: &str| {
            let given = vec![("activity_id".to_owned(), Value::from(activity))];
            issue_fields(&institution, given)[3].1.clone()
        };
        assert_eq!(promotion("1100000086"), "WX1");
        assert_eq!(promotion("1100000108"), "WX8");
        assert_eq!(promotion("unknown"), "");
    }

    #[test]
    fn a_query_without_the_orders_names_is_refused_with_where_to_find_them() {
        let given = vec![("mer_order_id".to_owned(), Value::from("o-1"))];
        let refused = query_fields(&institution(), given).unwrap_err();
        assert!(refused.message.contains("trade_no is missing"), "{}", refused.message);
    }
}
