//! The coupon scene with initiators 0 and 1. Initiator 0 has a merchant of each kind, number 0 to 5;
//! initiator 1 has merchant 9. All have confirmed their intent; number 0 and 9 are known to Alipay.

use std::sync::Arc;

use huodong_campaign::*;

use crate::photo_matrix::{Cell, cell};
use crate::scene::Scene;

pub const EVERY_PHOTO: [PhotoField; 10] = PhotoField::ALL;

impl Scene {
    pub fn gateway() -> Self {
        let mut scene = Self::coupons();
        for number in 0..2 {
            scene.run(Self::initiator(number)).unwrap();
        }
        for kind in MerchantKind::ALL {
            let pid = (kind.number() == 0).then(|| alipay_pid(0));
            let merchant = CreateMerchant { alipay_pid: pid, ..Self::shop(kind.number(), kind) };
            scene.run(merchant).unwrap();
        }
        let foreign = CreateMerchant {
            cert_id: cert_id(1),
            alipay_pid: Some(alipay_pid(9)),
            ..Self::shop(9, MerchantKind::Enterprise)
        };
        scene.run(foreign).unwrap();
        scene
    }

    pub fn initiator(number: u8) -> CreateInitiator {
        CreateInitiator {
            cert_id: Some(cert_id(number)),
            name: format!("initiator {number}"),
            mode: EnvelopeMode::Sm2,
            public_key: "first".to_owned(),
            plain_replies: false,
            strict_req_id: false,
            rate_per_s: None,
        }
    }

    /// A merchant of initiator 0.
    pub fn shop(number: u8, kind: MerchantKind) -> CreateMerchant {
        CreateMerchant {
            merc_id: Some(merc_id(number)),
            cert_id: cert_id(0),
            name: format!("merchant {number}"),
            kind,
            intent_confirmed: true,
            alipay_pid: None,
        }
    }

    pub fn upload(cert: u8, content: u8) -> StorePhoto {
        StorePhoto {
            cert_id: cert_id(cert),
            sha256: [content; 32],
            format: PhotoFormat::Jpeg,
            name: "a.jpg".into(),
            pic_type: "A001".into(),
            flow_id: "flow".into(),
            content: Arc::from(vec![content; 3]),
        }
    }

    /// A photo of initiator 0's.
    pub fn photo(&mut self) -> Id {
        self.run(Self::upload(0, 7)).unwrap().id
    }

    /// What the merchant of this kind must send to enrol, and nothing else. A merchant that cannot
    /// enrol sends what an enterprise would.
    pub fn paper(&mut self, activity: RateActivity, kind: MerchantKind) -> Enrol {
        let kind_of = if cell(activity, kind, PhotoField::School) == Cell::Refused {
            MerchantKind::Enterprise
        } else {
            kind
        };
        let must = EVERY_PHOTO.into_iter().filter(|it| cell(activity, kind_of, *it) == Cell::Must);
        Enrol {
            cert_id: cert_id(0),
            key: EnrolmentKey { merc_id: merc_id(kind.number()), activity },
            creator: "clerk".into(),
            third_merc_id_cups: Some("cups".into()),
            third_merc_id_nucc: None,
            photos: must.map(|field| (field, vec![self.photo()])).collect(),
            supplementary_remark: None,
            req_id: "xy1415220315145602".into(),
        }
    }

    /// An enterprise that enrols as a training centre.
    pub fn centre(&mut self) -> Enrol {
        self.paper(RateActivity::Education, MerchantKind::Enterprise)
    }
}

pub fn cert_id(number: u8) -> CertId {
    CertId::from(format!("cert-{number}"))
}

pub fn merc_id(number: u8) -> MercId {
    MercId::from(format!("merc-{number}"))
}

pub fn alipay_pid(number: u8) -> AlipayPid {
    AlipayPid::from(format!("2088-{number}"))
}
