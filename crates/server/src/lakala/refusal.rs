//! Why a call was refused, in the vendor's codes. The one table of them.

use std::borrow::Cow;

use huodong_campaign::IssueRefusal;
use huodong_engine::EngineError;
use huodong_wire::lakala::{Api, Code, Reply};

use super::reply::Outcome;
use crate::App;

/// A call that was refused; nothing was written, or at least nothing that the same call sent again
/// would not find.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    /// The vendor's code.
    pub(super) code: Code,
    /// What the code alone does not say, for the partner: the field by its wire name, the reason.
    detail: Option<Cow<'static, str>>,
    /// What went wrong on our side, for the log only. A full queue is nothing wrong.
    pub(super) cause: Option<String>,
}

impl Refusal {
    /// With what the code says by itself.
    pub(super) fn plain(code: Code) -> Self {
        Self { code, detail: None, cause: None }
    }

    /// With a detail.
    pub(super) fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { code, detail: Some(detail.into()), cause: None }
    }

    /// What the code alone does not say.
    pub(super) fn detail(&self) -> &str {
        self.detail.as_deref().unwrap_or_default()
    }

    /// The answer.
    pub(super) fn outcome(&self, api: Api) -> Outcome {
        let text = self.code.text();
        let msg: Cow<'static, str> = match &self.detail {
            Some(detail) => Cow::Owned(format!("{text}: {detail}")),
            None => Cow::Borrowed(text),
        };
        match api {
            Api::Issue => Outcome::Issue(Reply::refused(self.code, msg)),
            Api::Query => Outcome::Query(Reply::refused(self.code, msg)),
        }
    }

    /// A command that got no outcome, or a question without an answer. Whichever way it failed, the
    /// same call sent again finds what this one did, if it did anything.
    pub(super) fn of_engine(app: &App, error: &EngineError) -> Self {
        app.metrics.engine_failed(error);
        let cause = (*error != EngineError::Busy).then(|| error.to_string());
        Self { cause, ..Self::plain(Code::Internal) }
    }
}

impl From<IssueRefusal> for Refusal {
    fn from(refusal: IssueRefusal) -> Self {
        let unknown = |detail: &'static str| Self::new(Code::UnknownOffer, detail);
        match refusal {
            IssueRefusal::KeyReused(field) => {
                Self::new(Code::OrderReused, format!("{field} 与首次请求时不一致"))
            }
            IssueRefusal::UnknownInstitution => Self::plain(Code::UnknownAppid),
            IssueRefusal::UnknownActivity => unknown("activity_id 不存在或不属于该机构"),
            IssueRefusal::UnknownPromotion => unknown("promotion_id 与活动不一致"),
            IssueRefusal::UnknownOwner => unknown("owner_id 不存在或不属于该机构"),
            IssueRefusal::MemberPrefix => unknown("member_id 前缀不属于该机构"),
            IssueRefusal::ChannelUnavailable => Self::new(Code::Internal, "发券渠道暂不可用"),
        }
    }
}
