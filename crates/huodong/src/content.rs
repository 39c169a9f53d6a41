//! What a ysepay call says, filled in where nobody has said it.

use std::path::Path;

use huodong_campaign::{MerchantKind, PhotoField, RateActivity, photo_rule};
use huodong_engine::Chance;
use huodong_wire::ysepay::Api;
use serde_json::{Map, Value, json};

use crate::call::fields::{self, Field};
use crate::credentials::{Consult, Merchant};
use crate::failure::Failure;

/// Who asks what can be claimed, unless it is said.
const OPEN_ID: &str = "sandbox-user-0001";
/// The merchant's number at 银联, unless it is said.
const CUPS: &str = "500000001";
/// Who enters an enrolment, unless it is said.
const CREATOR: &str = "huodong";
/// What an upload's meta holds.
const META: [&str; 4] = ["sysFlowId", "picType", "picNm", "sha256"];

/// The call of that name, however it is capitalised.
pub(crate) fn api(name: &str) -> Result<Api, String> {
    let found = Api::ALL.into_iter().find(|api| api.name().eq_ignore_ascii_case(name));
    found.ok_or_else(|| format!("the calls are {}", Api::ALL.map(Api::name).join(", ")))
}

/// A photo to upload.
#[derive(Clone, Debug)]
pub(crate) struct Photo {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
}

impl Photo {
    /// The file, or a small picture that nobody has uploaded before.
    pub(crate) fn read(path: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = path else { return Ok(Self::fresh("photo")) };
        let bytes = crate::key_file::read(path)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { name, bytes })
    }

    /// Eight by eight pixels of one colour, as BMP.
    pub(crate) fn fresh(name: &str) -> Self {
        const SIDE: u32 = 8;
        let pixels: Vec<u8> = Chance.bytes::<3>().repeat((SIDE * SIDE) as usize);
        let size = u32::try_from(pixels.len()).unwrap_or_default();
        let mut bytes = b"BM".to_vec();
        let head = [54 + size, 0, 54, 40, SIDE, SIDE, 1 | 24 << 16, 0, size, 2835, 2835, 0, 0];
        head.iter().for_each(|number| bytes.extend(number.to_le_bytes()));
        bytes.extend(pixels);
        Self { name: format!("{name}.bmp"), bytes }
    }
}

/// An upload's content: what is not given follows from the photo.
pub(crate) fn upload(photo: &Photo, given: Vec<Field>) -> String {
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &photo.bytes);
    let mut meta = vec![
        (META[0].to_owned(), json!("huodong")),
        (META[1].to_owned(), json!("enrolment")),
        (META[2].to_owned(), json!(photo.name)),
        (META[3].to_owned(), json!(hex::encode(hash))),
    ];
    let (inside, beside): (Vec<_>, Vec<_>) =
        given.into_iter().partition(|(name, _)| META.contains(&name.as_str()));
    fields::lay_over(&mut meta, inside);
    let meta: Map<String, Value> = meta.into_iter().collect();
    let mut all = vec![("meta".to_owned(), Value::from(meta))];
    fields::lay_over(&mut all, beside);
    fields::object(&all)
}

/// A consult's content. `activityId=…`, given once or more, is the list.
pub(crate) fn consult(known: &Consult, given: Vec<Field>) -> String {
    let (ids, given): (Vec<_>, Vec<_>) =
        given.into_iter().partition(|(name, _)| name == "activityId");
    let ids: Vec<Value> = if ids.is_empty() {
        known.activity_ids.iter().map(|id| json!(id)).collect()
    } else {
        ids.into_iter().map(|(_, id)| id).collect()
    };
    let user = given.iter().any(|(name, _)| name == "openId" || name == "userId");
    let mut all = Vec::new();
    if !known.merchant_id.is_empty() {
        all.push(("merchantId".to_owned(), json!(known.merchant_id)));
    }
    if !user {
        all.push(("openId".to_owned(), json!(OPEN_ID)));
    }
    let list: Vec<_> = ids.into_iter().map(|id| json!({"activityId": id})).collect();
    all.push(("consultActivityInfoList".to_owned(), Value::from(list)));
    fields::lay_over(&mut all, given);
    fields::object(&all)
}

/// An enrolment that still lacks its photos.
pub(crate) struct Enrolment {
    fields: Vec<Field>,
    /// The photo fields that the activity asks of the merchant and nobody has given.
    pub(crate) lacking: Vec<&'static str>,
}

/// An enrolment's fields, but for the photos.
pub(crate) fn enrolment(merchants: &[Merchant], given: Vec<Field>) -> Enrolment {
    let text = |name: &str| {
        given.iter().find(|(known, _)| known == name).and_then(|(_, value)| value.as_str())
    };
    let activity = text("activityId").unwrap_or(RateActivity::Education.id()).to_owned();
    let rule = |merchant: &Merchant| {
        photo_rule(RateActivity::from_id(&activity)?, MerchantKind::from_number(merchant.kind)?)
    };
    let merchant = match text("mercId") {
        Some(merc_id) => merchants.iter().find(|one| one.merc_id == merc_id),
        None => merchants.iter().find(|one| rule(one).is_some()),
    };
    let must = merchant.and_then(rule).map(|rule| rule.must).unwrap_or_default();
    let lacking = must.iter().map(|field| wire_name(*field));
    let lacking = lacking.filter(|name| !given.iter().any(|(known, _)| known == name)).collect();
    let mut fields = vec![
        ("mercId".to_owned(), json!(merchant.map_or("", |one| one.merc_id.as_str()))),
        ("activityId".to_owned(), json!(activity)),
        ("creator".to_owned(), json!(CREATOR)),
    ];
    if text("thirdMercIdCups").or(text("thirdMercIdNucc")).is_none() {
        fields.push(("thirdMercIdCups".to_owned(), json!(CUPS)));
    }
    fields::lay_over(&mut fields, given);
    Enrolment { fields, lacking }
}

impl Enrolment {
    /// Its content, with these photos.
    pub(crate) fn with(mut self, photos: Vec<(&'static str, String)>) -> String {
        let photos = photos.into_iter().map(|(name, id)| (name.to_owned(), json!(id)));
        fields::lay_over(&mut self.fields, photos.collect());
        fields::object(&self.fields)
    }
}

/// A photo field as the vendor spells it.
fn wire_name(field: PhotoField) -> &'static str {
    match field {
        PhotoField::School => "schoolPhoto",
        PhotoField::Cooperation => "cooperationPhoto",
        PhotoField::PreferentialRate => "perferentPhoto",
        PhotoField::RestaurantEnvironment => "restaurentEnvironmentPhoto",
        PhotoField::RestaurantFront => "restaurentFrontPhoto",
        PhotoField::TeachingLicence => "teachingCommitmentPhoto",
        PhotoField::Organization => "organizationPhoto",
        PhotoField::Rental => "rentmentCommitmentPhoto",
        PhotoField::Front => "frontPhoto",
        PhotoField::Supplementary => "supplementaryPicture",
    }
}

/// `field=text` and `field:=JSON`, or a whole content.
pub(crate) fn given(texts: &[String]) -> Result<Vec<Field>, Failure> {
    texts.iter().map(|text| fields::parse(text, &[])).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn value(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    fn merchants() -> Vec<Merchant> {
        let merchant = |merc_id: &str, kind| Merchant { merc_id: merc_id.to_owned(), kind };
        vec![merchant("micro", 1), merchant("enterprise", 0), merchant("government", 5)]
    }

    #[test]
    fn an_enrolment_asks_for_the_photos_its_merchant_needs() {
        let lacking = |texts: &[&str]| {
            let texts: Vec<_> = texts.iter().map(|text| (*text).to_owned()).collect();
            enrolment(&merchants(), given(&texts).unwrap()).lacking.join(" ")
        };
        let organization = "organizationPhoto rentmentCommitmentPhoto frontPhoto";
        assert_eq!(lacking(&[]), organization);
        assert_eq!(lacking(&["frontPhoto=1", "organizationPhoto="]), "rentmentCommitmentPhoto");
        let school = "schoolPhoto cooperationPhoto perferentPhoto restaurentEnvironmentPhoto \
                      restaurentFrontPhoto";
        assert_eq!(lacking(&["activityId=schoolcanteen_001"]), school);
        let public = "schoolPhoto teachingCommitmentPhoto restaurentEnvironmentPhoto \
                      restaurentFrontPhoto";
        assert_eq!(lacking(&["activityId=schoolcanteen_001", "mercId=government"]), public);
        assert_eq!(lacking(&["activityId=schoolcanteen_001", "mercId=micro"]), "");
        assert_eq!(lacking(&["mercId=unknown"]), "");
    }

    #[test]
    fn an_enrolment_takes_the_first_merchant_that_can_enrol_and_its_photos() {
        let canteen = given(&["activityId=schoolcanteen_001".to_owned()]).unwrap();
        let content = enrolment(&merchants(), canteen).with(vec![("schoolPhoto", "7".to_owned())]);
        let expected = json!({
            "mercId": "enterprise", "activityId": "schoolcanteen_001", "creator": "huodong",
            "thirdMercIdCups": "500000001", "schoolPhoto": "7",
        });
        assert_eq!(value(&content), expected);
        let nucc = given(&["thirdMercIdNucc=9".to_owned()]).unwrap();
        let content = value(&enrolment(&merchants(), nucc).with(Vec::new()));
        assert_eq!(
            (&content["thirdMercIdNucc"], &content["thirdMercIdCups"]),
            (&json!("9"), &Value::Null)
        );
    }

    #[test]
    fn an_uploads_meta_follows_from_the_photo() {
        let photo = Photo { name: "a.jpg".to_owned(), bytes: b"abc".to_vec() };
        let given = given(&["picType=02".to_owned(), "more=1".to_owned()]).unwrap();
        let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let expected = json!({
            "meta": {"sysFlowId": "huodong", "picType": "02", "picNm": "a.jpg", "sha256": sha256},
            "more": "1",
        });
        assert_eq!(value(&upload(&photo, given)), expected);
    }

    #[test]
    fn a_consult_asks_about_the_activities_that_are_named_or_known() {
        let known = Consult {
            merchant_id: "2088".to_owned(),
            activity_ids: vec!["1".to_owned(), "2".to_owned()],
        };
        let ask = |texts: &[&str]| {
            let texts: Vec<_> = texts.iter().map(|text| (*text).to_owned()).collect();
            value(&consult(&known, given(&texts).unwrap()))
        };
        let all = ask(&[]);
        let expected = json!([{"activityId": "1"}, {"activityId": "2"}]);
        assert_eq!((&all["consultActivityInfoList"], &all["openId"]), (&expected, &json!(OPEN_ID)));
        let some = ask(&["activityId=b", "activityId=a", "userId=u", "merchantId:=null"]);
        let expected = json!({
            "merchantId": null, "userId": "u",
            "consultActivityInfoList": [{"activityId": "b"}, {"activityId": "a"}],
        });
        assert_eq!(some, expected);
    }

    #[test]
    fn a_generated_photo_is_a_whole_bmp() {
        let photo = Photo::fresh("front");
        assert_eq!(photo.name, "front.bmp");
        let size = u32::from_le_bytes(photo.bytes[2..6].try_into().unwrap());
        assert_eq!((photo.bytes.len(), size), (54 + 8 * 8 * 3, 54 + 8 * 8 * 3));
    }
}
