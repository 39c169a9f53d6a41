//! The commands behind a script's words about initiators.

use huodong_campaign::*;

use super::{Done, Step, Told, by_operator};
use crate::script::*;

pub(super) fn gateway_command(op: &GatewayOp, now: i64, known: &Known) -> Box<dyn Step> {
    match op.clone() {
        GatewayOp::CreateInitiator { init } => by_operator(
            CreateInitiator {
                cert_id: Some(cert_id(init)),
                name: "initiator".to_owned(),
                mode: EnvelopeMode::Sm2,
                public_key: "key".to_owned(),
                plain_replies: false,
                strict_req_id: false,
                rate_per_s: None,
            },
            |_| Done::Other,
        ),
        GatewayOp::RevokeInitiator { init } => {
            by_operator(RevokeInitiator { cert_id: cert_id(init) }, |_| Done::Other)
        }
        GatewayOp::CreateMerchant(shop) => {
            let row = row(&shop, false);
            let merchant = CreateMerchant {
                merc_id: Some(row.merc_id),
                cert_id: row.cert_id,
                name: row.name,
                kind: row.kind,
                intent_confirmed: row.intent_confirmed,
                alipay_pid: row.alipay_pid.flatten(),
            };
            by_operator(merchant, |_| Done::Other)
        }
        GatewayOp::UpdateMerchant { merc, init, kind, confirmed, pid } => by_operator(
            UpdateMerchant {
                merc_id: merc_id(merc),
                cert_id: init.map(cert_id),
                name: None,
                kind: kind.and_then(MerchantKind::from_number),
                intent_confirmed: confirmed,
                alipay_pid: pid.map(|pid| pid.map(pid_of)),
            },
            |_| Done::Other,
        ),
        GatewayOp::Import { shops } => {
            let rows = shops.iter().map(|(shop, keeps)| row(shop, *keeps)).collect();
            by_operator(ImportMerchants { rows }, Done::Imported)
        }
        GatewayOp::Permit { activity, inits, pids } => by_operator(
            UpdateOffer {
                activity_no: activity_no(activity),
                terms: None,
                issuers: None,
                initiators: Some(inits.into_iter().map(cert_id).collect()),
                merchants: Some(pids.into_iter().map(pid_of).collect()),
                add_stock: None,
            },
            |_| Done::Other,
        ),
        GatewayOp::Upload { init, content } => Box::new(Told(
            StorePhoto {
                cert_id: cert_id(init),
                sha256: [content; 32],
                format: PhotoFormat::Png,
                name: "a.png".into(),
                pic_type: "A001".into(),
                flow_id: "flow".into(),
                content: vec![content; 9].into(),
            },
            Done::Uploaded,
        )),
        GatewayOp::RemovePhotos { age_s } => {
            let photos = known.pictures.iter().map(|(id, _)| *id).chain([Id(7)]).collect();
            let uploaded_until = at(now - age_s);
            Box::new(Told(RemovePhotos { photos, uploaded_until }, Done::Counted))
        }
        GatewayOp::Enrol(paper) => Box::new(Told(enrol(&paper, "alone"), Done::Enrolled)),
        GatewayOp::Decide { nth, approve, reason, by } => {
            let reason = ["", "blurred", "unreadable"][usize::from(reason)].into();
            by_operator(
                DecideEnrolment {
                    enrolment: known.filed.get(nth).copied().unwrap_or(Id(7)),
                    decision: if approve { Decision::Approve } else { Decision::Reject { reason } },
                    by: reviewer(by),
                },
                Done::Decided,
            )
        }
        GatewayOp::Consult(question) => Box::new(Told(consult(&question), Done::Consulted)),
        GatewayOp::Call { req, asks } => call(req, &asks),
    }
}

fn call(req: u8, asks: &Asks) -> Box<dyn Step> {
    let key = request_key(asks.init(), req);
    // Two calls are the same where they say the same.
    let mut fingerprint = [0; 32];
    for (at, byte) in format!("{asks:?}").bytes().enumerate() {
        let slot: &mut u8 = &mut fingerprint[at % 32];
        *slot = slot.rotate_left(3).wrapping_add(byte);
    }
    match asks {
        Asks::Enrol(paper) => Box::new(Told(
            AnswerOnce {
                command: enrol(paper, &key.req_id),
                key,
                api: GatewayApi::AddData,
                fingerprint,
                render: |_, outcome| {
                    let answer = match outcome {
                        Ok(enrolment) => format!("enrolled {}", enrolment.id),
                        Err(refusal) => format!("{refusal:?}"),
                    };
                    Rendered { answer: answer.into(), keep: true }
                },
            },
            Done::Answered,
        )),
        Asks::Consult(question) => Box::new(Told(
            AnswerOnce {
                command: consult(question),
                key,
                api: GatewayApi::Consult,
                fingerprint,
                render: |_, outcome| {
                    let keep = !matches!(outcome, Err(ConsultRefusal::ChannelUnavailable(_)));
                    let answer = match outcome {
                        Ok(results) => format!("{results:?}"),
                        Err(refusal) => format!("{refusal:?}"),
                    };
                    Rendered { answer: answer.into(), keep }
                },
            },
            Done::Answered,
        )),
    }
}

pub fn reviewer(number: u8) -> TokenId {
    TokenId::from(format!("reviewer-{number}"))
}

fn row(shop: &Shop, keeps_pid: bool) -> MerchantRow {
    MerchantRow {
        merc_id: merc_id(shop.merc),
        cert_id: cert_id(shop.init),
        name: "merchant".to_owned(),
        kind: MerchantKind::from_number(shop.kind).unwrap(),
        intent_confirmed: shop.confirmed,
        alipay_pid: (!keeps_pid).then(|| shop.pid.map(pid_of)),
    }
}

fn enrol(paper: &Paper, req_id: &str) -> Enrol {
    Enrol {
        cert_id: cert_id(paper.init),
        key: paper.key(),
        creator: "clerk".into(),
        third_merc_id_cups: paper.third.then(|| "cups".into()),
        third_merc_id_nucc: None,
        photos: paper.photos.clone(),
        supplementary_remark: paper.remark.then(|| "a remark".into()),
        req_id: req_id.into(),
    }
}

pub fn consult(question: &Question) -> Consult {
    Consult {
        cert_id: cert_id(question.init),
        merchant: question.pid.map(pid_of),
        user: AlipayUser::OpenId(user(question.user).as_str().into()),
        activities: question.activities.iter().copied().map(activity_no).collect(),
    }
}
