//! Why a call was refused, in the vendor's codes. The one table of them.

use std::borrow::Cow;

use huodong_campaign::{ActivityStatus, DonateRefusal, FlowerRefusal, LimitReached};
use huodong_engine::EngineError;
use huodong_wire::gongyi::{Api, Code, Empty, FlowersAllowed};

use super::call::envelope;
use crate::App;
use crate::trace::TraceId;

/// A call that was refused.
#[derive(Debug)]
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

    /// The answer's body.
    pub(super) fn body(&self, app: &App, api: Api, trace_id: TraceId) -> Vec<u8> {
        let text = self.code.text(api);
        let msg = match &self.detail {
            Some(detail) => Cow::Owned(format!("{text}: {detail}")),
            None => Cow::Borrowed(text),
        };
        let code = self.code.number().into();
        if self.code == Code::FlowersDailyLimit {
            let attach = Some(self.detail().into());
            return envelope(app, trace_id, code, &msg, &FlowersAllowed { attach });
        }
        envelope(app, trace_id, code, &msg, &Empty {})
    }

    /// A command that got no outcome.
    pub(super) fn of_engine(app: &App, error: EngineError) -> Self {
        app.metrics.engine_failed(&error);
        let cause = (error != EngineError::Busy).then(|| error.to_string());
        Self { cause, ..Self::plain(code_of_change(&error)) }
    }

    /// A question the store could not answer.
    pub(super) fn of_reader(app: &App, error: EngineError) -> Self {
        app.metrics.engine_failed(&error);
        let cause = (error != EngineError::Busy).then(|| error.to_string());
        Self { cause, ..Self::plain(code_of_question(&error)) }
    }
}

fn code_of_change(error: &EngineError) -> Code {
    match error {
        EngineError::Busy
        | EngineError::Unavailable(_)
        | EngineError::Broken(_)
        | EngineError::Stopped => Code::StockBusy,
        EngineError::CommitUnknown => Code::StockUnknown,
        EngineError::Deadline => Code::GatewayTimeout,
    }
}

fn code_of_question(error: &EngineError) -> Code {
    match error {
        // The document's word for an order that can never be looked up.
        EngineError::Broken(_) => Code::PaymentRefused,
        // Of the gateway's timeout the document's table for queries knows nothing.
        EngineError::Busy
        | EngineError::Deadline
        | EngineError::Unavailable(_)
        | EngineError::CommitUnknown
        | EngineError::Stopped => Code::QueryUnavailable,
    }
}

impl From<DonateRefusal> for Refusal {
    fn from(refusal: DonateRefusal) -> Self {
        let invalid = |detail| Self::new(Code::InvalidRequest, detail);
        match refusal {
            DonateRefusal::KeyReused(field) => Self::new(
                Code::InvalidRequest,
                format!("{field} 与 reward_transcode 首次请求时不一致"),
            ),
            DonateRefusal::UnknownBid => invalid("bid 不存在或不属于该应用"),
            DonateRefusal::UnknownActivity => invalid("activity_no 不存在"),
            DonateRefusal::UnknownProject => invalid("project_no 不存在"),
            DonateRefusal::ProjectNotBound => invalid("project_no 未绑定该活动"),
            DonateRefusal::MoneyZero => invalid("money 必须大于 0"),
            DonateRefusal::NotRunning(status) => invalid(match status {
                ActivityStatus::Draft => "activity_no 对应的活动未上线",
                ActivityStatus::Paused => "activity_no 对应的活动暂停中",
                ActivityStatus::Ended => "activity_no 对应的活动已结束",
                ActivityStatus::Running => "activity_no 对应的活动当前不可捐赠",
            }),
            DonateRefusal::NotBegun(_) => invalid("activity_no 对应的活动未开始"),
            DonateRefusal::Over(_) => invalid("activity_no 对应的活动已过期"),
            DonateRefusal::LimitReached(limit) => Self::new(
                Code::PaymentRefused,
                match limit {
                    LimitReached::CountTotal => "third_uid 已达活动的捐赠次数上限",
                    LimitReached::CountDay => "third_uid 已达活动当日的捐赠次数上限",
                    LimitReached::MoneyTotal => "third_uid 已达活动的捐赠金额上限",
                    LimitReached::MoneyDay => "third_uid 已达活动当日的捐赠金额上限",
                },
            ),
            DonateRefusal::NotEnough => Self::new(Code::PaymentRefused, "活动冻结金额不足"),
            DonateRefusal::ChannelRefused => Self::new(Code::PaymentRefused, "支付渠道拒绝"),
            DonateRefusal::ChannelUnavailable => {
                Self::new(Code::PaymentUnavailable, "支付渠道暂不可用")
            }
        }
    }
}

impl From<FlowerRefusal> for Refusal {
    fn from(refusal: FlowerRefusal) -> Self {
        let invalid = |detail| Self::new(Code::InvalidRequest, detail);
        match refusal {
            FlowerRefusal::UnknownApplication => Self::plain(Code::UnknownApplication),
            FlowerRefusal::NoFlowers => invalid("xhh_num 必须大于 0"),
            FlowerRefusal::KeyReused(field) => {
                Self::new(Code::InvalidRequest, format!("{field} 与 trans_code 首次请求时不一致"))
            }
            FlowerRefusal::OutsideWindow => invalid("当前时间不在 time_start 与 time_expire 之间"),
            FlowerRefusal::DailyLimit { had, most } => Self::new(
                Code::FlowersDailyLimit,
                format!("该用户当日已领取 {had} 朵,每日上限 {most} 朵"),
            ),
            FlowerRefusal::UnknownDonation => {
                invalid("business_info.donate_transcode 不存在或不属于该应用")
            }
            FlowerRefusal::OtherDonation(field) => Self::new(
                Code::InvalidRequest,
                format!("business_info 中捐赠订单的 {field} 与请求不一致"),
            ),
            FlowerRefusal::NotPaid => invalid("business_info 中的捐赠订单未支付成功"),
            FlowerRefusal::AlreadyThanked => invalid("business_info 中的捐赠订单已发过花"),
        }
    }
}

#[cfg(test)]
mod tests {
    use huodong_store::StoreError;
    use huodong_wire::gongyi::Advice;

    use super::*;

    #[test]
    fn what_the_engine_could_not_do_may_be_sent_again() {
        let down = || EngineError::Unavailable("the disk is full".to_owned());
        for (error, change, question) in [
            (EngineError::Busy, Code::StockBusy, Code::QueryUnavailable),
            (down(), Code::StockBusy, Code::QueryUnavailable),
            (EngineError::Stopped, Code::StockBusy, Code::QueryUnavailable),
            (EngineError::CommitUnknown, Code::StockUnknown, Code::QueryUnavailable),
            (EngineError::Deadline, Code::GatewayTimeout, Code::QueryUnavailable),
        ] {
            assert_eq!(code_of_change(&error), change, "{error}");
            assert_eq!(code_of_question(&error), question, "{error}");
            assert_eq!(change.advice(Api::RewardToDonate), Some(Advice::Retry));
            assert_eq!(question.advice(Api::RewardDonateQuery), Some(Advice::Retry));
        }
    }

    #[test]
    fn what_a_damaged_store_cannot_tell_is_not_asked_for_again() {
        let broken = EngineError::from(StoreError::Corrupt("a status of 99".to_owned()));
        let question = code_of_question(&broken);
        assert_eq!(question, Code::PaymentRefused);
        assert_eq!(question.advice(Api::RewardDonateQuery), Some(Advice::GiveUp));
        assert_eq!(code_of_change(&broken), Code::StockBusy);
    }
}
