//! What should become of what initiators ask for.

use std::collections::{BTreeMap, BTreeSet};

use huodong_campaign::ConsultResult::{
    NotPermitted, NotStarted, Other, OutOfBudget, OverLimit, Success,
};
use huodong_campaign::*;

use super::{Model, Verdict, refuse_if};
use crate::commands::{Done, reviewer};
use crate::memory::Memory;
use crate::photo_matrix::{Cell, cell};
use crate::script::*;

/// All that has to do with initiators.
#[derive(Default)]
pub(super) struct Gateway {
    /// Whether each was revoked.
    inits: BTreeMap<u8, bool>,
    shops: BTreeMap<u8, Shop>,
    pictures: Vec<Picture>,
    filed: Vec<Filed>,
    /// Who may hand an activity out.
    permits: BTreeMap<u8, (Vec<u8>, Vec<u8>)>,
    /// What was asked, and what was answered.
    calls: BTreeMap<(u8, u8), (Asks, Box<str>)>,
}

struct Picture {
    id: Id,
    init: u8,
    content: u8,
    at: i64,
    gone: bool,
}

struct Filed {
    id: Id,
    paper: Paper,
    kind: u8,
    /// What, by whom, and why.
    decided: Option<(EnrolmentStatus, u8, Option<&'static str>)>,
}

impl Filed {
    fn status(&self) -> EnrolmentStatus {
        self.decided.map_or(EnrolmentStatus::Pending, |(status, ..)| status)
    }

    fn names(&self, photo: Id) -> bool {
        self.paper.photos.values().flatten().any(|id| *id == photo)
    }
}

fn decision(approve: bool, reason: u8) -> (EnrolmentStatus, Option<&'static str>) {
    if approve {
        (EnrolmentStatus::Approved, None)
    } else {
        (EnrolmentStatus::Rejected, Some(["", "blurred", "unreadable"][usize::from(reason)]))
    }
}

impl Shop {
    /// A PID stays with the initiator it is of.
    fn pass_to(&mut self, init: Option<u8>, pid: Option<Option<u8>>) {
        let stays = init.is_none_or(|init| init == self.init);
        let kept = if stays { self.pid } else { None };
        self.init = init.unwrap_or(self.init);
        self.pid = pid.unwrap_or(kept);
    }
}

impl Model {
    pub(super) fn know_gateway(&self, known: &mut Known) {
        let Gateway { shops, pictures, filed, calls, .. } = &self.gateway;
        let kind = |shop: &Shop| MerchantKind::from_number(shop.kind).unwrap();
        known.shops = shops.iter().map(|(merc, shop)| (*merc, kind(shop))).collect();
        let there = pictures.iter().filter(|picture| !picture.gone);
        known.pictures = there.map(|picture| (picture.id, picture.init)).collect();
        known.filed = filed.iter().map(|filed| filed.id).collect();
        known.asked = calls.iter().map(|(key, (asks, _))| (*key, asks.clone())).collect();
    }

    pub(super) fn expect_gateway(&self, op: &GatewayOp, known: &Known) -> Verdict {
        let Gateway { inits, shops, filed, .. } = &self.gateway;
        match op {
            GatewayOp::CreateInitiator { init } => {
                refuse_if(&[(inits.contains_key(init), "Taken")])
            }
            GatewayOp::RevokeInitiator { init } => {
                refuse_if(&[(*inits.get(init).ok_or("Unknown")?, "Revoked")])
            }
            GatewayOp::CreateMerchant(shop) => {
                refuse_if(&[(shops.contains_key(&shop.merc), "Taken")])?;
                self.expect_shop(shop)
            }
            GatewayOp::UpdateMerchant { merc, init, pid, .. } => {
                let shop = shops.get(merc).ok_or("Unknown")?;
                let mut after = shop.clone();
                after.pass_to(*init, *pid);
                if after.init != shop.init {
                    self.let_in(after.init)?;
                }
                refuse_if(&[(self.has_pid(&after), "PidTaken")])
            }
            GatewayOp::Import { shops } => refuse_if(&[(shops.is_empty(), "Rows")]),
            GatewayOp::Permit { activity, inits: named, .. } => {
                self.living(*activity)?;
                refuse_if(&[(!self.counters.contains_key(activity), "OtherKind")])?;
                let unknown = named.iter().any(|init| !inits.contains_key(init));
                refuse_if(&[(unknown, "UnknownInitiator")])
            }
            GatewayOp::Upload { init, .. } => self.let_in(*init),
            GatewayOp::RemovePhotos { .. } => Ok(()),
            GatewayOp::Enrol(paper) => self.expect_paper(paper),
            GatewayOp::Decide { nth, approve, reason, by } => {
                let id = known.filed.get(*nth).ok_or("Unknown")?;
                let filed = filed.iter().find(|filed| filed.id == *id).unwrap();
                let (status, reason) = decision(*approve, *reason);
                match filed.decided {
                    Some(before) => {
                        refuse_if(&[(before != (status, *by, reason), "AlreadyDecided")])
                    }
                    None => refuse_if(&[(reason == Some(""), "Reason")]),
                }
            }
            GatewayOp::Consult(question) => self.expect_question(question).map(drop),
            GatewayOp::Call { req, asks } => {
                self.let_in(asks.init())?;
                let before = self.gateway.calls.get(&(asks.init(), *req));
                refuse_if(&[(before.is_some_and(|(before, _)| before != asks), "ReqIdReused")])
            }
        }
    }

    fn let_in(&self, init: u8) -> Verdict {
        refuse_if(&[(self.gateway.inits.get(&init) != Some(&false), "UnknownInitiator")])
    }

    /// Whether another merchant of the same initiator has the PID that this one is to have.
    fn has_pid(&self, shop: &Shop) -> bool {
        let mut shops = self.gateway.shops.values();
        shop.pid.is_some()
            && shops.any(|other| {
                (other.pid, other.init) == (shop.pid, shop.init) && other.merc != shop.merc
            })
    }

    fn expect_shop(&self, shop: &Shop) -> Verdict {
        self.let_in(shop.init)?;
        refuse_if(&[(self.has_pid(shop), "PidTaken")])
    }

    fn expect_paper(&self, paper: &Paper) -> Verdict {
        let Gateway { shops, pictures, filed, .. } = &self.gateway;
        self.let_in(paper.init)?;
        let carries = |field| paper.photos.get(&field).is_some_and(|ids| !ids.is_empty());
        let crowded = paper.photos.values().any(|ids| ids.len() > 5);
        refuse_if(&[(crowded, "TooManyPhotos")])?;
        let shop = shops.get(&paper.merc).filter(|shop| shop.init == paper.init);
        let shop = shop.ok_or("UnknownMerchant")?;
        refuse_if(&[(!shop.confirmed, "IntentNotConfirmed")])?;
        let kind = MerchantKind::from_number(shop.kind).unwrap();
        for field in PhotoField::ALL {
            let cell = cell(paper.activity(), kind, field);
            refuse_if(&[
                (cell == Cell::Refused, "KindExcluded"),
                (cell == Cell::Must && !carries(field), "PhotoMissing"),
                (cell == Cell::MustNot && carries(field), "PhotoOutOfPlace"),
            ])?;
        }
        let supplement = carries(PhotoField::Supplementary);
        let own = |id: &Id| {
            pictures.iter().any(|it| (it.id, it.init, it.gone) == (*id, paper.init, false))
        };
        let living = filed.iter().any(|filed| {
            filed.paper.key() == paper.key() && filed.status() != EnrolmentStatus::Rejected
        });
        refuse_if(&[
            (supplement && !paper.remark, "RemarkMissing"),
            (paper.remark && !supplement, "SupplementaryMissing"),
            (!paper.third, "NoThirdMercId"),
            (!paper.photos.values().flatten().all(own), "UnknownPhoto"),
            (living, "Enrolled"),
        ])
    }

    fn expect_question(&self, question: &Question) -> Result<Vec<ConsultResult>, &'static str> {
        self.let_in(question.init)?;
        let mut shops = self.gateway.shops.values();
        let own = shops.any(|shop| shop.pid == question.pid && shop.init == question.init);
        refuse_if(&[(question.pid.is_some() && !own, "UnknownMerchant")])?;
        question.activities.iter().map(|activity| self.answer(question, *activity)).collect()
    }

    /// What is true of one activity, found out as for an order.
    fn answer(&self, question: &Question, activity: u8) -> Result<ConsultResult, &'static str> {
        let campaign = self.activities.get(&activity);
        let Some((campaign, counter)) = campaign.zip(self.counters.get(&activity)) else {
            return Ok(Other);
        };
        let ask = Ask {
            inst: 0,
            key: 0,
            activity,
            promotion: true,
            owner: 0,
            prefix: 0,
            user: question.user,
            post: None,
            notify: 0,
        };
        let stands = self.stands_against(&ask, campaign, counter);
        let nobody = (Vec::new(), Vec::new());
        let (inits, pids) = self.gateway.permits.get(&activity).unwrap_or(&nobody);
        let named = pids.is_empty() || question.pid.is_some_and(|pid| pids.contains(&pid));
        let permitted = inits.contains(&question.init) && named;
        match stands {
            Some(FailReason::Over) => Ok(Other),
            _ if !permitted => Ok(NotPermitted),
            Some(FailReason::NotStarted) => Ok(NotStarted),
            Some(FailReason::OutOfStock | FailReason::OutOfMoney) => Ok(OutOfBudget),
            Some(FailReason::Limit(_)) => Ok(OverLimit),
            Some(FailReason::Channel) => Err("ChannelRefuses"),
            None => match counter.mood {
                Mood::Well => Ok(Success),
                Mood::Unavailable => Err("ChannelUnavailable"),
                Mood::Fails | Mood::Refuses => Err("ChannelRefuses"),
            },
        }
    }

    pub(super) fn take_in_gateway(&mut self, op: &GatewayOp, known: &Known, done: &Done) {
        let now = self.now;
        match (op, done) {
            (GatewayOp::CreateInitiator { init }, _) => {
                self.gateway.inits.insert(*init, false);
            }
            (GatewayOp::RevokeInitiator { init }, _) => {
                self.gateway.inits.insert(*init, true);
            }
            (GatewayOp::CreateMerchant(shop), _) => {
                self.gateway.shops.insert(shop.merc, shop.clone());
            }
            (GatewayOp::UpdateMerchant { merc, init, kind, confirmed, pid }, _) => {
                let shop = self.gateway.shops.get_mut(merc).unwrap();
                shop.kind = kind.unwrap_or(shop.kind);
                shop.confirmed = confirmed.unwrap_or(shop.confirmed);
                shop.pass_to(*init, *pid);
            }
            (GatewayOp::Import { shops }, Done::Imported(told)) => {
                assert_eq!(told.len(), shops.len());
                for ((shop, keeps_pid), told) in shops.iter().zip(told) {
                    self.take_in_row(shop, *keeps_pid, told);
                }
            }
            (GatewayOp::Permit { activity, inits, pids }, _) => {
                self.gateway.permits.insert(*activity, (inits.clone(), pids.clone()));
            }
            (GatewayOp::Upload { init, content }, Done::Uploaded(photo)) => {
                let (id, init, content) = (photo.id, *init, *content);
                self.gateway.pictures.push(Picture { id, init, content, at: now, gone: false });
            }
            (GatewayOp::RemovePhotos { age_s }, Done::Counted(removed)) => {
                let Gateway { pictures, filed, .. } = &mut self.gateway;
                let orphans = pictures.iter_mut().filter(|picture| {
                    let asked = known.pictures.iter().any(|(id, _)| *id == picture.id);
                    let old = picture.at <= now - age_s;
                    let named = filed.iter().any(|filed| filed.names(picture.id));
                    asked && old && !picture.gone && !named
                });
                let gone = orphans.map(|picture| picture.gone = true).count();
                assert_eq!(usize::try_from(*removed).unwrap(), gone);
            }
            (GatewayOp::Enrol(paper), Done::Enrolled(enrolment)) => {
                assert_eq!(enrolment.status, EnrolmentStatus::Pending);
                self.file(paper, enrolment.id);
            }
            (GatewayOp::Decide { nth, approve, reason, by }, Done::Decided(done)) => {
                let (status, reason) = decision(*approve, *reason);
                let mut filed = self.gateway.filed.iter_mut();
                let filed = filed.find(|filed| filed.id == known.filed[*nth]).unwrap();
                assert_eq!(done.repeated, filed.decided.is_some());
                filed.decided = Some((status, *by, reason));
            }
            (GatewayOp::Consult(question), Done::Consulted(told)) => {
                assert_eq!(self.expect_question(question), Ok(told.clone()));
            }
            (GatewayOp::Call { req, asks }, Done::Answered(told)) => {
                self.take_in_call(*req, asks, told);
            }
            _ => panic!("{op:?} was answered with {done:?}"),
        }
    }

    fn take_in_row(&mut self, shop: &Shop, keeps_pid: bool, told: &Imported) {
        let before = self.gateway.shops.get(&shop.merc);
        let pid = if keeps_pid { before.and_then(|before| before.pid) } else { shop.pid };
        let shop = &Shop { pid, ..shop.clone() };
        let verdict = match before {
            Some(before) if before.init != shop.init => Err("OtherInitiator"),
            Some(before) if before == shop => Ok(Imported::Unchanged),
            Some(_) => refuse_if(&[(self.has_pid(shop), "PidTaken")]).map(|()| Imported::Updated),
            None => self.expect_shop(shop).map(|()| Imported::Created),
        };
        match verdict {
            Err(reason) => assert!(format!("{told:?}").starts_with(&format!("Refused({reason}"))),
            Ok(became) => {
                assert_eq!(*told, became);
                self.gateway.shops.insert(shop.merc, shop.clone());
            }
        }
    }

    fn file(&mut self, paper: &Paper, id: Id) {
        let Gateway { shops, filed, .. } = &mut self.gateway;
        assert!(filed.iter().all(|other| other.id < id), "numbers only rise");
        let mut paper = paper.clone();
        paper.photos.retain(|_, ids| !ids.is_empty());
        filed.push(Filed { id, kind: shops[&paper.merc].kind, paper, decided: None });
    }

    fn take_in_call(&mut self, req: u8, asks: &Asks, told: &Answered) {
        let key = (asks.init(), req);
        if let Some((_, answer)) = self.gateway.calls.get(&key) {
            assert_eq!((&told.answer, told.repeated), (answer, true), "one call, one answer");
            return;
        }
        assert!(!told.repeated);
        match asks {
            Asks::Enrol(paper) => match self.expect_paper(paper) {
                Ok(()) => {
                    let id = told.answer.strip_prefix("enrolled ").unwrap();
                    self.file(paper, Id(id.parse().unwrap()));
                }
                Err(reason) => assert!(told.answer.starts_with(reason), "{told:?}, not {reason}"),
            },
            Asks::Consult(question) => match self.expect_question(question) {
                Ok(results) => assert_eq!(*told.answer, format!("{results:?}")),
                Err(reason) => {
                    assert!(told.answer.starts_with(reason), "{told:?}, not {reason}");
                    if reason == "ChannelUnavailable" {
                        return;
                    }
                }
            },
        }
        self.gateway.calls.insert(key, (asks.clone(), told.answer.clone()));
    }

    pub(super) fn check_gateway(&self, stored: &Memory) {
        let Gateway { inits, shops, pictures, filed, permits, calls } = &self.gateway;
        let revoked = |row: &Initiator| row.status == InitiatorStatus::Revoked;
        assert_eq!(stored.initiators.len(), inits.len());
        for (init, gone) in inits {
            assert_eq!(revoked(&stored.initiators[&cert_id(*init)]), *gone);
        }
        assert_eq!(stored.merchants.len(), shops.len());
        for (merc, shop) in shops {
            let row = &stored.merchants[&merc_id(*merc)];
            let told = (row.kind.number(), row.intent_confirmed, row.alipay_pid.clone());
            assert_eq!(told, (shop.kind, shop.confirmed, shop.pid.map(pid_of)), "{row:?}");
            assert_eq!(row.cert_id, cert_id(shop.init));
        }
        let there: Vec<&Picture> = pictures.iter().filter(|picture| !picture.gone).collect();
        assert_eq!(stored.photos.len(), there.len());
        for picture in &there {
            let row = &stored.photos[&picture.id];
            assert_eq!(
                (row.sha256, row.cert_id.clone()),
                ([picture.content; 32], cert_id(picture.init))
            );
            assert_eq!(row.used, filed.iter().any(|filed| filed.names(picture.id)), "{row:?}");
        }
        let contents: BTreeSet<[u8; 32]> = there.iter().map(|it| [it.content; 32]).collect();
        assert!(stored.photo_contents.keys().eq(&contents), "each once, and none left over");
        assert_eq!(stored.enrolments.len(), filed.len());
        for filed in filed {
            let row = &stored.enrolments[&filed.id];
            assert_eq!((&row.key, row.status), (&filed.paper.key(), filed.status()));
            assert_eq!(
                (&row.photos, row.merchant_kind.number()),
                (&filed.paper.photos, filed.kind)
            );
            let by = filed.decided.map(|(_, by, _)| reviewer(by));
            let reason = filed.decided.and_then(|(.., reason)| reason);
            assert_eq!((row.decided_by.clone(), row.reason.as_deref()), (by.clone(), reason));
            assert_eq!(row.decided_at.is_some(), by.is_some());
        }
        for (activity, (inits, pids)) in permits {
            let offer = stored.activities[&activity_no(*activity)].coupon.as_ref().unwrap();
            assert!(
                offer.initiators.iter().eq(&inits.iter().copied().map(cert_id).collect::<Vec<_>>())
            );
            assert!(
                offer.merchants.iter().eq(&pids.iter().copied().map(pid_of).collect::<Vec<_>>())
            );
        }
        assert_eq!(stored.gateway_requests.len(), calls.len());
        for ((init, req), (_, answer)) in calls {
            assert_eq!(stored.gateway_requests[&request_key(*init, *req)].answer, *answer);
        }
    }
}
