//! Requests to the gateway, sealed before a load begins.

use huodong_engine::Chance;
use huodong_wire::ysepay::Api;
use serde_json::{Value, json};

use super::envelope_bound::Work;
use super::gateway_partner::{Calling, Partner};
use super::sign::cores;
use crate::failure::Failure;
use crate::sealing::Sealing;

/// How many different users ask.
const USERS: u64 = 1_000_000;

impl Partner {
    /// A request of this initiator's, with the keys that an answer to it takes.
    pub(super) fn work(&self, calling: &Calling) -> Result<Work, Failure> {
        let content = content(self, calling, Api::Consult, 0).to_string();
        let request = Sealing::default().seal(&calling.as_whom, Api::Consult, &content)?;
        let gateway = calling.gateway.clone();
        Ok(Work { caller: calling.as_whom.key.public().clone(), gateway, request })
    }
}

/// So many different requests, as they are sent, sealed on all cores.
pub(super) fn requests(
    partner: &Partner,
    calling: &Calling,
    api: Api,
    count: u64,
    host: &str,
) -> Result<Vec<Vec<u8>>, Failure> {
    let request = |number: u64| {
        let content = content(partner, calling, api, number).to_string();
        let request = Sealing::default().seal(&calling.as_whom, api, &content)?;
        let body = request.body(huodong_client::ysepay::BodyForm::Json);
        let head = format!(
            "POST {} HTTP/1.1\r\nHost: {host}\r\nContent-Type: {}\r\nContent-Length: {}\r\n\r\n",
            api.path(),
            body.content_type,
            body.bytes.len()
        );
        Ok([head.as_bytes(), &body.bytes].concat())
    };
    let threads = cores();
    let shares: Vec<_> = std::thread::scope(|scope| {
        let share = |thread: u64| {
            let numbers = (thread..count).step_by(threads);
            numbers.map(request).collect::<Result<Vec<_>, Failure>>()
        };
        let threads: Vec<_> =
            (0..threads as u64).map(|thread| scope.spawn(move || share(thread))).collect();
        threads.into_iter().map(std::thread::ScopedJoinHandle::join).collect()
    });
    let mut all = Vec::with_capacity(usize::try_from(count).unwrap_or_default());
    for share in shares {
        all.extend(share.map_err(|_| Failure::new("a sealing thread panicked"))??);
    }
    Ok(all)
}

/// What one call says. No two enrolments are of the same merchant for the same activity.
fn content(partner: &Partner, calling: &Calling, api: Api, number: u64) -> Value {
    let photo = &calling.photo_id;
    match api {
        Api::AddData if number.is_multiple_of(2) => json!({
            "mercId": calling.merc_id(number / 2), "activityId": "education_001",
            "creator": "bench", "thirdMercIdCups": "500000001",
            "organizationPhoto": photo, "rentmentCommitmentPhoto": photo, "frontPhoto": photo,
        }),
        Api::AddData => json!({
            "mercId": calling.merc_id(number / 2), "activityId": "schoolcanteen_001",
            "creator": "bench", "thirdMercIdCups": "500000001", "schoolPhoto": photo,
            "cooperationPhoto": photo, "perferentPhoto": photo,
            "restaurentEnvironmentPhoto": photo, "restaurentFrontPhoto": photo,
        }),
        Api::Consult => json!({
            "merchantId": calling.alipay_pid,
            "openId": format!("oBench{:022}", u64::from_be_bytes(Chance.bytes()) % USERS),
            "consultActivityInfoList": [{"activityId": partner.activity_id}],
        }),
        Api::Upload => Value::Null,
    }
}
