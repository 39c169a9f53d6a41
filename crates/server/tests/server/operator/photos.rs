//! What initiators have uploaded.

use huodong_campaign::{Photo, Role};
use reqwest::Method;
use reqwest::header::IF_NONE_MATCH;
use serde_json::json;

use super::desk::{Desk, ROLES};
use super::gateway::{CERT_ID, MERCHANT, OTHER_CERT_ID, enrol, jpeg, open, sha256, upload};
use super::lists::{csv_rows, texts, walk};

async fn fetch(desk: &Desk, role: Role, photo: &Photo, at_hand: Option<&str>) -> reqwest::Response {
    let request = desk.request(Method::GET, &format!("/photos/{}/content", photo.id));
    let request = request.bearer_auth(desk.token_of(role));
    let request = match at_hand {
        Some(tag) => request.header(IF_NONE_MATCH, tag),
        None => request,
    };
    request.send().await.unwrap()
}

#[tokio::test]
async fn a_photo_is_shown_with_where_its_content_is() {
    let desk = Desk::open().await;
    open(&desk).await;
    let content = jpeg("门头");
    let photo = upload(&desk, CERT_ID, "门头照.jpg", &content).await;
    let shown = desk.shown(&format!("/photos/{}", photo.id)).await;
    for (field, value) in [
        ("id", json!(photo.id.to_string())),
        ("cert_id", json!(CERT_ID)),
        ("content", json!(format!("/operator/v1/photos/{}/content", photo.id))),
        ("format", json!("jpeg")),
        ("bytes", json!(content.len())),
        ("sha256", json!(hex::encode(sha256(&content)))),
        ("name", json!("门头照.jpg")),
        ("pic_type", json!("A001")),
        ("flow_id", json!("flow-1")),
        ("used", json!(false)),
    ] {
        assert_eq!(shown[field], value, "{field}");
    }
    let at = shown["uploaded_at"].as_str().unwrap();
    assert!(at.starts_with("2026-11-21T10:") && at.ends_with("+08:00"), "{at}");
}

#[tokio::test]
async fn its_content_is_served_as_a_picture_and_as_nothing_else() {
    let desk = Desk::open().await;
    open(&desk).await;
    // What a stranger has sent may read as a page, and be called what it likes.
    let jpeg = jpeg("<html><script>alert(1)</script>");
    let png = b"\x89PNG\r\n\x1a\n<svg onload=alert(1)>".to_vec();
    let bmp = b"BM%PDF-1.7".to_vec();
    for (content, name, media_type, extension) in [
        (jpeg, "../../etc/passwd\"; filename=\"x.html", "image/jpeg", "jpg"),
        (png, "page.html", "image/png", "png"),
        (bmp, "照片.exe", "image/bmp", "bmp"),
    ] {
        let photo = upload(&desk, CERT_ID, name, &content).await;
        for (role, _) in ROLES {
            let answer = fetch(&desk, role, &photo, None).await;
            assert_eq!(answer.status(), 200);
            let headers = answer.headers().clone();
            let tag = format!("\"{}\"", hex::encode(sha256(&content)));
            for (header, value) in [
                ("content-type", media_type.to_owned()),
                ("content-length", content.len().to_string()),
                ("x-content-type-options", "nosniff".to_owned()),
                ("content-security-policy", "default-src 'none'; sandbox".to_owned()),
                ("cache-control", "private, no-cache".to_owned()),
                ("etag", tag),
                (
                    "content-disposition",
                    format!("inline; filename=\"photo-{}.{extension}\"", photo.id),
                ),
            ] {
                assert_eq!(headers[header], value, "{header}");
            }
            assert_eq!(answer.bytes().await.unwrap(), content);
        }
    }
}

#[tokio::test]
async fn content_that_is_at_hand_is_not_sent_again() {
    let desk = Desk::open().await;
    open(&desk).await;
    let photo = upload(&desk, CERT_ID, "a.jpg", &jpeg("a")).await;
    let tag = format!("\"{}\"", hex::encode(photo.sha256));
    let other = format!("\"{}\"", hex::encode(sha256(b"other")));
    for at_hand in [tag.clone(), format!("W/{tag}"), format!("{other}, {tag}"), "*".to_owned()] {
        let answer = fetch(&desk, Role::Viewer, &photo, Some(&at_hand)).await;
        assert_eq!(answer.status(), 304, "{at_hand}");
        assert_eq!(answer.headers()["etag"], tag);
        assert_eq!(answer.headers()["cache-control"], "private, no-cache");
        assert!(answer.bytes().await.unwrap().is_empty());
    }
    for at_hand in [other, "nonsense".to_owned()] {
        assert_eq!(fetch(&desk, Role::Viewer, &photo, Some(&at_hand)).await.status(), 200);
    }
    let whoever = desk.request(Method::GET, &format!("/photos/{}/content", photo.id));
    let whoever = whoever.header(IF_NONE_MATCH, tag).send().await.unwrap();
    assert_eq!(whoever.status(), 401);
    assert_eq!(whoever.headers()["cache-control"], "no-store");
}

#[tokio::test]
async fn the_largest_photo_comes_whole() {
    let desk = Desk::open().await;
    open(&desk).await;
    let content = jpeg(&"x".repeat(2 * 1024 * 1024 - 4));
    let photo = upload(&desk, CERT_ID, "a.jpg", &content).await;
    let came = fetch(&desk, Role::Reviewer, &photo, None).await.bytes().await.unwrap();
    assert!(came == content, "{} of {} bytes", came.len(), content.len());
}

#[tokio::test]
async fn photos_are_filtered_by_all_that_is_given() {
    let desk = Desk::open().await;
    open(&desk).await;
    let loose = upload(&desk, CERT_ID, "a.jpg", &jpeg("a")).await;
    let theirs = upload(&desk, OTHER_CERT_ID, "a.jpg", &jpeg("a")).await;
    enrol(&desk, MERCHANT).await;
    let ids = async |query: &str| {
        let found = walk(&desk, &format!("/photos?{query}"), 3).await;
        let csv = csv_rows(&desk.get(&format!("/photos?format=csv&{query}")).await);
        assert_eq!(csv.len(), found.len(), "{query}");
        texts(&found, "id").into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let (loose, theirs) = (loose.id.to_string(), theirs.id.to_string());
    assert_eq!(ids("").await.len(), 8);
    assert_eq!(ids("used=true").await.len(), 6);
    assert_eq!(ids("used=false").await, [theirs.as_str(), loose.as_str()]);
    assert_eq!(ids(&format!("cert_id={OTHER_CERT_ID}")).await, [theirs.as_str()]);
    assert_eq!(ids(&format!("cert_id={CERT_ID}&used=false")).await, [loose.as_str()]);
    assert_eq!(ids("cert_id=nobody").await, [""; 0]);
    desk.get("/photos?used=maybe").await.problem(400, "malformed", Some("used"));
    desk.get("/photos?name=a").await.problem(400, "malformed", Some("name"));
}
