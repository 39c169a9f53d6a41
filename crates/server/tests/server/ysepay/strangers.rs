//! Who is not let in: how many of them get a signature.

use std::time::Instant;

use huodong_wire::ysepay::{Api, ReplyForm};

use super::partner::{Form, Partner, asking, sandbox_with, send, wall_time};
use crate::lakala::partner::activity;

#[tokio::test]
async fn strangers_share_so_many_signatures_a_second() {
    let server = sandbox_with(|setup| setup.settings.ysepay.strangers_signed_per_s = 3).await;
    let partner = Partner::plain(&server);
    let forged = partner.request(Api::Consult, &asking(&[activity::INSTANT])).with("sign", "AAAA");
    let (mut signed, began) = (0, Instant::now());
    for _ in 0..10 {
        let answer = send(&server, &forged, Form::Json).await;
        answer.assert_gateway("10003", "验签失败");
        assert_eq!(answer.reply.form(), ReplyForm::Plain);
        signed += u64::from(answer.reply.is_signed());
    }
    // Three at once, and three more in each second that has begun.
    assert!((3..=6 + 3 * began.elapsed().as_secs()).contains(&signed), "{signed}");
    // Another's is not taken from: this one's calls come too late.
    let late = partner.request(Api::Consult, &asking(&[activity::INSTANT]));
    let late = late.with("timeStamp", wall_time(-1_000)).signed(&partner.key);
    partner.send(&late).await.assert_gateway("10005", "timeStamp 超出有效期");
    partner.call(Api::Consult, &asking(&[activity::INSTANT])).await.success();
}

#[tokio::test]
async fn one_old_request_sent_again_and_again_orders_so_many_signatures_a_second() {
    let server = sandbox_with(|setup| setup.settings.ysepay.strangers_signed_per_s = 3).await;
    let partner = Partner::rsa(&server);
    let old = partner.request(Api::Consult, &asking(&[activity::INSTANT]));
    let old = old.with("timeStamp", wall_time(-1_000)).signed(&partner.key);
    let (mut signed, began) = (0, Instant::now());
    for _ in 0..10 {
        let answer = send(&server, &old, Form::Json).await;
        answer.assert_gateway("10005", "timeStamp 超出有效期");
        signed += u64::from(answer.reply.is_signed());
    }
    assert!((3..=6 + 3 * began.elapsed().as_secs()).contains(&signed), "{signed}");
}
