//! An answer as it is kept under its reqId: what the vendor's envelope is put around again each time
//! it is given.

use std::borrow::Cow;

use huodong_campaign::Rendered;
use huodong_wire::ysepay::Reply;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kept<'a> {
    sub_code: Cow<'a, str>,
    sub_msg: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "str::is_empty")]
    business_data: Cow<'a, str>,
}

/// An answer of an API's in the words in which the store keeps it.
pub(super) fn rendered(reply: &Reply<'_>, keep: bool) -> Rendered {
    let kept = Kept {
        sub_code: Cow::Borrowed(&reply.sub_code),
        sub_msg: Cow::Borrowed(&reply.sub_msg),
        business_data: Cow::Borrowed(&reply.business_data),
    };
    let answer = serde_json::to_string(&kept).expect("texts are JSON");
    Rendered { answer: answer.into(), keep }
}

/// What was kept.
pub(super) fn read(answer: &str) -> Result<Reply<'static>, serde_json::Error> {
    let kept: Kept<'static> = serde_json::from_str(answer)?;
    Ok(Reply::business(kept.sub_code, kept.sub_msg, kept.business_data))
}
