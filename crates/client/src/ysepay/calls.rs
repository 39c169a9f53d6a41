//! The three calls.

use std::borrow::Cow;

use aws_lc_rs::digest::{SHA256, digest};
use huodong_wire::ysepay::{
    AddDataAnswer, AddDataRequest, ConsultAnswer, ConsultRequest, PhotoMeta, UploadAnswer,
    UploadRequest,
};

use super::{Answer, Cause, Client, Error, ReqId};

/// A photo to upload: JPEG, PNG or BMP, at most 2 MB.
#[derive(Clone, Copy, Debug)]
pub struct Photo<'a> {
    /// The file.
    pub bytes: &'a [u8],
    /// The file's name (`picNm`).
    pub name: &'a str,
    /// What kind of photo it is, in one's own words (`picType`).
    pub pic_type: &'a str,
    /// One's own number for the process that it is of (`sysFlowId`).
    pub flow_id: &'a str,
}

impl Client {
    /// Uploads a photo. Its id is good for this initiator's enrolments.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn upload(&self, photo: &Photo<'_>) -> Result<Answer<UploadAnswer<'static>>, Error> {
        self.upload_as(&self.fresh_req_id(), photo).await
    }

    /// Uploads a photo under a number of one's own, which finds the same photo's id again.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn upload_as(
        &self,
        req_id: &ReqId,
        photo: &Photo<'_>,
    ) -> Result<Answer<UploadAnswer<'static>>, Error> {
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(digest(&SHA256, photo.bytes).as_ref());
        let request = UploadRequest {
            meta: PhotoMeta {
                flow_id: Cow::Borrowed(photo.flow_id),
                pic_type: Cow::Borrowed(photo.pic_type),
                name: Cow::Borrowed(photo.name),
                sha256,
            },
        };
        let answer = self.call_with_file(req_id, &request, photo.name, photo.bytes).await?;
        if answer.data.photo_id.is_empty() {
            let cause = Cause::Unreadable("businessData has no picId".to_owned());
            return Err(Error {
                api: huodong_wire::ysepay::Api::Upload,
                req_id: answer.req_id,
                cause,
            });
        }
        Ok(answer)
    }

    /// Enrols a merchant for a preferential rate. What the answer calls PENDING is under review.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn add_data(
        &self,
        request: &AddDataRequest<'_>,
    ) -> Result<Answer<AddDataAnswer<'static>>, Error> {
        self.call(&self.fresh_req_id(), request).await
    }

    /// Asks which activities a user can claim now. The results are in the order of the request.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn consult(
        &self,
        request: &ConsultRequest<'_>,
    ) -> Result<Answer<ConsultAnswer<'static>>, Error> {
        self.call(&self.fresh_req_id(), request).await
    }
}
