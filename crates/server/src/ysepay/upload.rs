//! Keeping photos.

use std::sync::Arc;

use huodong_campaign::{Photo, PhotoRefusal, Rendered, StorePhoto};
use huodong_wire::ysepay::{
    AddDataCode, Api, PhotoMeta, Refused, Reply, UploadAnswer, UploadRequest, encode,
};

use super::call::{Call, Handler};
use super::refusal::Refusal;
use super::{kept, photo, refusal};

/// Keeps a photo for its initiator.
pub(super) struct Upload;

impl Handler for Upload {
    const API: Api = Api::Upload;
    type Code = AddDataCode;
    type Request<'a> = UploadRequest<'a>;

    async fn handle<'a>(
        call: &'a Call,
        request: UploadRequest<'a>,
    ) -> Result<Reply<'static>, Refusal> {
        match photo_of(call, &request.meta) {
            Ok(store) => call.once(store, rendered).await,
            Err(refused) => call.refuse(&refused).await,
        }
    }
}

/// The photo that was sent, if it is what its `meta` says, and one that may be uploaded.
fn photo_of(call: &Call, meta: &PhotoMeta<'_>) -> Result<StorePhoto, Refused<AddDataCode>> {
    let wrong = |field: &str, reason: &str| Refused::field(field, reason);
    let file = call.file.as_ref().filter(|file| !file.content.is_empty());
    let file = file.ok_or_else(|| wrong("file", "不能为空"))?;
    if file.sha256 != meta.sha256 {
        return Err(wrong("meta.sha256", "与文件内容不一致"));
    }
    let format = photo::format_of(&file.content);
    let format = format.ok_or_else(|| wrong("file", "必须是 JPG、PNG 或 BMP 图片"))?;
    Ok(StorePhoto {
        cert_id: call.cert_id(),
        sha256: file.sha256,
        format,
        name: (*meta.name).into(),
        pic_type: (*meta.pic_type).into(),
        flow_id: (*meta.flow_id).into(),
        content: Arc::clone(&file.content),
    })
}

fn rendered(_store: &StorePhoto, stored: Result<&Photo, &PhotoRefusal>) -> Rendered {
    match stored {
        Ok(photo) => {
            let data = encode(&UploadAnswer { photo_id: photo.id.to_string().into() });
            kept::rendered(&Reply::success(AddDataCode::Success, data), true)
        }
        Err(refused) => refusal::photo(refused),
    }
}
