//! Many at once.

use futures_util::future::join_all;
use huodong_store::{EnrolmentFilter, PageRequest};
use huodong_wire::ysepay::Api;

use super::add_data::enrolment;
use super::partner::{Form, Partner, jpeg, sandbox, send};

#[tokio::test(flavor = "multi_thread")]
async fn of_64_callers_with_one_req_id_all_hear_the_same() {
    let server = sandbox().await;
    let partner = Partner::rsa(&server);
    let request = partner.upload(&jpeg(b"x"));
    let sent = (0..24).map(|_| send(&server, &request, Form::Parts));
    let answers = join_all(sent).await;
    let data = answers[0].success();
    assert!(answers.iter().all(|answer| answer.success() == data));
    let page = PageRequest { before: None, limit: 10 };
    let kept = server.app.engine.read(move |reader| reader.photos(&Default::default(), page));
    assert_eq!(kept.await.unwrap().rows.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_64_callers_who_enrol_one_merchant_one_does() {
    let server = sandbox().await;
    let partner = Partner::of(&server);
    let photo = partner.photos(1).await;
    let content = enrolment(&partner.merchants[0], "education_001", &photo);
    let answers = join_all((0..64).map(|_| partner.call(Api::AddData, &content))).await;
    let of = |code: &str| answers.iter().filter(|it| it.reply.sub_code() == code).count();
    assert_eq!((of("0000"), of("B029992")), (1, 63));
    let page = PageRequest { before: None, limit: 10 };
    let filter = EnrolmentFilter::default();
    let made = server.app.engine.read(move |reader| reader.enrolments(&filter, page));
    assert_eq!(made.await.unwrap().rows.len(), 1);
}
