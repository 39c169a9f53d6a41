//! An institution that hands coupons out, for benchmarks.

use huodong_campaign::{
    ActivityStatus, BookRule, CertId, Channel, CouponTerms, CreateCouponActivity,
    CreateInstitution, Deposit, Discount, Fen, FundActivity, InstitutionId, KeyPurpose, NewOffer,
    OrgNo, OwnerId, PromotionId, SetStatus, Settlement, UserLimits, Validity,
};
use huodong_engine::Chance;
use huodong_server::{App, ensure_platform_keys, keys};
use jiff::Timestamp;

use super::fill::operate;
use crate::credentials::{CouponActivity, Lakala};
use crate::failure::{Context as _, Failure};

/// What each coupon takes off.
const VALUE: Fen = Fen(100);
/// So many coupons there are: more than any run can issue.
const STOCK: u32 = u32::MAX;
const OWNER_ID: &str = "80000001";
const MEMBER_PREFIX: &str = "BEN";

/// Makes it, with a key of its own and an activity whose coupons never run out and which these
/// initiators may hand out, too, and the platform's keys where it has none.
pub(super) async fn make(
    app: &App,
    org_no: &OrgNo,
    initiators: Vec<CertId>,
) -> Result<Lakala, Failure> {
    let engine = &app.engine;
    let text = |text: &str| text.to_owned().into_boxed_str();
    let now = engine.clock().real();
    let pair = keys::make("Huodong bench", 1, now, Chance).cannot("make a key")?;
    let fresh = hex::encode(Chance.bytes::<6>());
    let appid = InstitutionId::from(format!("BN{fresh}"));
    let promotion_id = PromotionId::from(format!("WX{fresh}"));
    let institution = CreateInstitution {
        appid: Some(appid.clone()),
        org_id: fresh.clone().into(),
        name: "Bench".to_owned(),
        certificate: pair.certificate_pem.clone(),
        member_prefix: text(MEMBER_PREFIX),
        owners: vec![OwnerId::from(OWNER_ID)],
        rate_per_s: Some(u32::MAX),
    };
    operate(engine, institution).await?;
    let activity = CreateCouponActivity {
        activity_no: None,
        org_no: org_no.clone(),
        name: "Bench coupons".to_owned(),
        starts_at: Timestamp::UNIX_EPOCH,
        ends_at: Timestamp::from_second(4_102_416_000).expect("the year 2100"),
        limits: UserLimits::default(),
        channel: Channel::Book(BookRule::all_succeed(Settlement::Instant)),
        offer: NewOffer {
            promotion_id: promotion_id.clone(),
            batch_code: fresh.into(),
            terms: CouponTerms {
                discount: Discount::Fixed { money: VALUE },
                minimum_spend: VALUE,
                validity: Validity::Days(30),
            },
            issuers: vec![appid.clone()],
            initiators,
            merchants: Vec::new(),
            stock: STOCK,
        },
    };
    let activity_no = operate(engine, activity).await?.activity_no;
    let money = Fen(VALUE.0 * i64::from(STOCK));
    operate(engine, Deposit { org_no: org_no.clone(), money }).await?;
    operate(engine, FundActivity { activity_no: activity_no.clone(), money }).await?;
    let running = SetStatus { activity_no: activity_no.clone(), status: ActivityStatus::Running };
    operate(engine, running).await?;
    app.refresh().await.cannot("read the partners in")?;
    ensure_platform_keys(app).await.cannot("make the platform's keys")?;
    let certificate = |purpose| {
        let signer = app.platform.signer(purpose).ok_or_else(|| Failure::new("no platform key"))?;
        Ok::<_, Failure>(signer.certificate.pem().to_owned())
    };
    let lakala = &app.settings.lakala;
    Ok(Lakala {
        appid: appid.to_string(),
        serial_no: pair.serial,
        private_key_pem: pair.private_key_pem,
        platform_certificate_pem: certificate(KeyPurpose::Reply)?,
        notify_certificate_pem: certificate(KeyPurpose::Notify)?,
        owner_id: OWNER_ID.to_owned(),
        member_prefix: MEMBER_PREFIX.to_owned(),
        issue_path: lakala.issue_path.clone(),
        query_path: lakala.query_path.clone(),
        activities: vec![CouponActivity {
            activity_id: activity_no.to_string(),
            promotion_id: promotion_id.to_string(),
        }],
        special: Vec::new(),
    })
}
