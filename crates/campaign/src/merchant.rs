mod import;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use import::{IMPORT_ROWS_MAX, ImportMerchants, ImportRefusal, Imported, MerchantRow};

use crate::{AlipayPid, Audited, CertId, Command, MercId, Wanted, World};

/// What kind of merchant; the numbers are the vendor's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MerchantKind {
    /// 0, 企业.
    Enterprise,
    /// 1, 小微.
    Micro,
    /// 2, 个体.
    Individual,
    /// 3, 事业单位.
    Institution,
    /// 4, 社会组织.
    SocialOrganization,
    /// 5, 政府机关.
    Government,
}

impl MerchantKind {
    /// Every kind, in the order of their numbers.
    pub const ALL: [Self; 6] = [
        Self::Enterprise,
        Self::Micro,
        Self::Individual,
        Self::Institution,
        Self::SocialOrganization,
        Self::Government,
    ];

    /// The vendor's number for it.
    pub fn number(self) -> u8 {
        match self {
            Self::Enterprise => 0,
            Self::Micro => 1,
            Self::Individual => 2,
            Self::Institution => 3,
            Self::SocialOrganization => 4,
            Self::Government => 5,
        }
    }

    /// The kind with this number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

/// A merchant of an initiator's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Merchant {
    /// Its number.
    pub merc_id: MercId,
    /// Whose it is.
    pub cert_id: CertId,
    /// Its name.
    pub name: String,
    /// What kind it is.
    pub kind: MerchantKind,
    /// Whether it has confirmed that it wants an account (开户意愿确认).
    pub intent_confirmed: bool,
    /// What Alipay knows it as; no two merchants of one initiator share one.
    pub alipay_pid: Option<AlipayPid>,
    /// When it was taken in.
    pub created_at: Timestamp,
}

/// Why a command on a merchant was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MerchantRefusal {
    /// There is one with this number.
    #[error("merc_id {0} is taken")]
    Taken(MercId),
    /// There is none with this number.
    #[error("merc_id {0} is unknown")]
    Unknown(MercId),
    /// Its initiator does not exist, or not any more.
    #[error("initiator {0} is unknown or revoked")]
    UnknownInitiator(CertId),
    /// It is another initiator's, which an import does not change.
    #[error("merc_id {0} is of another initiator")]
    OtherInitiator(MercId),
    /// Another merchant of the initiator is known to Alipay as this.
    #[error("alipay_pid {0} is taken")]
    PidTaken(AlipayPid),
}

/// Takes in a merchant.
#[derive(Clone, Debug, Serialize)]
pub struct CreateMerchant {
    /// Its number; made from the sequence where none is given.
    pub merc_id: Option<MercId>,
    /// Whose it is.
    pub cert_id: CertId,
    /// Its name.
    pub name: String,
    /// What kind it is.
    pub kind: MerchantKind,
    /// Whether it has confirmed that it wants an account.
    pub intent_confirmed: bool,
    /// What Alipay knows it as.
    pub alipay_pid: Option<AlipayPid>,
}

impl Command for CreateMerchant {
    type Done = Merchant;
    type Refusal = MerchantRefusal;

    fn wants<'a>(&'a self, wanted: &mut Wanted<'a>) {
        wanted.merchants.extend(&self.merc_id);
        wanted.initiators.insert(&self.cert_id);
        wanted.alipay_pids.extend(&self.alipay_pid);
    }

    fn decide(&self, world: &mut World) -> Result<Merchant, MerchantRefusal> {
        if let Some(merc_id) = &self.merc_id
            && world.merchants.contains(merc_id)
        {
            return Err(MerchantRefusal::Taken(merc_id.clone()));
        }
        if !crate::initiator::is_active(world, &self.cert_id) {
            return Err(MerchantRefusal::UnknownInitiator(self.cert_id.clone()));
        }
        check_pid(world, &self.cert_id, self.merc_id.as_ref(), self.alipay_pid.as_ref())?;
        let merc_id =
            self.merc_id.clone().unwrap_or_else(|| MercId::from(world.take_id().to_string()));
        let merchant = Merchant {
            merc_id,
            cert_id: self.cert_id.clone(),
            name: self.name.clone(),
            kind: self.kind,
            intent_confirmed: self.intent_confirmed,
            alipay_pid: self.alipay_pid.clone(),
            created_at: world.now,
        };
        world.put_merchant(merchant.clone());
        Ok(merchant)
    }
}

impl Audited for CreateMerchant {
    const ACTION: &'static str = "merchant.create";

    fn subject(&self, done: &Merchant) -> String {
        done.merc_id.to_string()
    }

    fn detail(&self) -> String {
        crate::audit::json(self)
    }
}

/// Changes a merchant; what is `None` stays. Enrolments that stand keep the kind they were made
/// with, and stay whose they were.
#[derive(Clone, Debug, Serialize)]
pub struct UpdateMerchant {
    /// Which.
    pub merc_id: MercId,
    /// Whose it is from now on. A PID is what one initiator's merchant is known as, so what it had
    /// goes where it is not given beside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cert_id: Option<CertId>,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What kind it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<MerchantKind>,
    /// Whether it has confirmed that it wants an account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub intent_confirmed: Option<bool>,
    /// What Alipay knows it as; `Some(None)`: not at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alipay_pid: Option<Option<AlipayPid>>,
}

impl Command for UpdateMerchant {
    type Done = Merchant;
    type Refusal = MerchantRefusal;

    fn wants<'a>(&'a self, wanted: &mut Wanted<'a>) {
        wanted.merchants.insert(&self.merc_id);
        wanted.initiators.extend(&self.cert_id);
        wanted.alipay_pids.extend(self.alipay_pid.iter().flatten());
    }

    fn decide(&self, world: &mut World) -> Result<Merchant, MerchantRefusal> {
        let merchant = world.merchants.get(&self.merc_id);
        let mut merchant =
            merchant.ok_or_else(|| MerchantRefusal::Unknown(self.merc_id.clone()))?.clone();
        if let Some(cert_id) = self.cert_id.as_ref().filter(|to| **to != merchant.cert_id) {
            if !crate::initiator::is_active(world, cert_id) {
                return Err(MerchantRefusal::UnknownInitiator(cert_id.clone()));
            }
            merchant.cert_id.clone_from(cert_id);
            merchant.alipay_pid = None;
        }
        if let Some(name) = &self.name {
            merchant.name.clone_from(name);
        }
        merchant.kind = self.kind.unwrap_or(merchant.kind);
        merchant.intent_confirmed = self.intent_confirmed.unwrap_or(merchant.intent_confirmed);
        if let Some(pid) = &self.alipay_pid {
            check_pid(world, &merchant.cert_id, Some(&self.merc_id), pid.as_ref())?;
            merchant.alipay_pid.clone_from(pid);
        }
        world.put_merchant(merchant.clone());
        Ok(merchant)
    }
}

impl Audited for UpdateMerchant {
    const ACTION: &'static str = "merchant.update";

    fn subject(&self, _done: &Merchant) -> String {
        self.merc_id.to_string()
    }

    fn detail(&self) -> String {
        crate::audit::json(self)
    }
}

/// That no other merchant of the initiator is known to Alipay as this. One business may well be a
/// merchant of several initiators.
fn check_pid(
    world: &World,
    cert_id: &CertId,
    merc_id: Option<&MercId>,
    pid: Option<&AlipayPid>,
) -> Result<(), MerchantRefusal> {
    let Some(pid) = pid else { return Ok(()) };
    match world.alipay_pids.get(&(cert_id.clone(), pid.clone())) {
        Some(other) if Some(other) != merc_id => Err(MerchantRefusal::PidTaken(pid.clone())),
        _ => Ok(()),
    }
}

impl World {
    /// Sets a merchant, and by which PID it is found.
    fn put_merchant(&mut self, merchant: Merchant) {
        let key = |it: &Merchant| Some((it.cert_id.clone(), it.alipay_pid.clone()?));
        let before = self.merchants.get(&merchant.merc_id).and_then(key);
        let after = key(&merchant);
        if before != after {
            if let Some(before) = before {
                self.alipay_pids.remove(&before);
            }
            if let Some(after) = after {
                self.alipay_pids.put(after, merchant.merc_id.clone());
            }
        }
        self.merchants.put(merchant.merc_id.clone(), merchant);
    }
}
