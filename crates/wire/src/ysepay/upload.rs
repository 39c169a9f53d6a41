use std::borrow::Cow;

use serde::ser::{Serialize, Serializer};
use serde::{Deserialize, Serialize as DeriveSerialize};

use super::{AddDataCode, Api, Message, field};

/// Uploads a photo (图片上传接口); the photo itself is the part `file`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveSerialize, Deserialize)]
pub struct UploadRequest<'a> {
    /// What the photo is.
    #[serde(borrow, deserialize_with = "field::object")]
    pub meta: PhotoMeta<'a>,
}

/// What a photo is.
#[derive(Clone, Debug, PartialEq, Eq, DeriveSerialize, Deserialize)]
pub struct PhotoMeta<'a> {
    /// The caller's number for the process that the photo is of.
    #[serde(rename = "sysFlowId", borrow, deserialize_with = "field::id")]
    pub flow_id: Cow<'a, str>,
    /// What kind of photo it is, in the caller's words.
    #[serde(rename = "picType", borrow, deserialize_with = "field::id")]
    pub pic_type: Cow<'a, str>,
    /// The file's name.
    #[serde(rename = "picNm", borrow, deserialize_with = "field::photo_name")]
    pub name: Cow<'a, str>,
    /// The SHA-256 of the file; in hex on the wire, in either case.
    #[serde(serialize_with = "write_hex", deserialize_with = "field::sha256")]
    pub sha256: [u8; 32],
}

fn write_hex<S: Serializer>(hash: &[u8; 32], to: S) -> Result<S::Ok, S::Error> {
    hex::encode(hash).serialize(to)
}

impl Message for UploadRequest<'_> {
    const API: Api = Api::Upload;
    type Code = AddDataCode;
    type Answer = UploadAnswer<'static>;
}

/// What the answer to [`UploadRequest`] carries.
#[derive(Clone, Debug, Default, PartialEq, Eq, DeriveSerialize, Deserialize)]
pub struct UploadAnswer<'a> {
    /// The photo's id, digits. No document prints this field's name.
    #[serde(rename = "picId", default, deserialize_with = "field::loose_text")]
    pub photo_id: Cow<'a, str>,
}
