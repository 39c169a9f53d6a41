//! Why a call was refused, in the vendor's codes. The one table of them.

use std::borrow::Cow;

use huodong_campaign::{
    AnswerRefusal, ConsultRefusal, EnrolRefusal, Id, PHOTO_BYTES_MAX, PhotoRefusal, Rendered,
};
use huodong_engine::EngineError;
use huodong_wire::ysepay::{AddDataCode, Api, ConsultCode, GatewayCode, Reply, SubCode};

use super::{kept, words};
use crate::App;

/// A call that was refused; nothing was written, or at least nothing that the same call sent again
/// would not find.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    /// What the caller is told.
    pub(super) reply: Box<Reply<'static>>,
    /// What went wrong on our side, for the log only. A full queue is nothing wrong.
    pub(super) cause: Option<String>,
    /// True of what overload refuses by the thousand.
    pub(super) for_now: bool,
}

impl Refusal {
    /// The gateway refuses, for a reason that may be empty.
    pub(super) fn gateway(code: GatewayCode, reason: impl Into<Cow<'static, str>>) -> Self {
        let for_now = matches!(code, GatewayCode::RateLimited | GatewayCode::Internal);
        Self { reply: Box::new(Reply::gateway(code, &reason.into())), cause: None, for_now }
    }

    /// It cannot be carried out now, of a call that was let in.
    pub(super) fn busy(api: Api) -> Self {
        Self { reply: Box::new(failed(api)), cause: None, for_now: true }
    }

    /// It cannot be carried out for a reason of ours.
    pub(super) fn internal(api: Api, cause: String) -> Self {
        Self { reply: Box::new(failed(api)), cause: Some(cause), for_now: false }
    }

    /// A command that got no outcome. Whichever way it failed, the same call sent again finds what
    /// this one did, if it did anything.
    pub(super) fn of_engine(app: &App, api: Api, error: &EngineError) -> Self {
        app.metrics.engine_failed(error);
        match error {
            EngineError::Busy => Self::busy(api),
            EngineError::Deadline => {
                Self { reply: Box::new(late(api)), cause: Some(error.to_string()), for_now: false }
            }
            EngineError::Unavailable(_)
            | EngineError::CommitUnknown
            | EngineError::Broken(_)
            | EngineError::Stopped => Self::internal(api, error.to_string()),
        }
    }
}

impl From<AnswerRefusal> for Refusal {
    fn from(refusal: AnswerRefusal) -> Self {
        match refusal {
            AnswerRefusal::UnknownInitiator => Self::gateway(GatewayCode::UnknownCertId, ""),
            AnswerRefusal::ReqIdReused => Self::gateway(GatewayCode::ReqIdReused, ""),
        }
    }
}

/// 系统异常: the caller is to come again with the same.
fn failed(api: Api) -> Reply<'static> {
    match api {
        Api::Upload | Api::AddData => {
            Reply::refused(AddDataCode::Internal, "系统异常,请稍后使用相同的参数继续调用")
        }
        Api::Consult => Reply::refused(ConsultCode::Internal, ""),
    }
}

/// What became of it is not known in time; the caller is to come again with the same.
pub(super) fn late(api: Api) -> Reply<'static> {
    match api {
        Api::Upload | Api::AddData => {
            Reply::refused(AddDataCode::Deadline, "业务系统超时,请稍后使用相同的参数继续调用")
        }
        Api::Consult => Reply::refused(ConsultCode::Internal, ""),
    }
}

/// A refusal for good.
pub(super) fn for_good<C: SubCode>(code: C, reason: &str) -> Rendered {
    kept::rendered(&Reply::refused(code, reason), true)
}

/// A refusal for now.
fn for_now(api: Api) -> Rendered {
    kept::rendered(&failed(api), false)
}

/// A photo that was not stored.
pub(super) fn photo(refusal: &PhotoRefusal) -> Rendered {
    match refusal {
        // Whoever remembers the answer has looked first.
        PhotoRefusal::UnknownInitiator => for_now(Api::Upload),
        PhotoRefusal::Size => {
            let reason = format!("file 必须是 1 至 {PHOTO_BYTES_MAX} 字节");
            for_good(AddDataCode::InvalidField, &reason)
        }
    }
}

/// An enrolment that was not made. `field` says which field names a photo.
pub(super) fn enrolment(
    refusal: &EnrolRefusal,
    field: impl FnOnce(Id) -> Option<&'static str>,
) -> Rendered {
    let invalid = |reason: String| for_good(AddDataCode::InvalidField, &reason);
    let wire = words::photo_field;
    match refusal {
        EnrolRefusal::UnknownInitiator => for_now(Api::AddData),
        EnrolRefusal::TooManyPhotos(field) => for_good(AddDataCode::TooManyPhotos, wire(*field)),
        EnrolRefusal::UnknownMerchant => for_good(AddDataCode::NotYourMerchant, "mercId"),
        EnrolRefusal::IntentNotConfirmed => invalid("mercId 尚未完成开户意愿确认".to_owned()),
        EnrolRefusal::KindExcluded(_) => invalid("小微不能报名该类型".to_owned()),
        EnrolRefusal::PhotoMissing(field) => invalid(format!("{} 不能为空", wire(*field))),
        EnrolRefusal::PhotoOutOfPlace(field) => {
            invalid(format!("{} 不属于该活动与商户类型的资料", wire(*field)))
        }
        EnrolRefusal::RemarkMissing => {
            invalid("supplementaryRemark 与 supplementaryPicture 须同时填写".to_owned())
        }
        EnrolRefusal::SupplementaryMissing => {
            invalid("supplementaryPicture 与 supplementaryRemark 须同时填写".to_owned())
        }
        EnrolRefusal::NoThirdMercId => {
            invalid("thirdMercIdCups 与 thirdMercIdNucc 不能都为空".to_owned())
        }
        EnrolRefusal::UnknownPhoto(id) => {
            let field = field(*id).unwrap_or_default();
            let reason = match words::shown_photo(*id) {
                Some(id) => format!("{field} {id}"),
                None => field.to_owned(),
            };
            for_good(AddDataCode::UnknownPhoto, &reason)
        }
        EnrolRefusal::Enrolled(_, status) => {
            let reason = format!("该商户已报名该活动,状态 {}", words::state(*status).as_str());
            for_good(AddDataCode::AlreadyEnrolled, &reason)
        }
    }
}

/// A consult that says nothing of any activity.
pub(super) fn consult(refusal: &ConsultRefusal) -> Rendered {
    match refusal {
        ConsultRefusal::UnknownInitiator => for_now(Api::Consult),
        ConsultRefusal::Activities => {
            for_good(ConsultCode::InvalidField, "consultActivityInfoList 必须有 1 至 100 个活动")
        }
        ConsultRefusal::UnknownMerchant => for_good(ConsultCode::NotYourMerchant, "merchantId"),
        ConsultRefusal::ChannelRefuses(activity) => {
            for_good(ConsultCode::ChannelRefused, activity.as_str())
        }
        ConsultRefusal::ChannelUnavailable(activity) => {
            let reply = Reply::refused(ConsultCode::ChannelFailed, activity.as_str());
            kept::rendered(&reply, false)
        }
    }
}
