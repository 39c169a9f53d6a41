//! Random commands of initiators, and around their merchants.

use std::collections::BTreeMap;

use huodong_campaign::*;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::photo_matrix::{Cell, cell};

#[derive(Clone, Debug)]
pub enum GatewayOp {
    CreateInitiator {
        init: u8,
    },
    RevokeInitiator {
        init: u8,
    },
    CreateMerchant(Shop),
    UpdateMerchant {
        merc: u8,
        init: Option<u8>,
        kind: Option<u8>,
        confirmed: Option<bool>,
        pid: Option<Option<u8>>,
    },
    /// With each merchant, whether its PID stays as it was.
    Import {
        shops: Vec<(Shop, bool)>,
    },
    /// Who may hand a coupon activity out.
    Permit {
        activity: u8,
        inits: Vec<u8>,
        pids: Vec<u8>,
    },
    Upload {
        init: u8,
        content: u8,
    },
    /// All there are, and one there is not, if they are so old.
    RemovePhotos {
        age_s: i64,
    },
    Enrol(Paper),
    Decide {
        nth: usize,
        approve: bool,
        /// None of them is a reason that is too short.
        reason: u8,
        by: u8,
    },
    Consult(Question),
    /// A call that is answered once.
    Call {
        req: u8,
        asks: Asks,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub struct Shop {
    pub merc: u8,
    pub init: u8,
    pub kind: u8,
    pub confirmed: bool,
    pub pid: Option<u8>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    pub init: u8,
    pub pid: Option<u8>,
    pub user: u8,
    pub activities: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Asks {
    Enrol(Paper),
    Consult(Question),
}

impl Asks {
    pub fn init(&self) -> u8 {
        match self {
            Self::Enrol(paper) => paper.init,
            Self::Consult(question) => question.init,
        }
    }
}

/// An enrolment. Its photos are filled in as the table says for the merchant that was there before
/// the batch, and then spoilt.
#[derive(Clone, Debug, PartialEq)]
pub struct Paper {
    pub init: u8,
    pub merc: u8,
    pub canteen: bool,
    pub remark: bool,
    pub third: bool,
    /// Which photos it starts to take from.
    pub first: usize,
    pub spoilt: Spoilt,
    pub photos: BTreeMap<PhotoField, Vec<Id>>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Spoilt {
    Not,
    /// Without what this field must carry.
    Lacks(usize),
    /// With a photo in this field.
    Adds(usize),
    /// With six of them.
    Six(usize),
    /// With a photo that is not there.
    Stray(usize),
    /// With an empty list in this field.
    Empty(usize),
}

impl Paper {
    pub fn activity(&self) -> RateActivity {
        if self.canteen { RateActivity::SchoolCanteen } else { RateActivity::Education }
    }

    pub fn key(&self) -> EnrolmentKey {
        EnrolmentKey { merc_id: merc_id(self.merc), activity: self.activity() }
    }

    fn filled_in(mut self, known: &Known) -> Self {
        let kind = known.shops.get(&self.merc).copied().unwrap_or(MerchantKind::Enterprise);
        let own: Vec<Id> = known
            .pictures
            .iter()
            .filter(|(_, init)| *init == self.init)
            .map(|(id, _)| *id)
            .collect();
        let mut next = self.first;
        let mut photo = || {
            next += 1;
            if own.is_empty() { Id(7) } else { own[next % own.len()] }
        };
        for field in PhotoField::ALL {
            if cell(self.activity(), kind, field) == Cell::Must {
                self.photos.insert(field, vec![photo()]);
            }
        }
        let field = |nth: usize| PhotoField::ALL[nth % PhotoField::ALL.len()];
        match self.spoilt {
            Spoilt::Not => {}
            Spoilt::Lacks(nth) => drop(self.photos.remove(&field(nth))),
            Spoilt::Adds(nth) => drop(self.photos.insert(field(nth), vec![photo()])),
            Spoilt::Six(nth) => drop(self.photos.insert(field(nth), vec![photo(); 6])),
            Spoilt::Empty(nth) => drop(self.photos.insert(field(nth), Vec::new())),
            Spoilt::Stray(nth) => {
                let stray = known.pictures.get(nth).map_or(Id(7), |(id, _)| *id);
                if let Some(mut first) = self.photos.first_entry() {
                    first.get_mut().push(stray);
                }
            }
        }
        if self.remark {
            self.photos.insert(PhotoField::Supplementary, vec![photo(), photo()]);
        }
        self
    }
}

impl GatewayOp {
    pub fn aimed(&self, known: &Known) -> Self {
        match self.clone() {
            Self::Decide { nth, approve, reason, by } => {
                Self::Decide { nth: aim(nth, known.filed.len()), approve, reason, by }
            }
            Self::Enrol(paper) => Self::Enrol(paper.filled_in(known)),
            Self::Call { req, asks } => match known.asked.get(&(asks.init(), req)) {
                // Half of the numbers that were used are used again for the same.
                Some(before) if req.is_multiple_of(2) => Self::Call { req, asks: before.clone() },
                _ => match asks {
                    Asks::Enrol(paper) => {
                        Self::Call { req, asks: Asks::Enrol(paper.filled_in(known)) }
                    }
                    asks @ Asks::Consult(_) => Self::Call { req, asks },
                },
            },
            other => other,
        }
    }
}

/// Two initiators with four merchants and a few photos, who may hand out some of the coupons.
pub fn gateway_world() -> impl Strategy<Value = Vec<Op>> {
    prop::collection::vec(0..6_u8, 4).prop_map(|kinds| {
        let mut ops =
            vec![GatewayOp::CreateInitiator { init: 0 }, GatewayOp::CreateInitiator { init: 1 }];
        for (merc, kind) in (0..).zip(kinds) {
            let init = u8::from(merc == 3);
            let pid = (merc < 2).then_some(merc);
            ops.push(GatewayOp::CreateMerchant(Shop { merc, init, kind, confirmed: true, pid }));
            ops.push(GatewayOp::Upload { init, content: merc });
        }
        for activity in COUPON_ACTIVITIES {
            ops.push(GatewayOp::Permit { activity, inits: vec![0, 1], pids: Vec::new() });
        }
        ops.into_iter().map(Op::Gateway).collect()
    })
}

pub fn gateway_op() -> impl Strategy<Value = GatewayOp> {
    let init = || select(vec![0, 0, 0, 0, 1, 1, 2]);
    let confirmed = prop::option::of(prop::bool::weighted(0.7));
    let kind = prop::option::of(0..6_u8);
    let pid = prop::option::weighted(0.3, prop::option::of(0..3_u8));
    prop_oneof![
        1 => (0..3_u8).prop_map(|init| GatewayOp::CreateInitiator { init }),
        1 => prop::bool::weighted(0.1)
            .prop_map(|last| GatewayOp::RevokeInitiator { init: if last { 1 } else { 2 } }),
        6 => shop().prop_map(GatewayOp::CreateMerchant),
        6 => (0..5_u8, prop::option::weighted(0.2, init()), kind, confirmed, pid)
            .prop_map(|(merc, init, kind, confirmed, pid)| GatewayOp::UpdateMerchant {
                merc, init, kind, confirmed, pid
            }),
        2 => prop::collection::vec((shop(), any::<bool>()), 0..4)
            .prop_map(|shops| GatewayOp::Import { shops }),
        3 => permit(),
        8 => (init(), 0..4_u8).prop_map(|(init, content)| GatewayOp::Upload { init, content }),
        3 => select(vec![0, 1, 30, HOUR]).prop_map(|age_s| GatewayOp::RemovePhotos { age_s }),
        20 => paper().prop_map(GatewayOp::Enrol),
        10 => (0..32_usize, prop::bool::weighted(0.3), 0..3_u8, 0..2_u8)
            .prop_map(|(nth, approve, reason, by)| GatewayOp::Decide { nth, approve, reason, by }),
        36 => question().prop_map(GatewayOp::Consult),
        12 => (0..8_u8, asks()).prop_map(|(req, asks)| GatewayOp::Call { req, asks }),
    ]
}

fn asks() -> impl Strategy<Value = Asks> {
    prop_oneof![paper().prop_map(Asks::Enrol), question().prop_map(Asks::Consult)]
}

fn shop() -> impl Strategy<Value = Shop> {
    let confirmed = prop::bool::weighted(0.8);
    (0..6_u8, 0..3_u8, 0..6_u8, confirmed, prop::option::weighted(0.4, 0..3_u8))
        .prop_map(|(merc, init, kind, confirmed, pid)| Shop { merc, init, kind, confirmed, pid })
}

fn permit() -> impl Strategy<Value = GatewayOp> {
    let inits = select(vec![vec![0, 1], vec![0, 1], vec![0, 1], vec![0], vec![], vec![0, 2]]);
    let pids = select(vec![vec![], vec![], vec![], vec![0], vec![0, 1], vec![2]]);
    (COUPON_ACTIVITIES, inits, pids).prop_map(|(activity, inits, pids)| GatewayOp::Permit {
        activity,
        inits,
        pids,
    })
}

fn paper() -> impl Strategy<Value = Paper> {
    // Mostly an initiator's own merchant.
    let own = select(vec![(0, 0), (0, 1), (0, 2), (1, 3)]);
    let who = prop_oneof![10 => own, 1 => select(vec![(0, 3), (1, 4), (2, 0)])];
    let nth = || 0..10_usize;
    let spoilt = prop_oneof![
        12 => Just(Spoilt::Not),
        2 => nth().prop_map(Spoilt::Lacks),
        1 => nth().prop_map(Spoilt::Adds),
        1 => nth().prop_map(Spoilt::Six),
        1 => nth().prop_map(Spoilt::Stray),
        1 => nth().prop_map(Spoilt::Empty),
    ];
    let often = || prop::bool::weighted(0.9);
    (who, any::<bool>(), prop::bool::weighted(0.2), often(), 0..32_usize, spoilt).prop_map(
        |((init, merc), canteen, remark, third, first, spoilt)| Paper {
            init,
            merc,
            canteen,
            remark,
            third,
            first,
            spoilt,
            photos: BTreeMap::new(),
        },
    )
}

fn question() -> impl Strategy<Value = Question> {
    let own = select(vec![(0, Some(0)), (0, Some(1)), (0, None), (0, None), (1, None), (1, None)]);
    let strange = select(vec![(1, Some(0)), (2, None), (0, Some(2))]);
    let who = prop_oneof![14 => own, 1 => strange];
    // Mostly coupons, now and then a donation activity.
    let activities = prop::collection::vec(select(vec![4, 4, 4, 4, 5, 5, 5, 6, 7, 0]), 1..4);
    (who, 0..3_u8, activities).prop_map(|((init, pid), user, activities)| Question {
        init,
        pid,
        user,
        activities,
    })
}

pub fn cert_id(number: u8) -> CertId {
    crate::gateway_scene::cert_id(number)
}

pub fn merc_id(number: u8) -> MercId {
    crate::gateway_scene::merc_id(number)
}

pub fn pid_of(number: u8) -> AlipayPid {
    crate::gateway_scene::alipay_pid(number)
}

pub fn request_key(init: u8, req: u8) -> RequestKey {
    RequestKey { cert_id: cert_id(init), req_id: format!("request-{req}").into() }
}
