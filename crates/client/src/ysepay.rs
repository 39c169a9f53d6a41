//! 银盛: photo upload, enrolment for a preferential rate, and which activities a user can claim.
//!
//! ```no_run
//! use huodong_client::ysepay::{AddDataRequest, Client, Photo, PhotoIds, Retry};
//!
//! # async fn run(private_key_pem: &str, gateway_key_pem: &str, bytes: &[u8])
//! # -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::builder("https://ysgate.example", "826584560000001")
//!     .private_key(private_key_pem) // an SM2 or an RSA key: it decides the mode
//!     .gateway_key(gateway_key_pem)
//!     .retry(Retry::default())
//!     .build()?;
//!
//! let photo = Photo { bytes, name: "front.jpg", pic_type: "01", flow_id: "flow-1" };
//! let front = client.upload(&photo).await?.data.photo_id;
//!
//! let request = AddDataRequest {
//!     merc_id: "826584560000009".into(),
//!     activity_id: "education_001".into(),
//!     creator: "张三".into(),
//!     third_merc_id_cups: Some("500000001".into()),
//!     organization: PhotoIds::of([&front]),
//!     rental: PhotoIds::of([&front]),
//!     front: PhotoIds::of([&front]),
//!     ..AddDataRequest::default()
//! };
//! let req_id = client.fresh_req_id(); // write it down: whoever sends it again enrols nobody twice
//! match client.call(&req_id, &request).await {
//!     Ok(answer) => println!("{:?}: {}", answer.data.state, answer.data.req_msg_id),
//!     Err(error) => println!("{error}: {:?}", error.advice()),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Requests are signed with the initiator's key and sealed for the gateway; answers, in either form,
//! are believed when the gateway's key signed them now, and opened under the request's own key. An
//! answer to another request does not open. What can be replayed is a refusal, for as long as the
//! window is.

mod builder;
mod calls;
mod client;
mod error;
mod req_id;
mod request;
mod verify;

pub use builder::{BuildError, ClientBuilder};
pub use calls::Photo;
pub use client::{Answer, Client};
pub use error::{Cause, Error, Refused};
pub use huodong_wire::ysepay::{
    ActivityInfo, AddDataAnswer, AddDataCode, AddDataRequest, Advice, Api, Charset, ConsultAnswer,
    ConsultCode, ConsultRequest, ConsultResult, ConsultResultInfo, EnrolmentState, GatewayCode,
    KeyError, Message, Mode, PHOTOS_MAX, PhotoIds, PrivateKey, PublicKey, SubCode, UploadAnswer,
};
pub use req_id::{NotAReqId, ReqId};
pub use request::{Body, BodyForm, Request};
pub use verify::Unverified;

pub use crate::Retry;
