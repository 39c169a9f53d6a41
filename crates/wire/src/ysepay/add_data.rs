use std::borrow::Cow;

use serde::de::Deserializer;
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};

use super::photos::{PHOTOS_MAX, PhotoIds};
use super::{AddDataCode, Api, Message, Refused, field};

/// Enrols a merchant for a preferential rate (新增微信优惠费率活动报名).
///
/// Which photos an activity asks of which kind of merchant is not looked at here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddDataRequest<'a> {
    /// The merchant.
    #[serde(rename = "mercId", borrow, deserialize_with = "field::short_id")]
    pub merc_id: Cow<'a, str>,
    /// The activity: schoolcanteen_001 or education_001.
    #[serde(rename = "activityId", borrow, deserialize_with = "field::short_id")]
    pub activity_id: Cow<'a, str>,
    /// Who enters it.
    #[serde(borrow, deserialize_with = "field::creator")]
    pub creator: Cow<'a, str>,
    /// 补充说明; goes with [`supplementary`](Self::supplementary) or not at all.
    #[serde(rename = "supplementaryRemark", borrow, default)]
    #[serde(deserialize_with = "field::optional_remark")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub supplementary_remark: Option<Cow<'a, str>>,
    /// The merchant's number at 银联 WeChat; not empty where the next one is.
    #[serde(rename = "thirdMercIdCups", borrow, default)]
    #[serde(deserialize_with = "field::optional_short_id")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub third_merc_id_cups: Option<Cow<'a, str>>,
    /// The merchant's number at 网联 WeChat.
    #[serde(rename = "thirdMercIdNucc", borrow, default)]
    #[serde(deserialize_with = "field::optional_short_id")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub third_merc_id_nucc: Option<Cow<'a, str>>,
    /// 学校资质证明.
    #[serde(rename = "schoolPhoto", borrow, default)]
    #[serde(skip_serializing_if = "PhotoIds::is_empty")]
    pub school: PhotoIds<'a>,
    /// 合作资质证明.
    #[serde(rename = "cooperationPhoto", borrow, default)]
    #[serde(skip_serializing_if = "PhotoIds::is_empty")]
    pub cooperation: PhotoIds<'a>,
    /// 优惠费率承诺函.
    #[serde(rename = "perferentPhoto", borrow, default)]
    #[serde(skip_serializing_if = "PhotoIds::is_empty")]
    pub preferential_rate: PhotoIds<'a>,
    /// 食堂内部用餐环境照片.
    #[serde(rename = "restaurentEnvironmentPhoto", borrow, default)]
    #[serde(skip_serializing_if = "PhotoIds::is_empty")]
    pub restaurant_environment: PhotoIds<'a>,
    /// 食堂门头照片.
    #[serde(rename = "restaurentFrontPhoto", borrow, default)]
    #[serde(skip_serializing_if = "PhotoIds::is_empty")]
    pub restaurant_front: PhotoIds<'a>,
    /// 办学许可证.
    #[serde(rename = "teachingCommitmentPhoto", borrow, default)]
    #[serde(skip_serializing_if = "PhotoIds::is_empty")]
    pub teaching_licence: PhotoIds<'a>,
    /// 机构资质证明.
    #[serde(rename = "organizationPhoto", borrow, default)]
    #[serde(skip_serializing_if = "PhotoIds::is_empty")]
    pub organization: PhotoIds<'a>,
    /// 门店租赁相关证明.
    #[serde(rename = "rentmentCommitmentPhoto", borrow, default)]
    #[serde(skip_serializing_if = "PhotoIds::is_empty")]
    pub rental: PhotoIds<'a>,
    /// 门头照片.
    #[serde(rename = "frontPhoto", borrow, default)]
    #[serde(skip_serializing_if = "PhotoIds::is_empty")]
    pub front: PhotoIds<'a>,
    /// 补充图片.
    #[serde(rename = "supplementaryPicture", borrow, default)]
    #[serde(skip_serializing_if = "PhotoIds::is_empty")]
    pub supplementary: PhotoIds<'a>,
}

impl<'a> AddDataRequest<'a> {
    /// Every list of photos with its wire name, in the document's order, the supplementary last.
    pub const fn photos(&self) -> [(&'static str, &PhotoIds<'a>); 10] {
        [
            ("schoolPhoto", &self.school),
            ("cooperationPhoto", &self.cooperation),
            ("perferentPhoto", &self.preferential_rate),
            ("restaurentEnvironmentPhoto", &self.restaurant_environment),
            ("restaurentFrontPhoto", &self.restaurant_front),
            ("teachingCommitmentPhoto", &self.teaching_licence),
            ("organizationPhoto", &self.organization),
            ("rentmentCommitmentPhoto", &self.rental),
            ("frontPhoto", &self.front),
            ("supplementaryPicture", &self.supplementary),
        ]
    }
}

impl Message for AddDataRequest<'_> {
    const API: Api = Api::AddData;
    type Code = AddDataCode;
    type Answer = AddDataAnswer<'static>;

    fn check(&self) -> Result<(), Refused<AddDataCode>> {
        match self.photos().into_iter().find(|(_, ids)| ids.len() > PHOTOS_MAX) {
            None => Ok(()),
            Some((field, _)) => {
                Err(Refused { code: AddDataCode::TooManyPhotos, reason: field.to_owned() })
            }
        }
    }
}

/// What the answer to [`AddDataRequest`] carries.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddDataAnswer<'a> {
    /// How the enrolment stands.
    pub state: EnrolmentState,
    /// The gateway's number for it.
    #[serde(rename = "reqMsgId", default, deserialize_with = "field::loose_text")]
    pub req_msg_id: Cow<'a, str>,
}

/// How an enrolment stands (`state`). No document prints what it can be; these are ours.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum EnrolmentState {
    /// PENDING: it is under review.
    #[default]
    Pending,
    /// APPROVED
    Approved,
    /// REJECTED
    Rejected,
    /// Another text.
    Unknown(String),
}

impl EnrolmentState {
    /// As it is on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Pending => "PENDING",
            Self::Approved => "APPROVED",
            Self::Rejected => "REJECTED",
            Self::Unknown(text) => text,
        }
    }
}

impl From<String> for EnrolmentState {
    fn from(text: String) -> Self {
        match text.as_str() {
            "PENDING" => Self::Pending,
            "APPROVED" => Self::Approved,
            "REJECTED" => Self::Rejected,
            _ => Self::Unknown(text),
        }
    }
}

impl Serialize for EnrolmentState {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for EnrolmentState {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        field::loose_text(from).map(|text| Self::from(text.into_owned()))
    }
}
