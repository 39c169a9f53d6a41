//! Enrolling merchants.

use huodong_campaign::{
    Enrol, EnrolRefusal, Enrolment, EnrolmentKey, MercId, RateActivity, Rendered,
};
use huodong_wire::ysepay::{
    AddDataAnswer, AddDataCode, AddDataRequest, Api, Refused, Reply, encode,
};

use super::call::{Call, Handler};
use super::refusal::Refusal;
use super::{kept, refusal, words};
use crate::order_number::order_number;

/// Enrols a merchant for a preferential rate.
pub(super) struct AddData;

impl Handler for AddData {
    const API: Api = Api::AddData;
    type Code = AddDataCode;
    type Request<'a> = AddDataRequest<'a>;

    async fn handle<'a>(
        call: &'a Call,
        request: AddDataRequest<'a>,
    ) -> Result<Reply<'static>, Refusal> {
        let Some(activity) = RateActivity::from_id(&request.activity_id) else {
            let [one, other] = RateActivity::ALL.map(RateActivity::id);
            let reason = format!("必须是 {one} 或 {other}");
            return call.refuse(&Refused::<AddDataCode>::field("activityId", &reason)).await;
        };
        let text = |text: &Option<std::borrow::Cow<'_, str>>| text.as_deref().map(Into::into);
        let enrol = Enrol {
            cert_id: call.cert_id(),
            key: EnrolmentKey { merc_id: MercId::from(&*request.merc_id), activity },
            creator: (*request.creator).into(),
            third_merc_id_cups: text(&request.third_merc_id_cups),
            third_merc_id_nucc: text(&request.third_merc_id_nucc),
            photos: words::photos(&request),
            supplementary_remark: text(&request.supplementary_remark),
            req_id: call.req_id.clone(),
        };
        call.once(enrol, rendered).await
    }
}

fn rendered(enrol: &Enrol, enrolled: Result<&Enrolment, &EnrolRefusal>) -> Rendered {
    match enrolled {
        Ok(enrolment) => {
            let state = words::state(enrolment.status);
            let req_msg_id = order_number(enrolment.id).into();
            let data = encode(&AddDataAnswer { state, req_msg_id });
            kept::rendered(&Reply::success(AddDataCode::Success, data), true)
        }
        Err(refused) => refusal::enrolment(refused, |photo| {
            let named = enrol.photos.iter().find(|(_, ids)| ids.contains(&photo));
            named.map(|(field, _)| words::photo_field(*field))
        }),
    }
}
