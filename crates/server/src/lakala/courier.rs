//! Callbacks as the vendor writes them.

use std::sync::{Arc, Weak};

use huodong_campaign::{CallbackEvent, Claimed, Coupon, KeyPurpose};
use huodong_engine::{Attempted, Envoy, Prepared, Preparing};
use huodong_wire::lakala::sign::CallbackSigned;
use huodong_wire::lakala::{Acknowledgement, IssueCallback, SIGN_TYPE, WriteOffCallback};

use super::words;
use crate::App;
use crate::order_number::order_number;
use crate::sent::Sent;
use crate::signing::Urgency;

/// Writes and signs callbacks, and knows an acknowledgement when it sees one.
#[derive(Debug)]
pub struct Courier {
    /// Weak, as the engine that is the app's own keeps its courier.
    app: Weak<App>,
}

impl Courier {
    /// For this server.
    pub fn new(app: &Arc<App>) -> Self {
        Self { app: Arc::downgrade(app) }
    }
}

impl Envoy for Courier {
    fn prepare<'a>(&'a self, claimed: &'a Claimed) -> Preparing<'a> {
        Box::pin(async move {
            let app = self.app.upgrade().ok_or_else(|| "the server has stopped".to_owned())?;
            prepare(&app, claimed).await
        })
    }

    fn acknowledges(&self, answer: &[u8]) -> bool {
        Acknowledgement::accepts(answer)
    }

    fn attempted(&self, attempted: Attempted<'_>) {
        let Some(app) = self.app.upgrade() else { return };
        let Attempted { callback, sent, outcome, late } = attempted;
        app.metrics.attempted(callback.event, outcome, late);
        let Some(sent) = sent.filter(|_| app.settings.sandbox) else { return };
        app.sent.push(Sent {
            callback: callback.id,
            attempt: callback.attempts,
            event: callback.event,
            coupon: callback.coupon,
            appid: callback.appid.clone(),
            address: sent.address.clone(),
            headers: sent.headers.clone(),
            body: sent.body.clone(),
            outcome,
            at: app.engine.clock().now(),
        });
    }
}

async fn prepare(app: &App, claimed: &Claimed) -> Result<Prepared, String> {
    let Claimed { callback, coupon } = claimed;
    let signer = app.platform.signer(KeyPurpose::Notify);
    let signer = signer.ok_or("there is no platform key to sign callbacks with")?;
    let (address, told) = match callback.event {
        CallbackEvent::IssueResult => {
            let institution = app.directory.institution(callback.appid.as_str());
            let institution = institution.ok_or("the institution is unknown")?;
            let address = coupon.post_notify.clone().ok_or("the coupon has no postNotify")?;
            (address, Told::Issue(issue_result(&institution.institution.org_id, coupon)?))
        }
        CallbackEvent::WriteOff => {
            (coupon.write_off_notify.clone(), Told::WriteOff(write_off(coupon)?))
        }
    };
    let timestamp = app.engine.clock().real().as_second().to_string();
    let nonce = words::nonce(app.chance);
    let work = move || {
        let body = match told {
            Told::Issue(body) => body.to_signed_json(&signer.key),
            Told::WriteOff(body) => body.to_json(),
        };
        let signed = CallbackSigned { timestamp: &timestamp, nonce_str: &nonce };
        let signature = signer.key.sign(&signed.string_to_sign(&body));
        (signed.to_header(&signature), body)
    };
    let (authorization, body) = app.signers.run(Urgency::Callback, work).await;
    let headers = vec![
        ("Authorization", authorization),
        ("Content-Type", "application/json; charset=utf-8".to_owned()),
    ];
    Ok(Prepared { address: address.into(), headers, body })
}

enum Told {
    Issue(IssueCallback<'static>),
    WriteOff(WriteOffCallback<'static>),
}

fn issue_result(org_id: &str, coupon: &Coupon) -> Result<IssueCallback<'static>, String> {
    let decided_at = coupon.decided_at.ok_or("the coupon's outcome is not known")?;
    let (_, fail_msg) = words::outcome(coupon);
    let issued_at = coupon.failed.is_none().then(|| words::shanghai(decided_at));
    // What became of the coupon since is the write-off callback's to tell.
    Ok(IssueCallback {
        org_id: org_id.to_owned().into(),
        call_trade_no: order_number(coupon.id).into(),
        amount: words::fen(coupon.value),
        trade_status: words::trade_status(coupon),
        fail_msg: fail_msg.into(),
        trade_create_time: words::shanghai(coupon.placed_at),
        trade_payment_time: issued_at,
        sign_type: SIGN_TYPE.into(),
        sign: "".into(),
    })
}

fn write_off(coupon: &Coupon) -> Result<WriteOffCallback<'static>, String> {
    let usage = words::usage(coupon).ok_or("the coupon is neither used nor expired")?;
    let redeemed = coupon.redeemed.as_ref();
    Ok(WriteOffCallback {
        member_id: coupon.member_id.to_string().into(),
        owner_id: coupon.owner_id.to_string().into(),
        channel_openid: coupon.openid.to_string().into(),
        promotion_id: coupon.promotion_id.to_string().into(),
        third_coupon_id: words::third_coupon_id(coupon).into(),
        activity_id: coupon.activity_no.to_string().into(),
        promo_amount: redeemed.map(|it| words::fen(it.promo_amount)),
        total_amount: redeemed.map(|it| words::fen(it.total_amount())),
        org_amount: redeemed.map(|it| words::fen(it.org_amount)),
        trade_no: order_number(coupon.id).into(),
        mer_order_id: coupon.key.mer_order_id.to_string().into(),
        gmt_used: redeemed.and(coupon.closed_at).map(words::shanghai),
        usage,
    })
}
