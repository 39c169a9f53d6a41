//! Initiators of both modes at the ysepay gateway, for benchmarks.

use std::path::Path;
use std::sync::Arc;

use huodong_campaign::{
    AlipayPid, CertId, CreateInitiator, CreateOrganization, EnvelopeMode, ImportMerchants,
    Imported, MercId, MerchantKind, MerchantRow, PhotoFormat, StorePhoto,
};
use huodong_engine::{Chance, Clock, Engine, EngineOptions};
use huodong_server::{App, MasterKey, Metrics, Settings, keys};
use huodong_store::{Store, StoreOptions};
use huodong_wire::ysepay::{Mode, PrivateKey};

use super::coupon_partner;
use super::fill::{DEADLINE, operate};
use crate::content::Photo;
use crate::failure::{Context as _, Failure};
use crate::initiator::Initiator;

/// So many merchants one command takes in.
const ROWS: u64 = 1_000;

/// Who calls, and what there is to call for.
pub(super) struct Partner {
    pub(super) initiators: Vec<Calling>,
    /// An activity whose coupons never run out, which all of them may hand out.
    pub(super) activity_id: String,
}

/// An initiator.
pub(super) struct Calling {
    pub(super) as_whom: Initiator,
    /// What the gateway opens its requests with and signs its answers with.
    pub(super) gateway: PrivateKey,
    /// A merchant of its, as Alipay knows it.
    pub(super) alipay_pid: String,
    /// A photo of its.
    pub(super) photo_id: String,
}

impl Calling {
    pub(super) fn mode(&self) -> Mode {
        self.as_whom.key.mode()
    }

    /// The number of one of its merchants.
    pub(super) fn merc_id(&self, number: u64) -> String {
        merc_id(self.mode(), number)
    }
}

fn merc_id(mode: Mode, number: u64) -> String {
    format!("bench{mode}{number:09}")
}

/// Makes a database in which they are, with so many merchants each.
pub(super) async fn make(
    directory: &Path,
    master_key: MasterKey,
    merchants: u64,
) -> Result<Partner, Failure> {
    let options = StoreOptions::at(directory);
    let (store, _) = Store::open(&options).cannot("open the database")?;
    let engine = Engine::start(store, Clock::system(), EngineOptions::default());
    let engine = engine.cannot("start the engine")?;
    let app = App::new(engine.clone(), master_key, Settings::default(), Arc::new(Metrics::new()));
    let made = fill(&app, merchants).await;
    engine.stop().await;
    made
}

async fn fill(app: &App, merchants: u64) -> Result<Partner, Failure> {
    let organization = CreateOrganization {
        org_no: None,
        name: "Bench".to_owned(),
        merchant_no: "19680000001".to_owned(),
    };
    let org_no = operate(&app.engine, organization).await?.org_no;
    let mut own_keys = Vec::new();
    for mode in [Mode::Sm2, Mode::Rsa] {
        own_keys.push((mode, initiator(app, mode).await?));
    }
    let cert_ids = own_keys.iter().map(|(mode, _)| cert_id(*mode)).collect();
    // It makes the gateway's keys, too.
    let coupons = coupon_partner::make(app, &org_no, cert_ids).await?;
    let activity_id = coupons.activities.first().map(|one| one.activity_id.clone());
    let mut initiators = Vec::new();
    for (mode, key) in own_keys {
        import(app, mode, merchants).await?;
        let gateway = app.platform.gateway(mode);
        let gateway = gateway.ok_or_else(|| Failure::new("the gateway has no key"))?;
        let gateway = gateway.key.clone();
        let as_whom = Initiator {
            cert_id: cert_id(mode).to_string(),
            key,
            gateway: gateway.public().clone(),
            merchants: Vec::new(),
        };
        let (alipay_pid, photo_id) = (pid(mode).to_string(), photo(app, mode).await?);
        initiators.push(Calling { as_whom, gateway, alipay_pid, photo_id });
    }
    Ok(Partner { initiators, activity_id: activity_id.unwrap_or_default() })
}

fn cert_id(mode: Mode) -> CertId {
    CertId::from(format!("bench-{mode}"))
}

fn pid(mode: Mode) -> AlipayPid {
    AlipayPid::from(format!("2088-bench-{mode}"))
}

async fn initiator(app: &App, mode: Mode) -> Result<PrivateKey, Failure> {
    let now = app.engine.clock().real();
    let pair = match mode {
        Mode::Sm2 => keys::make_sm2("Huodong bench", 1, now, Chance),
        Mode::Rsa => keys::make("Huodong bench", 1, now, Chance),
    };
    let key = PrivateKey::from_pem(&pair.cannot("make a key")?.private_key_pem);
    let key = key.cannot("use the key")?;
    let create = CreateInitiator {
        cert_id: Some(cert_id(mode)),
        name: "Bench".to_owned(),
        mode: match mode {
            Mode::Sm2 => EnvelopeMode::Sm2,
            Mode::Rsa => EnvelopeMode::Rsa,
        },
        public_key: key.public().to_pem(),
        plain_replies: false,
        strict_req_id: false,
        rate_per_s: Some(u32::MAX),
    };
    operate(&app.engine, create).await?;
    Ok(key)
}

async fn import(app: &App, mode: Mode, merchants: u64) -> Result<(), Failure> {
    let row = |number: u64| MerchantRow {
        merc_id: MercId::from(merc_id(mode, number)),
        cert_id: cert_id(mode),
        name: "Bench".to_owned(),
        kind: MerchantKind::Enterprise,
        intent_confirmed: true,
        alipay_pid: Some((number == 0).then(|| pid(mode))),
    };
    let mut first = 0;
    while first < merchants {
        let rows = (first..merchants.min(first + ROWS)).map(row).collect();
        first += ROWS;
        for imported in operate(&app.engine, ImportMerchants { rows }).await? {
            if let Imported::Refused(refusal) = imported {
                return Err(Failure::new(format!("a merchant was refused: {refusal}")));
            }
        }
    }
    Ok(())
}

async fn photo(app: &App, mode: Mode) -> Result<String, Failure> {
    let photo = Photo::fresh("bench");
    let mut sha256 = [0; 32];
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &photo.bytes);
    sha256.copy_from_slice(hash.as_ref());
    let store = StorePhoto {
        cert_id: cert_id(mode),
        sha256,
        format: PhotoFormat::Bmp,
        name: photo.name.into(),
        pic_type: "bench".into(),
        flow_id: "bench".into(),
        content: photo.bytes.into(),
    };
    let stored = app.engine.submit(store, DEADLINE).await.cannot("reach the database")?;
    let stored = stored.map_err(|refusal| Failure::new(format!("no photo: {refusal}")))?;
    Ok(stored.id.0.to_string())
}
