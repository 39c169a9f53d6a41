//! Keeping photos: what they must be, and whose they are.

use huodong_campaign::{Id, PhotoFormat};
use huodong_store::PageRequest;
use huodong_wire::ysepay::Api;
use serde_json::json;

use super::partner::{Form, Partner, jpeg, meta, sandbox};
use crate::app::{TestApp, with};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";

fn bmp() -> Vec<u8> {
    [b"BM".as_slice(), &[0; 12], &[40, 0, 0, 0], &[0; 36]].concat()
}

async fn stored(server: &TestApp, id: &str) -> (huodong_campaign::Photo, Vec<u8>) {
    let id = Id(id.parse().unwrap());
    let found = server.app.engine.read(move |reader| reader.photo_and_content(id)).await;
    found.unwrap().unwrap()
}

#[tokio::test]
async fn a_photo_is_kept_as_what_its_content_is() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    for (content, format) in [
        (jpeg(b"x"), PhotoFormat::Jpeg),
        (PNG.to_vec(), PhotoFormat::Png),
        (bmp(), PhotoFormat::Bmp),
    ] {
        let answer = partner.send(&partner.upload(&content)).await;
        let data = answer.success();
        assert_eq!(data.as_object().unwrap().len(), 1, "{data}");
        let id = data["picId"].as_str().unwrap();
        assert!(id.bytes().all(|byte| byte.is_ascii_digit()), "{id}");
        let (photo, kept) = stored(&server, id).await;
        // Whatever its name says.
        assert_eq!((photo.format, &*photo.name), (format, "门头.jpg"));
        assert_eq!((&*photo.pic_type, &*photo.flow_id), ("A001", "flow-1"));
        assert_eq!(photo.cert_id.as_str(), partner.cert_id);
        assert!(!photo.used);
        assert_eq!(kept, content);
    }
}

#[tokio::test]
async fn what_is_no_photo_is_refused() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    for content in [&b"GIF89a..."[..], b"%PDF-1.7", b"BM is no picture yet", b"<svg/>", b"\0"] {
        let answer = partner.send(&partner.upload(content)).await;
        answer.assert_refused("A029998", "参数非法:file 必须是 JPG、PNG 或 BMP 图片");
    }
    let page = PageRequest { before: None, limit: 1 };
    let kept = server.app.engine.read(move |reader| reader.photos(&Default::default(), page));
    assert!(kept.await.unwrap().rows.is_empty());
}

#[tokio::test]
async fn a_file_must_be_there_and_have_the_hash_that_is_named() {
    let server = sandbox().await;
    let partner = Partner::rsa(&server);
    let photo = jpeg(b"x");
    for form in Form::ALL {
        let request = partner.request(Api::Upload, &meta(&photo));
        let answer = partner.send_as(&request, form).await;
        answer.assert_refused("A029998", "参数非法:file 不能为空");
    }
    let mut empty = partner.request(Api::Upload, &meta(b""));
    empty.file = Some(Vec::new());
    partner.send(&empty).await.assert_refused("A029998", "参数非法:file 不能为空");
    let mut other = partner.request(Api::Upload, &meta(b"other"));
    other.file = Some(photo.clone());
    let answer = partner.send(&other).await;
    answer.assert_refused("A029998", "参数非法:meta.sha256 与文件内容不一致");
    // In capitals it is the same hash.
    let sha256 = meta(&photo)["meta"]["sha256"].as_str().unwrap().to_uppercase();
    let mut capitals = meta(&photo);
    capitals["meta"]["sha256"] = sha256.into();
    let mut request = partner.request(Api::Upload, &capitals);
    request.file = Some(photo);
    partner.send(&request).await.success();
}

#[tokio::test]
async fn a_field_of_meta_is_named() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    let photo = jpeg(b"x");
    let good = meta(&photo)["meta"].clone();
    for (content, msg) in [
        (json!({}), "meta 不能缺少"),
        (json!({"meta": with(good.clone(), "sysFlowId", "")}), "meta.sysFlowId 不能为空"),
        (
            json!({"meta": with(good.clone(), "picType", "x".repeat(65))}),
            "meta.picType 长度不能超过 64 个字符",
        ),
        (json!({"meta": with(good.clone(), "picNm", 7)}), "meta.picNm 必须是字符串"),
        (
            json!({"meta": with(good.clone(), "sha256", "abc")}),
            "meta.sha256 必须是 64 位十六进制的 SHA-256",
        ),
    ] {
        let mut request = partner.request(Api::Upload, &content);
        request.file = Some(photo.clone());
        let answer = partner.send(&request).await;
        answer.assert_refused("A029998", &format!("参数非法:{msg}"));
    }
}
