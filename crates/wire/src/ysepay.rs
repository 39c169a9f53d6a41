//! 银盛: the gateway's envelope, and the calls behind it: photo upload, enrolment for a preferential
//! rate, and which activities a user can claim.
//!
//! A call is an HTTP `POST` to its [`Api::path`] of [`Fields`], as JSON, as a form or as multipart:
//! nine [`Common`] ones, of which `sign` is the initiator's signature of the others, `check` a
//! [`ContentKey`] encrypted for the gateway, and `bizContent` the business message encrypted under
//! that key ([`seal`], [`open`]). An answer ([`Reply`], [`ReceivedReply`]) is HTTP 200 with a code
//! of the gateway's ([`GatewayCode`]), one of the API's ([`SubCode`]), and its business data
//! encrypted under the request's key; it is signed with the gateway's key, and by default the body
//! is the base64 text of the JSON.
//!
//! Signatures and keys are RSA's or SM2's, as the initiator's [`Mode`] is.

mod add_data;
mod api;
mod base64;
mod charset;
mod common;
mod consult;
mod content_key;
mod envelope;
mod examine;
mod field;
mod fields;
mod gateway_code;
mod key;
mod key_file;
mod key_store;
mod message;
mod mode;
mod photos;
mod random;
mod reply;
mod rsa;
mod sm2;
mod sm2_layout;
mod sub_code;
mod upload;

pub use add_data::{AddDataAnswer, AddDataRequest, EnrolmentState};
pub use api::Api;
pub use charset::Charset;
pub use common::{
    CERT_ID_CHARS_MAX, Common, METHOD_CHARS_MAX, REQ_ID_CHARS_MAX, REQ_ID_CHARS_MIN, VERSION,
    req_id_ends_with_time, req_id_is_well_formed,
};
pub use consult::{
    ActivityInfo, CONSULT_ACTIVITIES_MAX, ConsultAnswer, ConsultRequest, ConsultResult,
    ConsultResultInfo,
};
pub use content_key::{CONTENT_KEY_BYTES, CannotOpen, ContentKey};
pub use envelope::{Opened, Sealed, open, seal};
pub use examine::{CheckFault, Layout};
pub use field::{
    CREATOR_CHARS_MAX, ID_CHARS_MAX, OPEN_ID_CHARS_MAX, PHOTO_LIST_CHARS_MAX, PHOTO_NAME_CHARS_MAX,
    REMARK_CHARS_MAX, SHORT_ID_CHARS_MAX,
};
pub use fields::{Empty, FIELDS_MAX, Fields, FieldsError};
pub use gateway_code::GatewayCode;
pub use key::{PrivateKey, PublicKey};
pub use key_file::KeyError;
pub use message::{Message, Refused, decode, encode};
pub use mode::Mode;
pub use photos::{PHOTOS_MAX, PhotoIds};
pub use reply::{ReceivedReply, Reply, ReplyError, ReplyForm, Stamp};
pub use rsa::{RSA_BITS_MAX, RSA_BITS_MIN};
pub use sm2::SM2_ID;
pub use sub_code::{AddDataCode, ConsultCode, SubCode};
pub use upload::{PhotoMeta, UploadAnswer, UploadRequest};

pub use crate::advice::Advice;
pub use crate::decode::DecodeError;
pub use crate::time::parse_wall_time;
