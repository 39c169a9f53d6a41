//! An initiator with its merchants, what it uploads, and whom it enrols.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use huodong_campaign::{
    CertId, Enrol, Enrolment, EnrolmentKey, Id, MercId, Photo, PhotoField, PhotoFormat,
    RateActivity, StorePhoto,
};
use serde_json::{Value, json};

use super::desk::Desk;
use crate::app::{fresh_nonce, with};

pub const CERT_ID: &str = "826584358120001";
pub const OTHER_CERT_ID: &str = "826584358129999";
pub const MERCHANT: &str = "826584358120002";
/// Public keys of SM2, of RSA with 1024 bits and with 512, and of another curve.
pub const SM2: &str = "\
-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoEcz1UBgi0DQgAEC3vwUdNJasnBsJ1zRC53UPvciyV7
k7Wg0z5jUSVsLRwOv8AUaYQZj6rA6MAn85nbaLwa2YUW3hCBKgsYbVzl5Q==
-----END PUBLIC KEY-----
";
pub const RSA_1024: &str = "\
-----BEGIN PUBLIC KEY-----
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQC7FUK624RWp5TISTob9nb/JLg0
xKKjdwhz/dKvu4dUcDRaZHRMT5YtqsMiMHR0EtDukWjFwDBpb88XVf+0e6VbdIWk
bekEVEPS17UzVWq/WDx2rPbMctO0lEOz83K4kfXfSuNzw9mr3MWlI4zzQTwBwrFM
dAza/9khsxrpG/Xe9QIDAQAB
-----END PUBLIC KEY-----
";
pub const RSA_512: &str = "\
-----BEGIN PUBLIC KEY-----
MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBALM+dUBryrw8ovNHflwU/T763V3zkc1O
9ytIBiw4ApI0iu2QRdNGiPRynQnLOEreSW1ZpR0SUvWTNSf4RJ3iOocCAwEAAQ==
-----END PUBLIC KEY-----
";
pub const P256: &str = "\
-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEo+6fgmLBmSpow5VCcoKTLyncdABb
jAEInCqttYjPqv+77SKLbumz/cNN4lnClpsHCyJiE67tBJ1CgVGIrBwFZA==
-----END PUBLIC KEY-----
";

pub fn initiator() -> Value {
    json!({"cert_id": CERT_ID, "name": "示例服务商", "mode": "sm2", "public_key": SM2})
}

/// A merchant of 企业, which has confirmed its intent.
pub fn merchant(merc_id: &str) -> Value {
    json!({
        "merc_id": merc_id, "cert_id": CERT_ID, "name": "示例食堂", "type": 0,
        "intent_confirmed": true,
    })
}

/// Two initiators, and one merchant of the first.
pub async fn open(desk: &Desk) {
    desk.post("/initiators", initiator()).await.ok();
    desk.post("/initiators", with(initiator(), "cert_id", OTHER_CERT_ID)).await.ok();
    desk.post("/merchants", merchant(MERCHANT)).await.ok();
}

/// A JPEG, as far as its first bytes say.
pub fn jpeg(text: &str) -> Vec<u8> {
    [b"\xff\xd8\xff\xe0", text.as_bytes()].concat()
}

pub fn sha256(content: &[u8]) -> [u8; 32] {
    digest(&SHA256, content).as_ref().try_into().unwrap()
}

/// What upload does once all is well.
pub async fn upload(desk: &Desk, cert_id: &str, name: &str, content: &[u8]) -> Photo {
    let format = match content {
        [0x89, b'P', ..] => PhotoFormat::Png,
        [b'B', b'M', ..] => PhotoFormat::Bmp,
        _ => PhotoFormat::Jpeg,
    };
    let photo = StorePhoto {
        cert_id: CertId::from(cert_id),
        sha256: sha256(content),
        format,
        name: name.into(),
        pic_type: "A001".into(),
        flow_id: "flow-1".into(),
        content: Arc::from(content),
    };
    desk.server.done(photo).await
}

/// What addData does: a merchant of 企业 for the school canteen, with a remark.
pub async fn enrol(desk: &Desk, merc_id: &str) -> Enrolment {
    let fields = [
        PhotoField::School,
        PhotoField::Cooperation,
        PhotoField::PreferentialRate,
        PhotoField::RestaurantEnvironment,
        PhotoField::RestaurantFront,
        PhotoField::Supplementary,
    ];
    enrol_for(desk, merc_id, RateActivity::SchoolCanteen, &fields).await
}

pub async fn enrol_for(
    desk: &Desk,
    merc_id: &str,
    activity: RateActivity,
    fields: &[PhotoField],
) -> Enrolment {
    let mut photos: BTreeMap<PhotoField, Vec<Id>> = BTreeMap::new();
    for field in fields {
        let content = jpeg(&format!("{field:?}"));
        let photo = upload(desk, CERT_ID, &format!("{field:?}.jpg"), &content).await;
        photos.insert(*field, vec![photo.id]);
    }
    let remarked = photos.contains_key(&PhotoField::Supplementary);
    let enrol = Enrol {
        cert_id: CertId::from(CERT_ID),
        key: EnrolmentKey { merc_id: MercId::from(merc_id), activity },
        creator: "张三".into(),
        third_merc_id_cups: Some("cups-1".into()),
        third_merc_id_nucc: None,
        photos,
        supplementary_remark: remarked.then(|| "说明".into()),
        req_id: fresh_nonce().into(),
    };
    desk.server.done(enrol).await
}
