//! What is answered when signatures come too late.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use huodong_campaign::{Command, Wanted, World};
use huodong_server::{Signers, Urgency};
use huodong_store::PageRequest;
use huodong_wire::ysepay::Api;
use serde_json::json;
use tokio::sync::oneshot;

use super::partner::{Answer, Form, Partner, Request, asking, jpeg, sandbox_with, send};
use crate::app::{PATIENCE, TestApp};
use crate::lakala::partner::activity;

/// A sandbox with one signer, whose calls may wait for a second. On a slow machine that is too short
/// for many a call, which is then sent [until it is let in](let_in) or [done](done).
async fn slow() -> TestApp {
    sandbox_with(|setup| {
        setup.settings.deadline = Duration::from_secs(1);
        setup.prepare = |app| app.signers = Signers::new(1);
    })
    .await
}

/// Sends it again until it is not told to come again for any of these reasons.
async fn unless(partner: &Partner<'_>, request: &Request, again: &[&str]) -> Answer {
    let began = Instant::now();
    loop {
        let form = if request.file.is_some() { Form::Parts } else { Form::Json };
        let answer = send(partner.server, request, form).await;
        if ![answer.reply.code(), answer.reply.sub_code()].iter().any(|code| again.contains(code)) {
            return answer;
        }
        assert!(began.elapsed() < PATIENCE, "{}", answer.text);
    }
}

/// What a call is answered that was verified in time.
async fn let_in(partner: &Partner<'_>, request: &Request) -> Answer {
    unless(partner, request, &["99999"]).await
}

/// What a call is answered that was carried out in time.
async fn done(partner: &Partner<'_>, request: &Request) -> Answer {
    unless(partner, request, &["99999", "5000", "901009999"]).await
}

/// Keeps the signer busy, once it comes to this, until the gate is opened.
fn hold(server: &TestApp) -> (mpsc::Sender<()>, oneshot::Receiver<()>) {
    let (gate, opened) = mpsc::channel();
    let (begin, begun) = oneshot::channel();
    let signers = server.app.signers.clone();
    let held = async move {
        let work = move || {
            // Not everybody waits for that.
            let _ = begin.send(());
            opened.recv().is_ok()
        };
        signers.run(Urgency::Callback, work).await
    };
    tokio::spawn(held);
    (gate, begun)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_not_verified_in_time_is_not_carried_out() {
    let server = slow().await;
    let partner = Partner::of(&server);
    let (gate, begun) = hold(&server);
    begun.await.unwrap();
    let request = partner.request(Api::Consult, &asking(&[activity::INSTANT]));
    let answer = send(&server, &request, Form::Json).await;
    answer.assert_gateway("99999", "系统异常,请稍后使用相同的参数继续调用");
    assert!(!answer.reply.is_signed());
    drop(gate);
    done(&partner, &request).await.success();
}

/// Has a call's outcome wait for its signature longer than the call may take.
async fn is_late(partner: &Partner<'_>, request: &Request) -> Answer {
    let (server, began) = (partner.server, Instant::now());
    let waiting = async |count: usize| {
        while server.app.signers.waiting() < count {
            assert!(began.elapsed() < PATIENCE, "it is not asked for");
            tokio::task::yield_now().await;
        }
    };
    loop {
        // The signer has something else to do before it comes to the call, and after that again.
        let (first, begun) = hold(server);
        begun.await.unwrap();
        let holding = async {
            waiting(1).await;
            let (second, _) = hold(server);
            waiting(2).await;
            drop(first);
            second
        };
        let (answer, second) = tokio::join!(send(server, request, Form::Parts), holding);
        assert!(!answer.reply.is_signed(), "{}", answer.text);
        drop(second);
        // On a slow machine it was not even let in.
        if answer.reply.code() != "99999" {
            return answer;
        }
        assert!(began.elapsed() < PATIENCE, "{}", answer.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outcome_that_is_not_signed_in_time_stands_and_is_found_by_its_req_id() {
    let server = slow().await;
    let partner = Partner::rsa(&server);
    let consult = partner.request(Api::Consult, &asking(&[activity::INSTANT]));
    is_late(&partner, &consult).await.assert_refused("901009999", "系统错误");
    assert_eq!(done(&partner, &consult).await.results(), ["SUCCESS"]);
    let upload = partner.upload(&jpeg(b"late"));
    is_late(&partner, &upload)
        .await
        .assert_refused("5000", "超时:业务系统超时,请稍后使用相同的参数继续调用");
    done(&partner, &upload).await.success();
}

/// Keeps the writer busy until it is told to go on.
struct Hold {
    begin: parking_lot::Mutex<Option<oneshot::Sender<()>>>,
    go_on: parking_lot::Mutex<mpsc::Receiver<()>>,
}

impl Command for Hold {
    type Done = ();
    type Refusal = std::convert::Infallible;

    fn wants<'a>(&'a self, _wanted: &mut Wanted<'a>) {}

    fn decide(&self, _world: &mut World) -> Result<(), Self::Refusal> {
        if let Some(begin) = self.begin.lock().take() {
            begin.send(()).unwrap();
        }
        // The sender is dropped to let it go on.
        let _ = self.go_on.lock().recv();
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_whose_deadline_passes_is_told_to_come_again_and_is_carried_out_once() {
    let server = slow().await;
    let partner = Partner::of(&server);
    let (begin, begun) = oneshot::channel();
    let (gate, go_on) = mpsc::channel();
    let hold = Hold { begin: Some(begin).into(), go_on: go_on.into() };
    let engine = server.app.engine.clone();
    let held = tokio::spawn(async move { engine.submit(hold, Duration::from_secs(600)).await });
    begun.await.unwrap();
    let upload = partner.upload(&jpeg(b"late"));
    let add_data = partner.request(Api::AddData, &json!({}));
    let consult = partner.request(Api::Consult, &asking(&[activity::INSTANT]));
    let late = "超时:业务系统超时,请稍后使用相同的参数继续调用";
    let (one, other, third) = tokio::join!(
        let_in(&partner, &upload),
        let_in(&partner, &add_data),
        let_in(&partner, &consult)
    );
    one.assert_refused("5000", late);
    other.assert_refused("5000", late);
    third.assert_refused("901009999", "系统错误");
    drop(gate);
    assert!(held.await.unwrap().is_ok());
    let first = done(&partner, &upload).await;
    assert_eq!(done(&partner, &upload).await.success(), first.success());
    done(&partner, &add_data).await.assert_refused("A029998", "参数非法:mercId 不能缺少");
    assert_eq!(done(&partner, &consult).await.results(), ["SUCCESS"]);
    let page = PageRequest { before: None, limit: 10 };
    let kept = server.app.engine.read(move |reader| reader.photos(&Default::default(), page));
    assert_eq!(kept.await.unwrap().rows.len(), 1);
}
