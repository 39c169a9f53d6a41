//! What a user could be given.

use huodong_campaign::{
    self as campaign, ActivityNo, AlipayPid, AlipayUser, ConsultRefusal, Rendered,
};
use huodong_wire::ysepay::{
    Api, ConsultAnswer, ConsultCode, ConsultRequest, ConsultResultInfo, Reply, encode,
};

use super::call::{Call, Handler};
use super::refusal::Refusal;
use super::{kept, refusal, words};

/// Tells of each activity whether a coupon issued at this instant would be granted. It is asked as a
/// command, so that it reads the very rows that issuing writes.
pub(super) struct Consult;

impl Handler for Consult {
    const API: Api = Api::Consult;
    type Code = ConsultCode;
    type Request<'a> = ConsultRequest<'a>;

    async fn handle<'a>(
        call: &'a Call,
        request: ConsultRequest<'a>,
    ) -> Result<Reply<'static>, Refusal> {
        let activities = request.activities.iter();
        let consult = campaign::Consult {
            cert_id: call.cert_id(),
            merchant: request.merchant_id.as_deref().map(AlipayPid::from),
            user: words::user(&request),
            activities: activities.map(|asked| ActivityNo::from(&*asked.activity_id)).collect(),
        };
        call.once(consult, rendered).await
    }
}

fn rendered(
    consult: &campaign::Consult,
    told: Result<&Vec<campaign::ConsultResult>, &ConsultRefusal>,
) -> Rendered {
    let results = match told {
        Ok(results) => results,
        Err(refused) => return refusal::consult(refused),
    };
    let told = consult.activities.iter().zip(results);
    let results = told.map(|(activity, result)| ConsultResultInfo {
        activity_id: activity.as_str().into(),
        result: words::consult_result(*result),
    });
    let mut answer = ConsultAnswer { results: results.collect(), ..ConsultAnswer::default() };
    match &consult.user {
        AlipayUser::OpenId(id) => answer.open_id = (**id).into(),
        AlipayUser::UserId(id) => answer.user_id = (**id).into(),
    }
    kept::rendered(&Reply::success(ConsultCode::Success, encode(&answer)), true)
}
