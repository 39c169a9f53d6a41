//! `huodong fault`: what a sandbox is to do wrong.

use clap::{Args, Subcommand, ValueEnum};
use huodong_wire::gongyi::Api;
use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::controls::Sandbox;
use crate::failure::Failure;

/// A fault meets the calls it is for, in the order in which faults were added, until its count is
/// used up. Calls that are not let in (unsigned, unreadable) meet none.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  huodong fault add RewardToDonate --code 32240007 --count 2   # the next two: come again
  huodong fault add RewardToDonate --drop after --field third_uid=user_001
  huodong fault add RewardDonateQuery --delay-ms 3000
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
#[group(id = "what", required = true, multiple = true, args = ["code", "delay_ms", "drop"])]
struct Add {
    /// The call, by the vendor's name for it.
    #[arg(value_parser = crate::call::api)]
    api: Api,
    /// Answer this code; nothing is done.
    #[arg(long, allow_negative_numbers = true, conflicts_with = "drop")]
    code: Option<i64>,
    /// The text beside the code.
    #[arg(long, requires = "code")]
    msg: Option<String>,
    /// Wait so long first.
    #[arg(long, value_name = "MS")]
    delay_ms: Option<u64>,
    /// Cut the connection: before anything is done, or after all is committed.
    #[arg(long, value_enum)]
    drop: Option<When>,
    /// For so many calls; else until it is taken back.
    #[arg(long)]
    count: Option<u32>,
    /// Only for calls whose field has this value.
    #[arg(long, value_name = "FIELD=VALUE")]
    field: Vec<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum When {
    /// Before anything is done.
    Before,
    /// After it is committed.
    After,
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
        let mut body = json!({"api": self.api.name()});
        let mut set = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                body[name] = value;
            }
        };
        set("code", self.code.map(Value::from));
        set("msg", self.msg.clone().map(Value::from));
        set("delay_ms", self.delay_ms.map(Value::from));
        let when = self.drop.map(|when| match when {
            When::Before => "before",
            When::After => "after",
        });
        set("drop", when.map(Value::from));
        set("count", self.count.map(Value::from));
        set("match", (!matching.is_empty()).then_some(Value::Object(matching)));
        Ok(body)
    }
}
