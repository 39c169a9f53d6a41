//! Small red flowers.

use huodong_campaign::{
    FlowerKey, FlowerRefusal, GrantFlowers, OpenId, SHANGHAI, TransCode, UserFlowersKey, day_of,
};
use huodong_wire::gongyi::{
    self as wire, Api, Code, Empty, Exchange, FlowersHistory, PreTryAnswer,
};
use jiff::Timestamp;
use jiff::civil::{DateTime, Time};

use super::call::{Call, Handler};
use super::refusal::Refusal;
use crate::order_number::parse_order_number;

/// Tells whether a user may receive so many flowers on a day, as things stand.
pub(super) struct CheckXhh;

impl Handler for CheckXhh {
    const API: Api = Api::CheckXhh;
    type Request<'a> = wire::CheckXhh<'a>;

    async fn handle<'a>(
        call: &'a Call<'a>,
        request: wire::CheckXhh<'a>,
    ) -> Result<Vec<u8>, Refusal> {
        if request.xhh_num == 0 {
            return Err(FlowerRefusal::NoFlowers.into());
        }
        let day = day_of(instant("trans_date", request.trans_date.to_datetime(Time::midnight()))?);
        let most = call.caller.application.flowers_per_day;
        let key = call.user_flowers(&request.open_id);
        let had = call.read(move |reader| reader.user_flowers(&key)).await?;
        had.take(day, request.xhh_num, most)?;
        Ok(call.success(&Empty {}))
    }
}

/// Gives flowers, or finds the exchange its key made before.
pub(super) struct PreTry;

impl Handler for PreTry {
    const API: Api = Api::PreTry;
    type Request<'a> = wire::PreTry<'a>;

    async fn handle<'a>(call: &'a Call<'a>, request: wire::PreTry<'a>) -> Result<Vec<u8>, Refusal> {
        let info = request.business_info.unwrap_or_default();
        let donation = match &info.donate_transcode {
            Some(code) => Some(parse_order_number(code).ok_or(FlowerRefusal::UnknownDonation)?),
            None => None,
        };
        let granted = call.submit(GrantFlowers {
            key: call.flower_key(&request.trans_code),
            open_id: OpenId::from(&*request.open_id),
            num: request.xhh_num,
            starts_at: instant("time_start", request.time_start)?,
            expires_at: instant("time_expire", request.time_expire)?,
            donation,
            reward_transcode: info.reward_transcode.map(String::into_boxed_str),
        });
        let exchange_id = granted.await?.grant.id.to_string().into();
        Ok(call.success(&PreTryAnswer { exchange_id }))
    }
}

/// Tells whether flowers were given under a key.
pub(super) struct CheckIsTransExist;

impl Handler for CheckIsTransExist {
    const API: Api = Api::CheckIsTransExist;
    type Request<'a> = wire::CheckIsTransExist<'a>;

    async fn handle<'a>(
        call: &'a Call<'a>,
        request: wire::CheckIsTransExist<'a>,
    ) -> Result<Vec<u8>, Refusal> {
        let key = call.flower_key(&request.trans_code);
        let found = call.read(move |reader| reader.flower(&key)).await?;
        let found = found.filter(|grant| grant.open_id.as_str() == request.open_id);
        let exchange = match found {
            Some(grant) => Exchange {
                exchange_id: grant.id.to_string().into(),
                xhh_code: Code::Success.number().into(),
            },
            None => {
                Exchange { exchange_id: "".into(), xhh_code: Code::ExchangeUnknown.number().into() }
            }
        };
        Ok(call.success(&exchange))
    }
}

/// Tells how many flowers a user has received through the caller.
pub(super) struct QueryUserXhh;

impl Handler for QueryUserXhh {
    const API: Api = Api::QueryUserXhh;
    type Request<'a> = wire::QueryUserXhh<'a>;

    async fn handle<'a>(
        call: &'a Call<'a>,
        request: wire::QueryUserXhh<'a>,
    ) -> Result<Vec<u8>, Refusal> {
        let key = call.user_flowers(&request.open_id);
        let had = call.read(move |reader| reader.user_flowers(&key)).await?;
        Ok(call.success(&FlowersHistory { history_xhh: had.total }))
    }
}

impl Call<'_> {
    fn flower_key(&self, trans_code: &str) -> FlowerKey {
        FlowerKey {
            appid: self.caller.application.appid.clone(),
            trans_code: TransCode::from(trans_code),
        }
    }

    fn user_flowers(&self, open_id: &str) -> UserFlowersKey {
        UserFlowersKey {
            appid: self.caller.application.appid.clone(),
            open_id: OpenId::from(open_id),
        }
    }
}

/// The moment a field's wall time in Shanghai means.
fn instant(field: &'static str, wall: DateTime) -> Result<Timestamp, Refusal> {
    SHANGHAI
        .to_timestamp(wall)
        .map_err(|_| Refusal::new(Code::InvalidRequest, format!("{field} 超出可表示的范围")))
}
