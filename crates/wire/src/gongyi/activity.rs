use std::borrow::Cow;

use serde::de::{Deserializer, Error};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Api, Message, field};

/// Asks which activities a project is bound to. One project may be bound to several; the caller
/// chooses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetActivityInfo<'a> {
    /// The project.
    #[serde(borrow, deserialize_with = "field::id")]
    pub project_no: Cow<'a, str>,
}

impl Message for GetActivityInfo<'_> {
    const API: Api = Api::GetActivityInfo;
    type Answer = ActivityList<'static>;
}

/// The answer to [`GetActivityInfo`]. Empty where the project is unknown or bound to none.
///
/// The document's field table says a list, its example shows one bare object: this is written as
/// the list and read from both.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ActivityList<'a> {
    /// The activities.
    pub activity_info: Vec<ActivityInfo<'a>>,
}

/// An activity as the document describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivityInfo<'a> {
    /// Its number.
    pub activity_no: Cow<'a, str>,
    /// 1 一块走捐步, 2 积分捐, 4 企业直接捐赠, 5 行为捐.
    pub activity_type: u32,
    /// Its name.
    #[serde(default)]
    pub activity_name: Cow<'a, str>,
    /// The enterprise that funds it.
    #[serde(default)]
    pub org_no: Cow<'a, str>,
    /// 1 未上线, 2 进行中, 3 暂停中, 4 已结束.
    pub activity_status: u32,
    /// What is frozen for it, in fen; a string in this one place.
    pub money: Cow<'a, str>,
    /// The enterprise's merchant number.
    #[serde(default)]
    pub merchant_no: Cow<'a, str>,
    /// The projects it is bound to.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub project_no_list: Vec<Cow<'a, str>>,
    /// The good deeds of an activity of type 5.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub xwj_rule: Vec<XwjRule<'a>>,
}

/// A good deed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct XwjRule<'a> {
    /// What it is called.
    pub content: Cow<'a, str>,
    /// What it is.
    pub title: Cow<'a, str>,
}

impl<'de> Deserialize<'de> for ActivityList<'static> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let mut data = Map::deserialize(from)?;
        let found = match data.remove("activity_info") {
            Some(Value::Null) => Value::Array(Vec::new()),
            Some(Value::Object(bare)) => Value::Array(vec![Value::Object(bare)]),
            Some(list) => list,
            None if data.is_empty() => Value::Array(Vec::new()),
            None => Value::Array(vec![Value::Object(data)]),
        };
        let activity_info = Vec::deserialize(found).map_err(D::Error::custom)?;
        Ok(Self { activity_info })
    }
}

/// Some servers write an empty list as null.
fn null_is_empty<'de, D, T>(from: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(from).map(Option::unwrap_or_default)
}
