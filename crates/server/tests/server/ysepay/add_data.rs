//! Enrolling merchants: every rule of the document, by the code and the field it names.

use huodong_campaign::{
    DecideEnrolment, Decision, Enrolment, EnrolmentStatus, MercId, MerchantKind, TokenId,
};
use huodong_server::parse_order_number;
use huodong_wire::ysepay::Api;
use serde_json::{Value, json};

use super::partner::{Partner, sandbox};
use crate::app::{TestApp, with, without};

const CANTEEN: &str = "schoolcanteen_001";
const EDUCATION: &str = "education_001";

/// All photo fields, as they are spelt on the wire.
const FIELDS: [&str; 10] = [
    "schoolPhoto",
    "cooperationPhoto",
    "perferentPhoto",
    "restaurentEnvironmentPhoto",
    "restaurentFrontPhoto",
    "teachingCommitmentPhoto",
    "organizationPhoto",
    "rentmentCommitmentPhoto",
    "frontPhoto",
    "supplementaryPicture",
];

/// What a merchant of this type must carry for this activity; none where it is refused.
fn must(activity: &str, kind: u8) -> Option<&'static [usize]> {
    match (activity, kind) {
        (CANTEEN, 1) => None,
        (CANTEEN, 0 | 2) => Some(&[0, 1, 2, 3, 4]),
        (CANTEEN, _) => Some(&[0, 5, 3, 4]),
        _ => Some(&[6, 7, 8]),
    }
}

/// An enrolment with these photos, one in each of the fields that are needed; the merchant's number
/// ends in its type.
pub fn enrolment(merc_id: &str, activity: &str, photos: &[String]) -> Value {
    let kind = merc_id[merc_id.len() - 1..].parse().unwrap();
    let fields = must(activity, kind).unwrap_or(&[]);
    let mut content = json!({
        "mercId": merc_id,
        "activityId": activity,
        "creator": "张三",
        "thirdMercIdCups": "cups-1",
        "thirdMercIdNucc": "nucc-1",
    });
    for (field, photo) in fields.iter().zip(photos.iter().cycle()) {
        content[FIELDS[*field]] = format!("{photo};").into();
    }
    content
}

async fn stored(server: &TestApp, answer: &Value) -> Enrolment {
    let number = answer["reqMsgId"].as_str().unwrap();
    let id = parse_order_number(number).unwrap();
    server.app.engine.read(move |reader| reader.enrolment(id)).await.unwrap().unwrap()
}

async fn refused(partner: &Partner<'_>, content: &Value, code: &str, msg: &str) {
    partner.call(Api::AddData, content).await.assert_refused(code, msg);
}

#[tokio::test]
async fn a_merchant_of_each_type_is_enrolled_for_what_it_may() {
    let server = sandbox().await;
    for partner in [Partner::of(&server), Partner::plain(&server)] {
        let photo = partner.photos(1).await;
        for activity in [CANTEEN, EDUCATION] {
            for kind in MerchantKind::ALL {
                let merchant = &partner.merchants[usize::from(kind.number())];
                let content = enrolment(merchant, activity, &photo);
                let answer = partner.call(Api::AddData, &content).await;
                if must(activity, kind.number()).is_none() {
                    answer.assert_refused("A029998", "参数非法:小微不能报名该类型");
                    continue;
                }
                let data = answer.success();
                assert_eq!(data["state"], "PENDING");
                assert_eq!(data["reqMsgId"].as_str().unwrap().len(), 28);
                let stored = stored(&server, data).await;
                assert_eq!(stored.key.merc_id, MercId::from(&**merchant));
                assert_eq!(stored.key.activity.id(), activity);
                assert_eq!((stored.merchant_kind, &*stored.creator), (kind, "张三"));
                assert_eq!(stored.cert_id.as_str(), partner.cert_id);
                assert_eq!(stored.status, EnrolmentStatus::Pending);
            }
        }
    }
}

#[tokio::test]
async fn every_photo_that_is_missing_or_out_of_place_is_named() {
    let server = sandbox().await;
    let partner = Partner::rsa(&server);
    let photo = partner.photos(1).await;
    for (activity, kinds) in [(CANTEEN, &[0, 2, 3, 4, 5][..]), (EDUCATION, &[0, 1, 2, 3, 4, 5])] {
        for kind in kinds {
            let merchant = &partner.merchants[usize::from(*kind)];
            let whole = enrolment(merchant, activity, &photo);
            let needed = must(activity, *kind).unwrap();
            // The supplementary picture has a rule of its own.
            for (at, field) in FIELDS[..9].iter().enumerate() {
                if needed.contains(&at) {
                    let msg = format!("参数非法:{field} 不能为空");
                    refused(&partner, &without(whole.clone(), field), "A029998", &msg).await;
                    refused(&partner, &with(whole.clone(), field, ""), "A029998", &msg).await;
                } else {
                    let msg = format!("参数非法:{field} 不属于该活动与商户类型的资料");
                    let other = with(whole.clone(), field, &*photo[0]);
                    refused(&partner, &other, "A029998", &msg).await;
                }
            }
        }
    }
}

#[tokio::test]
async fn a_field_is_counted_in_characters_and_named() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    let photo = partner.photos(1).await;
    let good = enrolment(&partner.merchants[0], EDUCATION, &photo);
    for (field, most) in [
        ("mercId", 20),
        ("activityId", 20),
        ("creator", 15),
        ("thirdMercIdCups", 20),
        ("thirdMercIdNucc", 20),
        ("supplementaryRemark", 2_000),
        ("frontPhoto", 1_000),
    ] {
        let msg = format!("参数非法:{field} 长度不能超过 {most} 个字符");
        let long = with(good.clone(), field, "字".repeat(most + 1));
        refused(&partner, &long, "A029998", &msg).await;
    }
    for field in ["mercId", "activityId", "creator"] {
        let msg = format!("参数非法:{field} 不能缺少");
        refused(&partner, &without(good.clone(), field), "A029998", &msg).await;
        let msg = format!("参数非法:{field} 不能为空");
        refused(&partner, &with(good.clone(), field, ""), "A029998", &msg).await;
    }
    refused(
        &partner,
        &with(good.clone(), "creator", 7),
        "A029998",
        "参数非法:creator 必须是字符串",
    )
    .await;
    let other = with(good.clone(), "activityId", "schoolcanteen_002");
    let msg = "参数非法:activityId 必须是 schoolcanteen_001 或 education_001";
    refused(&partner, &other, "A029998", msg).await;
    let longest = with(good, "creator", "字".repeat(15));
    partner.call(Api::AddData, &longest).await.success();
}

#[tokio::test]
async fn a_remark_and_supplementary_pictures_come_together_or_not_at_all() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    let photo = partner.photos(1).await;
    let good = enrolment(&partner.merchants[0], EDUCATION, &photo);
    let remark = with(good.clone(), "supplementaryRemark", "补充");
    let msg = "参数非法:supplementaryPicture 与 supplementaryRemark 须同时填写";
    refused(&partner, &remark, "A029998", msg).await;
    let picture = with(good, "supplementaryPicture", &*photo[0]);
    let msg = "参数非法:supplementaryRemark 与 supplementaryPicture 须同时填写";
    refused(&partner, &picture, "A029998", msg).await;
    let both = with(picture, "supplementaryRemark", "字".repeat(2_000));
    let answer = partner.call(Api::AddData, &both).await;
    let stored = stored(&server, answer.success()).await;
    assert_eq!(stored.supplementary_remark.unwrap().chars().count(), 2_000);
}

#[tokio::test]
async fn one_of_the_third_party_numbers_must_be_given() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    let photo = partner.photos(1).await;
    let names = ["thirdMercIdCups", "thirdMercIdNucc"];
    let good = enrolment(&partner.merchants[0], EDUCATION, &photo);
    let neither = with(with(good.clone(), names[0], ""), names[1], Value::Null);
    let msg = "参数非法:thirdMercIdCups 与 thirdMercIdNucc 不能都为空";
    refused(&partner, &neither, "A029998", msg).await;
    for (at, name) in names.iter().enumerate() {
        let one = enrolment(&partner.merchants[at], EDUCATION, &photo);
        partner.call(Api::AddData, &without(one, name)).await.success();
    }
}

#[tokio::test]
async fn a_merchant_must_be_the_initiators_and_have_confirmed() {
    let server = sandbox().await;
    let (partner, other) = (Partner::of(&server), Partner::rsa(&server));
    let photo = partner.photos(1).await;
    let msg = "发起方商户号和子商户号的归属关系校验失败:mercId";
    for merchant in ["826900000000070", &*other.merchants[0]] {
        let content = enrolment(merchant, EDUCATION, &photo);
        refused(&partner, &content, "B022011", msg).await;
    }
    let unconfirmed = &partner.merchants[6];
    let mut content = enrolment(&partner.merchants[0], EDUCATION, &photo);
    content["mercId"] = (&**unconfirmed).into();
    refused(&partner, &content, "A029998", "参数非法:mercId 尚未完成开户意愿确认").await;
}

#[tokio::test]
async fn a_field_carries_at_most_five_photos() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    let photos = partner.photos(6).await;
    let good = enrolment(&partner.merchants[0], EDUCATION, &photos);
    for six in [photos.join(";"), format!("{};", photos.join(";"))] {
        let content = with(good.clone(), "frontPhoto", six);
        refused(&partner, &content, "B022012", "最多可上传5张照片:frontPhoto").await;
    }
    // Before it is looked at whose merchant and which photos these are.
    let content = with(with(good.clone(), "frontPhoto", "1;2;3;4;5;6"), "mercId", "unknown");
    refused(&partner, &content, "B022012", "最多可上传5张照片:frontPhoto").await;
    for broken in [";", "1;;2", ";1"] {
        let content = with(good.clone(), "frontPhoto", broken);
        refused(&partner, &content, "A029998", "参数非法:frontPhoto 图片 id 不能为空").await;
    }
    let five = with(good, "frontPhoto", format!("{};", photos[..5].join(";")));
    let answer = partner.call(Api::AddData, &five).await;
    let stored = stored(&server, answer.success()).await;
    let kept = &stored.photos[&huodong_campaign::PhotoField::Front];
    assert_eq!(kept.iter().map(ToString::to_string).collect::<Vec<_>>(), photos[..5]);
}

#[tokio::test]
async fn a_photo_must_be_one_of_the_initiators() {
    let server = sandbox().await;
    let (partner, other) = (Partner::of(&server), Partner::rsa(&server));
    let photo = partner.photos(1).await;
    let others = other.photo().await;
    let good = enrolment(&partner.merchants[0], EDUCATION, &photo);
    for (ids, shown) in [
        (others.clone(), format!(" {others}")),
        (format!("{};{others}", photo[0]), format!(" {others}")),
        ("999999999".to_owned(), " 999999999".to_owned()),
        ("x".to_owned(), String::new()),
        ("-1".to_owned(), String::new()),
        (format!("0{}", photo[0]), String::new()),
        ("99999999999999999999".to_owned(), String::new()),
    ] {
        let content = with(good.clone(), "rentmentCommitmentPhoto", ids);
        let msg = format!("未找到图片id得路由:rentmentCommitmentPhoto{shown}");
        refused(&partner, &content, "B022013", &msg).await;
    }
    // The other may use its own, and the same content is kept for both.
    let content = enrolment(&other.merchants[0], EDUCATION, &[others]);
    other.call(Api::AddData, &content).await.success();
}

#[tokio::test]
async fn a_merchant_has_one_live_enrolment_for_an_activity() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    let photo = partner.photos(1).await;
    let content = enrolment(&partner.merchants[0], EDUCATION, &photo);
    let decide = async |answer: &Value, decision| {
        let enrolment = stored(&server, answer).await.id;
        server.done(DecideEnrolment { enrolment, decision, by: TokenId::from("reviewer") }).await;
    };
    let first = partner.call(Api::AddData, &content).await.success().clone();
    let msg = "新增失败:该商户已报名该活动,状态 PENDING";
    refused(&partner, &content, "B029992", msg).await;
    // Another merchant, and another activity, are others.
    let other = enrolment(&partner.merchants[2], EDUCATION, &photo);
    partner.call(Api::AddData, &other).await.success();
    let canteen = enrolment(&partner.merchants[0], CANTEEN, &photo);
    partner.call(Api::AddData, &canteen).await.success();
    decide(&first, Decision::Reject { reason: "照片不清晰".into() }).await;
    let second = partner.call(Api::AddData, &content).await.success().clone();
    assert_ne!(second["reqMsgId"], first["reqMsgId"]);
    decide(&second, Decision::Approve).await;
    let msg = "新增失败:该商户已报名该活动,状态 APPROVED";
    refused(&partner, &content, "B029992", msg).await;
}

#[tokio::test]
async fn of_several_rules_that_are_broken_the_first_is_told() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    let photo = partner.photos(1).await;
    let good = enrolment(&partner.merchants[0], EDUCATION, &photo);
    partner.call(Api::AddData, &good).await.success();
    // It breaks all of them; one after the other is put right.
    let mut content = json!({
        "mercId": "unknown",
        "activityId": EDUCATION,
        "creator": "字".repeat(16),
        "supplementaryRemark": "补充",
        "frontPhoto": "1;2;3;4;5;6",
    });
    let code = async |content: &Value| {
        let answer = partner.call(Api::AddData, content).await;
        let about = answer.reply.sub_msg().split([':', ' ']).nth(1).unwrap().to_owned();
        (answer.reply.sub_code().to_owned(), about)
    };
    let told = |code: &str, about: &str| (code.to_owned(), about.to_owned());
    assert_eq!(code(&content).await, told("A029998", "creator"));
    content["creator"] = "张三".into();
    assert_eq!(code(&content).await, told("B022012", "frontPhoto"));
    content["frontPhoto"] = "1".into();
    assert_eq!(code(&content).await, told("B022011", "mercId"));
    content["mercId"] = (&*partner.merchants[6]).into();
    assert_eq!(code(&content).await, told("A029998", "mercId"));
    content["mercId"] = (&*partner.merchants[0]).into();
    assert_eq!(code(&content).await, told("A029998", "organizationPhoto"));
    content["organizationPhoto"] = "1".into();
    content["rentmentCommitmentPhoto"] = "1".into();
    assert_eq!(code(&content).await, told("A029998", "supplementaryPicture"));
    content["supplementaryPicture"] = "1".into();
    assert_eq!(code(&content).await, told("A029998", "thirdMercIdCups"));
    content["thirdMercIdCups"] = "cups-1".into();
    assert_eq!(code(&content).await.0, "B022013");
    for field in [6, 7, 8, 9] {
        content[FIELDS[field]] = (&*photo[0]).into();
    }
    assert_eq!(code(&content).await.0, "B029992");
}
