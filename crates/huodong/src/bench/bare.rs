//! The yardstick: an axum route at the same path that parses the same JSON and answers a body of
//! the same shape. No signature, no limits, no ledger, no disk.

use std::net::SocketAddr;

use axum::Json;
use axum::Router;
use axum::routing::post;
use axum::serve::ListenerExt as _;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

use crate::failure::{Context as _, Failure};
use crate::signals::Stop;

#[derive(Deserialize)]
struct Request {
    activity_no: String,
    project_no: String,
    third_uid: String,
    reward: u32,
    reward_transcode: String,
    #[serde(rename = "reward_time")]
    _reward_time: String,
    money: u32,
    #[serde(rename = "bid")]
    _bid: String,
}

#[derive(Serialize)]
struct Envelope {
    code: i64,
    msg: &'static str,
    op_time: i64,
    trace_id: &'static str,
    data: Answer,
}

#[derive(Serialize)]
struct Answer {
    activity_no: String,
    project_no: String,
    third_uid: String,
    reward: u32,
    money: u32,
    reward_transcode: String,
    donate_transcode: &'static str,
    donate_status: u32,
}

/// Serves until it is told to stop.
pub(super) async fn serve(listen: SocketAddr) -> Result<(), Failure> {
    let stop = Stop::listen()?;
    let listener = TcpListener::bind(listen).await.cannot(format_args!("listen on {listen}"))?;
    let address = listener.local_addr().cannot("tell the address")?;
    println!("the bare route answers on http://{address}");
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::warn!(%error, "cannot set TCP_NODELAY");
        }
    });
    let router = Router::new().route(super::PATH, post(answer));
    axum::serve(listener, router).with_graceful_shutdown(stop.told()).await.cannot("serve")
}

async fn answer(Json(request): Json<Request>) -> Json<Envelope> {
    Json(Envelope {
        code: 0,
        msg: "Success",
        op_time: 1_767_240_000,
        trace_id: "0123456789abcdef0123456789abcdef",
        data: Answer {
            activity_no: request.activity_no,
            project_no: request.project_no,
            third_uid: request.third_uid,
            reward: request.reward,
            money: request.money,
            reward_transcode: request.reward_transcode,
            donate_transcode: "2026010112000000000000000001",
            donate_status: 11,
        },
    })
}
