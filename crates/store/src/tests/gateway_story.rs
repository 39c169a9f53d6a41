//! Initiators with merchants and photos, and what happens to enrolments.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use huodong_campaign::*;

use super::story::Story;
use crate::StoreError;

impl Story {
    /// A begun story with coupons and initiators `one` (RSA) and `two` (SM2). `one` has a merchant
    /// of each kind, `m0` to `m5`, the first known to Alipay as `pid-0`; `two` has `other`.
    pub(super) fn begun_with_gateway() -> Self {
        Self::new().begin_gateway()
    }

    /// Makes an empty database one of these.
    pub(super) fn begin_gateway(self) -> Self {
        let mut story = self.begin_coupons();
        story.initiators();
        story
    }

    /// Adds the initiators and their merchants.
    pub(super) fn initiators(&mut self) {
        self.initiator("one", EnvelopeMode::Rsa);
        self.initiator("two", EnvelopeMode::Sm2);
        for kind in MerchantKind::ALL {
            let number = kind.number();
            let pid = (number == 0).then(|| AlipayPid::from("pid-0"));
            self.merchant(&format!("m{number}"), "one", kind, pid);
        }
        self.merchant("other", "two", MerchantKind::Enterprise, None);
    }

    pub(super) fn initiator(&mut self, cert_id: &str, mode: EnvelopeMode) -> Initiator {
        self.run(CreateInitiator {
            cert_id: Some(CertId::from(cert_id)),
            name: format!("Initiator {cert_id}"),
            mode,
            public_key: "first".to_owned(),
            plain_replies: cert_id == "two",
            strict_req_id: cert_id == "one",
            rate_per_s: Some(9),
        })
    }

    pub(super) fn merchant(
        &mut self,
        merc_id: &str,
        cert_id: &str,
        kind: MerchantKind,
        alipay_pid: Option<AlipayPid>,
    ) -> Merchant {
        self.run(CreateMerchant {
            merc_id: Some(MercId::from(merc_id)),
            cert_id: CertId::from(cert_id),
            name: format!("Merchant {merc_id}"),
            kind,
            intent_confirmed: true,
            alipay_pid,
        })
    }

    /// A photo of `one`'s.
    pub(super) fn photo(&mut self, content: &str) -> Photo {
        self.run(store_photo("one", content.as_bytes()))
    }

    /// A training centre enrols with three photos, one for each field, made of its name.
    pub(super) fn enrolled(&mut self, merc_id: &str) -> Enrolment {
        let photos = ["organization", "rental", "front"];
        let photos = photos.map(|what| self.photo(&format!("{what} of {merc_id}")).id);
        self.run(enrol(merc_id, photos))
    }

    pub(super) fn decided(&mut self, enrolment: Id, decision: Decision) -> Enrolment {
        let by = TokenId::from("reviewer");
        self.run(DecideEnrolment { enrolment, decision, by }).enrolment
    }

    /// Carries two commands out in one batch; they must succeed.
    pub(super) fn both<A, B>(&mut self, first: &A, second: &B) -> (A::Done, B::Done)
    where
        A: Command<Refusal: std::fmt::Debug>,
        B: Command<Refusal: std::fmt::Debug>,
    {
        // As in `batch`.
        self.try_both(first, second).or_else(|_| self.try_both(first, second)).unwrap()
    }

    fn try_both<A, B>(&mut self, first: &A, second: &B) -> Result<(A::Done, B::Done), StoreError>
    where
        A: Command<Refusal: std::fmt::Debug>,
        B: Command<Refusal: std::fmt::Debug>,
    {
        let mut world = self.world();
        let mut wanted = Wanted::default();
        first.wants(&mut wanted);
        second.wants(&mut wanted);
        self.store.load(&wanted, &mut world)?;
        let first = first.decide(&mut world).unwrap();
        let second = second.decide(&mut world).unwrap();
        self.store.save(&world)?;
        Ok((first, second))
    }
}

pub(super) fn store_photo(cert_id: &str, content: &[u8]) -> StorePhoto {
    StorePhoto {
        cert_id: CertId::from(cert_id),
        sha256: sha256(content),
        format: PhotoFormat::Png,
        name: "photo.png".into(),
        pic_type: "A001".into(),
        flow_id: "flow-1".into(),
        content: Arc::from(content),
    }
}

pub(super) fn sha256(content: &[u8]) -> [u8; 32] {
    digest(&SHA256, content).as_ref().try_into().unwrap()
}

/// One of `one`'s merchants enrols as a training centre.
pub(super) fn enrol(merc_id: &str, [organization, rental, front]: [Id; 3]) -> Enrol {
    Enrol {
        cert_id: CertId::from("one"),
        key: EnrolmentKey { merc_id: MercId::from(merc_id), activity: RateActivity::Education },
        creator: "clerk".into(),
        third_merc_id_cups: Some("cups-1".into()),
        third_merc_id_nucc: None,
        photos: EnrolmentPhotos::from([
            (PhotoField::Organization, vec![organization]),
            (PhotoField::Rental, vec![rental, rental]),
            (PhotoField::Front, vec![front]),
        ]),
        supplementary_remark: None,
        req_id: format!("enrol-{merc_id}").into(),
    }
}

pub(super) fn rejected(reason: &str) -> Decision {
    Decision::Reject { reason: reason.into() }
}

pub(super) fn request_key(req_id: &str) -> RequestKey {
    RequestKey { cert_id: CertId::from("one"), req_id: req_id.into() }
}

/// A call of `one`'s that is told `answer`.
pub(super) fn call(req_id: &str, answer: &str) -> AnswerOnce<JustAnswer> {
    AnswerOnce {
        key: request_key(req_id),
        api: GatewayApi::AddData,
        fingerprint: sha256(answer.as_bytes()),
        command: JustAnswer { answer: answer.into() },
        render: JustAnswer::render,
    }
}
