//! `huodong fault`: what a sandbox is to do wrong.

use clap::{ArgGroup, Args, Subcommand};
use huodong_wire::{gongyi, lakala, ysepay};
use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::controls::Sandbox;
use crate::failure::Failure;

/// A fault meets the calls it is for, in the order in which faults were added, until its count is
/// used up. Calls that are not let in (unsigned, unreadable) meet none.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  huodong fault add RewardToDonate --code 32240007 --count 2   # the next two: come again
  huodong fault add RewardToDonate --drop-after --field third_uid=user_001
  huodong fault add RewardToDonate --code 32240004 --field money=404 --count unlimited
  huodong fault add RewardDonateQuery --delay-ms 3000
  huodong fault add lakala.issue --code 999999 --count 3       # 系统异常
  huodong fault add ysepay.addData --code B022013              # 未找到图片id得路由
  huodong fault                                                # which are set?
  huodong fault clear")]
pub(crate) struct Fault {
    #[command(subcommand)]
    step: Option<Step>,
    #[command(flatten)]
    sandbox: Sandbox,
}

#[derive(Debug, Subcommand)]
enum Step {
    /// List the faults that are still for some call.
    List,
    /// Add one.
    Add(Add),
    /// Take them all back.
    Clear,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).multiple(true)
    .args(["code", "delay_ms", "drop_before", "drop_after"]))]
struct Add {
    /// The call: a vendor's name for it; with lakala. or ysepay. in front where it is theirs.
    #[arg(value_parser = api)]
    api: String,
    /// Answer this code; nothing is done.
    #[arg(long, allow_negative_numbers = true, conflicts_with_all = ["drop_before", "drop_after"])]
    code: Option<String>,
    /// The text beside the code.
    #[arg(long, requires = "code")]
    msg: Option<String>,
    /// Wait so long first.
    #[arg(long, value_name = "MS")]
    delay_ms: Option<u64>,
    /// Cut the connection before anything is done.
    #[arg(long, conflicts_with = "drop_after")]
    drop_before: bool,
    /// Cut the connection after all is done and committed: the answer is lost.
    #[arg(long)]
    drop_after: bool,
    /// For so many calls; `unlimited`: until it is taken back.
    #[arg(long, value_name = "N", default_value = "1")]
    count: String,
    /// Only for calls whose field has this value.
    #[arg(long, value_name = "FIELD=VALUE")]
    field: Vec<String>,
}

/// A call's name as a fault goes by it, however it is capitalised.
fn api(text: &str) -> Result<String, String> {
    let gongyi = gongyi::Api::ALL.into_iter().map(|api| api.name().to_owned());
    let lakala = lakala::Api::ALL.into_iter().map(|api| format!("lakala.{}", api.name()));
    let ysepay = ysepay::Api::ALL.into_iter().map(|api| format!("ysepay.{}", api.name()));
    let all: Vec<_> = gongyi.chain(lakala).chain(ysepay).collect();
    let found = all.iter().find(|name| name.eq_ignore_ascii_case(text)).cloned();
    found.ok_or_else(|| format!("the calls are {}", all.join(", ")))
}

impl Fault {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self.step {
            None | Some(Step::List) => self.sandbox.ask(Method::GET, "faults", None),
            Some(Step::Clear) => self.sandbox.ask(Method::DELETE, "faults", None),
            Some(Step::Add(add)) => self.sandbox.ask(Method::POST, "faults", Some(add.body()?)),
        }
    }
}

impl Add {
    fn body(&self) -> Result<Value, Failure> {
        let mut matching = Map::new();
        for field in &self.field {
            let (name, value) = field.split_once('=').ok_or_else(|| {
                Failure::usage(format!("--field takes FIELD=VALUE, not {field:?}"))
            })?;
            matching.insert(name.to_owned(), Value::from(value));
        }
        let count = match self.count.parse::<u32>() {
            Ok(count) => json!(count),
            Err(_) => json!(self.count),
        };
        let mut body = json!({"api": self.api, "count": count, "match": matching});
        if let Some(code) = &self.code {
            body["answer"] = json!({"code": code});
        }
        if let Some(msg) = &self.msg {
            body["answer"]["msg"] = json!(msg);
        }
        if let Some(delay_ms) = self.delay_ms {
            body["delay_ms"] = json!(delay_ms);
        }
        if self.drop_before {
            body["drop"] = json!("before");
        }
        if self.drop_after {
            body["drop"] = json!("after");
        }
        Ok(body)
    }
}
