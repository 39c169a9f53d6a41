//! Uploads photos to a sandbox, enrols a merchant with them, and asks what a user can claim.
//!
//!     huodong sandbox --listen 127.0.0.1:18080 --credentials sandbox.json
//!     cargo run -p huodong-client --example enrol -- sandbox.json
//!     cargo run -p huodong-client --example enrol -- sandbox.json rsa
#![allow(clippy::print_stdout)]

use std::error::Error;

use huodong_client::ysepay::{
    ActivityInfo, AddDataCode, AddDataRequest, Client, ConsultRequest, Photo, PhotoIds, Retry,
};
use serde::Deserialize;

/// What this program needs of the sandbox's credentials file.
#[derive(Deserialize)]
struct Credentials {
    base_url: String,
    ysepay: Ysepay,
}

#[derive(Deserialize)]
struct Ysepay {
    initiators: Vec<Initiator>,
    consult: Consult,
}

#[derive(Deserialize)]
struct Initiator {
    cert_id: String,
    mode: String,
    private_key_pem: String,
    gateway_public_key_pem: String,
    merchants: Vec<Merchant>,
}

#[derive(Deserialize)]
struct Merchant {
    merc_id: String,
}

#[derive(Deserialize)]
struct Consult {
    merchant_id: String,
    activity_ids: Vec<String>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().ok_or("name the sandbox's credentials file")?;
    let mode = arguments.next().unwrap_or_else(|| "sm2".to_owned());
    let Credentials { base_url, ysepay } = serde_json::from_slice(&std::fs::read(file)?)?;
    let mut initiators = ysepay.initiators.iter();
    let initiator = initiators.find(|one| one.mode == mode).ok_or("no initiator of that mode")?;
    let client = Client::builder(&base_url, &initiator.cert_id)
        .private_key(&initiator.private_key_pem)
        .gateway_key(&initiator.gateway_public_key_pem)
        .retry(Retry::default())
        .build()?;

    println!("1. Upload photos as {} ({mode})", initiator.cert_id);
    let mut ids = Vec::new();
    for (number, name) in ["organization.bmp", "rental.bmp", "front.bmp"].into_iter().enumerate() {
        let bytes = square([40 * u8::try_from(number)?, 80, 160]);
        let photo = Photo { bytes: &bytes, name, pic_type: "enrolment", flow_id: "example" };
        let uploaded = client.upload(&photo).await?.data;
        println!("   {name}: {}", uploaded.photo_id);
        ids.push(uploaded.photo_id);
    }

    let merchant = initiator.merchants.first().ok_or("no merchant is seeded")?;
    let request = AddDataRequest {
        merc_id: merchant.merc_id.as_str().into(),
        activity_id: "education_001".into(),
        creator: "示例".into(),
        third_merc_id_cups: Some("500000001".into()),
        organization: PhotoIds::of([&ids[0]]),
        rental: PhotoIds::of([&ids[1]]),
        front: PhotoIds::of([&ids[2]]),
        ..AddDataRequest::default()
    };
    // A program writes the number down before it calls: sent again, it enrols nobody twice.
    let req_id = client.fresh_req_id();
    println!("2. Enrol {} as {req_id}", merchant.merc_id);
    match client.call(&req_id, &request).await {
        Ok(answer) => {
            println!("   {}: {}", answer.data.state.as_str(), answer.data.req_msg_id);
            let again = client.call(&req_id, &request).await?;
            println!("   and once more: {}", again.data.req_msg_id);
        }
        Err(error) => {
            let refusal = error.refused().and_then(|refusal| refusal.add_data());
            if refusal != Some(AddDataCode::AlreadyEnrolled) {
                return Err(error.into());
            }
            println!("   {error}: it is under review already");
        }
    }

    println!("3. What can this user claim?");
    let consult = ConsultRequest {
        merchant_id: Some(ysepay.consult.merchant_id.as_str().into()),
        open_id: Some("example-user".into()),
        activities: ysepay
            .consult
            .activity_ids
            .iter()
            .map(|id| ActivityInfo { activity_id: id.as_str().into() })
            .collect(),
        ..ConsultRequest::default()
    };
    for one in client.consult(&consult).await?.data.results {
        println!("   {}: {}", one.activity_id, one.result);
    }
    Ok(())
}

/// A picture of one pixel, as BMP.
fn square([blue, green, red]: [u8; 3]) -> Vec<u8> {
    let mut bytes = b"BM".to_vec();
    for number in [58_u32, 0, 54, 40, 1, 1, 1 | 24 << 16, 0, 4, 2835, 2835, 0, 0] {
        bytes.extend(number.to_le_bytes());
    }
    bytes.extend([blue, green, red, 0]);
    bytes
}
