//! How large a request may be, and how slow.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::StreamBody;
use huodong_wire::ysepay::{Api, ReplyForm};
use hyper::body::Frame;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::partner::{
    BOUNDARY, Form, Partner, Request, asking, jpeg, part, post, sandbox, sandbox_with, send,
};
use crate::app::{PATIENCE, TestApp};
use crate::lakala::partner::activity;

const MIB: usize = 1024 * 1024;
const TOO_LARGE: &str = "请求或文件超出大小限制";

/// An upload of so many bytes.
fn of_size(partner: &Partner<'_>, bytes: usize) -> Request {
    let start = jpeg(b"");
    let photo = [start.clone(), vec![0; bytes - start.len()]].concat();
    partner.upload(&photo)
}

#[tokio::test]
async fn a_photo_may_have_two_mebibytes_and_no_more() {
    let server = sandbox().await;
    let partner = Partner::plain(&server);
    partner.send(&of_size(&partner, 2 * MIB)).await.success();
    for bytes in [2 * MIB + 1, 2 * MIB + 100, 3 * MIB, 7 * MIB, 9 * MIB] {
        let answer = send(&server, &of_size(&partner, bytes), Form::Parts).await;
        assert_eq!(answer.reply.code(), "10008", "{bytes}: {}", answer.text);
        assert!(answer.reply.msg().starts_with(TOO_LARGE), "{}", answer.text);
        assert!(!answer.reply.is_signed());
        assert_eq!(answer.reply.form(), ReplyForm::Base64);
    }
}

#[tokio::test]
async fn other_requests_have_the_servers_limit_in_every_form() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    let limit = server.app.settings.body_bytes_max;
    for form in Form::ALL {
        let request = partner.request(Api::Consult, &asking(&[activity::INSTANT]));
        let room = limit - request.body(form).1.len();
        let request = request.with("extra", "x".repeat(limit)).signed(&partner.key);
        let answer = send(&server, &request, form).await;
        let msg = format!("{TOO_LARGE}:请求体不能超过 {limit} 字节");
        answer.assert_gateway("10008", &msg);
        // Around it there is a name, and a signature that may be a little longer.
        let fits = request.with("extra", "x".repeat(room - 300)).signed(&partner.key);
        assert!(fits.body(form).1.len() <= limit);
        partner.send_as(&fits, form).await.success();
    }
}

#[tokio::test]
async fn the_fields_of_an_upload_have_their_own_limit() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    let limit = server.app.settings.body_bytes_max;
    let request = partner.upload(&jpeg(b"x")).with("extra", "x".repeat(limit));
    let answer = send(&server, &request.signed(&partner.key), Form::Parts).await;
    answer.assert_gateway("10008", &format!("{TOO_LARGE}:请求体不能超过 {limit} 字节"));
    // A file is no field, and of no use elsewhere: it counts all the same.
    let mut asked = partner.request(Api::Consult, &asking(&[activity::INSTANT]));
    asked.file = Some(vec![0; limit]);
    let answer = send(&server, &asked, Form::Parts).await;
    answer.assert_gateway("10008", &format!("{TOO_LARGE}:请求体不能超过 {limit} 字节"));
    asked.file = Some(vec![0; 100]);
    partner.send(&asked).await.success();
}

/// A body that goes on for ever, in pieces of this size, after this beginning.
fn endless(start: Vec<u8>, piece: usize) -> reqwest::Body {
    let piece = Bytes::from(vec![b'x'; piece]);
    in_pieces(std::iter::once(Bytes::from(start)).chain(std::iter::repeat(piece)))
}

fn in_pieces(pieces: impl Iterator<Item = Bytes> + Send + Sync + 'static) -> reqwest::Body {
    let frames = pieces.map(|piece| Ok::<_, std::io::Error>(Frame::data(piece)));
    reqwest::Body::wrap(StreamBody::new(futures_util::stream::iter(frames)))
}

#[tokio::test]
async fn a_body_that_goes_on_for_ever_is_cut() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    let (media_type, mut body) = partner.upload(&jpeg(b"x")).body(Form::Parts);
    body.truncate(body.len() - format!("\r\n--{BOUNDARY}--\r\n").len());
    for (path, media_type, start) in [
        (Api::Upload.path(), &*media_type, body),
        (Api::Upload.path(), &*media_type, Vec::new()),
        (Api::Upload.path(), &*media_type, part("name=\"extra\"", b"")),
        (Api::Consult.path(), &*media_type, part("name=\"file\"", b"")),
        (Api::Consult.path(), "application/json", b"{\"a\":\"".to_vec()),
    ] {
        let request = server.http.post(server.url(path)).header("Content-Type", media_type);
        let sent = request.body(endless(start, 64 * 1024)).send();
        // The answer may be lost where the connection is reset first; what counts is that it ends.
        let ended = tokio::time::timeout(PATIENCE, sent).await;
        assert!(ended.is_ok(), "{path} {media_type}");
    }
    partner.call(Api::Consult, &asking(&[activity::INSTANT])).await.success();
}

#[tokio::test]
async fn a_body_that_comes_too_slowly_is_given_up() {
    let server = sandbox_with(|setup| {
        setup.settings.ysepay.upload_timeout = Duration::from_millis(300);
        setup.settings.body_deadline = Duration::from_millis(300);
    })
    .await;
    for api in Api::ALL {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let head = format!(
            "POST {} HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=x\r\n\
             Content-Length: 1000\r\n\r\n--x\r\n",
            api.path()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let answer = String::from_utf8(answer).unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let reply = huodong_wire::ysepay::ReceivedReply::read(body.as_bytes()).unwrap();
        assert_eq!((reply.code(), reply.msg()), ("10001", "公共参数错误:接收请求体超时"));
    }
}

#[tokio::test]
async fn a_body_in_single_bytes_keeps_no_core_busy() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    // Before the first boundary all is looked through for one.
    let bytes = in_pieces(std::iter::repeat_n(Bytes::from_static(b"-"), 200_000));
    let media_type = format!("multipart/form-data; boundary={BOUNDARY}");
    let began = Instant::now();
    let request = server.http.post(server.url(Api::Upload.path()));
    let sent = request.header("Content-Type", media_type).body(bytes);
    let answer = super::partner::Answer::read(sent.send().await.unwrap()).await;
    assert_eq!(answer.reply.code(), "10001");
    assert!(began.elapsed() < PATIENCE, "{:?}", began.elapsed());
    partner.call(Api::Consult, &asking(&[activity::INSTANT])).await.success();
}

/// Waits until so many places for uploads are free.
async fn until(server: &TestApp, holds: impl Fn(usize) -> bool) {
    let (began, places) = (Instant::now(), &server.app.upload_places);
    while !holds(places.available_permits()) {
        assert!(began.elapsed() < PATIENCE, "{} places are free", places.available_permits());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Begins to send a photo and stops half-way.
async fn begun(server: &TestApp, partner: &Partner<'_>) -> TcpStream {
    begun_with(server, partner, MIB / 2).await
}

/// The same, stopping after so many bytes.
async fn begun_with(server: &TestApp, partner: &Partner<'_>, bytes: usize) -> TcpStream {
    let (media_type, body) = of_size(partner, MIB).body(Form::Parts);
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: x\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\n\r\n",
        Api::Upload.path(),
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&body[..bytes]).await.unwrap();
    stream
}

#[tokio::test]
async fn beyond_so_many_photos_at_once_a_caller_is_told_to_come_again() {
    let server = sandbox_with(|setup| setup.settings.ysepay.uploads_at_once_max = 1).await;
    let partner = Partner::of(&server);
    let places = server.app.upload_places.available_permits();
    let begun = [begun(&server, &partner).await, begun(&server, &partner).await];
    // Each has come half-way, to half a MiB of the two that there is room for.
    until(&server, |free| free <= places / 2 + 1).await;
    let request = of_size(&partner, MIB + MIB / 2);
    let answer = send(&server, &request, Form::Parts).await;
    answer.assert_gateway("99999", "系统异常,请稍后使用相同的参数继续调用");
    // What carries no photo needs no place.
    partner.call(Api::Consult, &asking(&[activity::INSTANT])).await.success();
    let without = partner.call(Api::Upload, &super::partner::meta(b"x")).await;
    without.assert_refused("A029998", "参数非法:file 不能为空");
    drop(begun);
    until(&server, |free| free >= places).await;
    partner.send(&request).await.success();
    assert_eq!(server.app.upload_places.available_permits(), places);
}

#[tokio::test]
async fn uploads_that_send_nothing_keep_nobody_out() {
    let server = sandbox_with(|setup| setup.settings.ysepay.uploads_at_once_max = 1).await;
    let partner = Partner::of(&server);
    let places = server.app.upload_places.available_permits();
    let mut idle = Vec::new();
    for _ in 0..12 {
        idle.push(begun_with(&server, &partner, 40 * 1024).await);
    }
    until(&server, |free| free <= places - idle.len()).await;
    partner.send(&of_size(&partner, MIB)).await.success();
    drop(idle);
}

#[tokio::test]
async fn a_photo_that_was_given_up_leaves_nothing() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    let places = server.app.upload_places.available_permits();
    drop(begun(&server, &partner).await);
    let twice = {
        let (media_type, mut body) = partner.upload(&jpeg(b"x")).body(Form::Parts);
        let end = format!("--{BOUNDARY}--\r\n");
        body.truncate(body.len() - end.len());
        body.extend(part("name=\"file\"; filename=\"b.jpg\"", &jpeg(b"y")));
        body.extend(end.into_bytes());
        post(&server, Api::Upload.path(), &media_type, body).await
    };
    twice.assert_gateway("10001", "公共参数错误:file 不能重复");
    until(&server, |free| free >= places).await;
    let answer = partner.call(Api::AddData, &json!({})).await;
    assert_eq!(answer.reply.sub_code(), "A029998");
}
