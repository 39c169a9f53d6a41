//! Placing donations and asking after them.

use huodong_campaign::{
    ActivityNo, Bid, Donate, Donation, DonationKey, DonationStatus, Fen, ProjectNo, ThirdUid,
};
use huodong_wire::gongyi::{self as wire, Api, Code};

use super::call::{Call, Handler};
use super::refusal::Refusal;
use crate::order_number::{order_number, parse_order_number};

/// Places a donation, or finds the one its key placed before.
pub(super) struct RewardToDonate;

impl Handler for RewardToDonate {
    const API: Api = Api::RewardToDonate;
    type Request<'a> = wire::RewardToDonate<'a>;

    async fn handle<'a>(
        call: &'a Call<'a>,
        request: wire::RewardToDonate<'a>,
    ) -> Result<Vec<u8>, Refusal> {
        let bid = call.own_bid(&request.bid)?;
        let application = &call.caller.application;
        let donate = Donate {
            key: DonationKey { bid, reward_transcode: (*request.reward_transcode).into() },
            appid: application.appid.clone(),
            org_no: application.org_no.clone(),
            activity_no: ActivityNo::from(&*request.activity_no),
            project_no: ProjectNo::from(&*request.project_no),
            third_uid: ThirdUid::from(&*request.third_uid),
            reward: request.reward,
            reward_time: request.reward_time,
            money: Fen(request.money.into()),
        };
        let donated = call.submit(donate).await?;
        Ok(call.success(&data(&donated.donation)))
    }
}

/// Tells how a donation stands.
pub(super) struct RewardDonateQuery;

impl Handler for RewardDonateQuery {
    const API: Api = Api::RewardDonateQuery;
    type Request<'a> = wire::RewardDonateQuery<'a>;

    async fn handle<'a>(
        call: &'a Call<'a>,
        request: wire::RewardDonateQuery<'a>,
    ) -> Result<Vec<u8>, Refusal> {
        let donation = find(call, &request).await?;
        let differing = [
            ("activity_no", donation.activity_no.as_str() == request.activity_no),
            ("project_no", donation.project_no.as_str() == request.project_no),
            ("third_uid", donation.third_uid.as_str() == request.third_uid),
            ("bid", request.bid.is_none_or(|bid| bid == donation.key.bid.as_str())),
            (
                "reward_transcode",
                request.reward_transcode.is_none_or(|code| *code == *donation.key.reward_transcode),
            ),
        ]
        .into_iter()
        .find_map(|(field, same)| (!same).then_some(field));
        match differing {
            Some(field) => Err(invalid(format!("{field} 与捐赠订单不一致"))),
            None => Ok(call.success(&data(&donation))),
        }
    }
}

/// The caller's donation, by its number or by its key. One that is another application's is as
/// unknown as one that never was.
async fn find(call: &Call<'_>, request: &wire::RewardDonateQuery<'_>) -> Result<Donation, Refusal> {
    let (found, unknown) =
        match (&request.donate_transcode, &request.bid, &request.reward_transcode) {
            (Some(code), ..) => {
                let unknown = "donate_transcode 不存在";
                let id = parse_order_number(code).ok_or_else(|| invalid(unknown))?;
                (call.read(move |reader| reader.donation(id)).await?, unknown)
            }
            (None, Some(bid), Some(code)) => {
                let key =
                    DonationKey { bid: call.own_bid(bid)?, reward_transcode: (**code).into() };
                let found = call.read(move |reader| reader.donation_by_key(&key)).await?;
                (found, "reward_transcode 不存在")
            }
            // Decoding has refused this before.
            (None, ..) => {
                return Err(invalid("donate_transcode 与 bid+reward_transcode 必须传入其一"));
            }
        };
    let own = &call.caller.application.appid;
    found.filter(|donation| donation.appid == *own).ok_or_else(|| invalid(unknown))
}

fn invalid(detail: impl Into<std::borrow::Cow<'static, str>>) -> Refusal {
    Refusal::new(Code::InvalidRequest, detail)
}

impl Call<'_> {
    /// The bid, if the caller may pay by it.
    fn own_bid(&self, bid: &str) -> Result<Bid, Refusal> {
        let own = self.caller.bids.get(bid).cloned();
        own.ok_or_else(|| invalid("bid 不存在或不属于该应用"))
    }
}

fn data(donation: &Donation) -> wire::Donation<'_> {
    wire::Donation {
        activity_no: donation.activity_no.as_str().into(),
        project_no: donation.project_no.as_str().into(),
        third_uid: donation.third_uid.as_str().into(),
        reward: donation.reward,
        money: u32::try_from(donation.money.0).expect("it came as 32 bits"),
        reward_transcode: (&*donation.key.reward_transcode).into(),
        donate_transcode: order_number(donation.id).into(),
        donate_status: match donation.status {
            DonationStatus::Placed => wire::DonationStatus::Placed,
            DonationStatus::Paid => wire::DonationStatus::Paid,
            DonationStatus::Failed => wire::DonationStatus::Failed,
            DonationStatus::Refunded => wire::DonationStatus::Refunded,
        },
    }
}
