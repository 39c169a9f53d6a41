//! Many merchants at once, as from a file.

use serde::Serialize;
use thiserror::Error;

use super::{Merchant, MerchantKind, MerchantRefusal, check_pid};
use crate::{AlipayPid, Audited, CertId, Command, MercId, Wanted, World};

/// How many merchants one command takes in.
pub const IMPORT_ROWS_MAX: usize = 1_000;

/// A merchant as a file gives it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MerchantRow {
    /// Its number.
    pub merc_id: MercId,
    /// Whose it is.
    pub cert_id: CertId,
    /// Its name.
    pub name: String,
    /// What kind it is.
    pub kind: MerchantKind,
    /// Whether it has confirmed that it wants an account.
    pub intent_confirmed: bool,
    /// What Alipay knows it as; `Some(None)`: not at all, `None`: as before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alipay_pid: Option<Option<AlipayPid>>,
}

/// What became of one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Imported {
    /// The merchant is new.
    Created,
    /// It was there, and is now as the row says.
    Updated,
    /// It was there just so.
    Unchanged,
    /// Nothing was done; the other rows went on.
    Refused(MerchantRefusal),
}

/// Why nothing was imported at all.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ImportRefusal {
    /// There are no rows, or too many.
    #[error("an import has 1 to {IMPORT_ROWS_MAX} rows")]
    Rows,
}

/// Takes in merchants, or brings those that are there in line. Rows are taken in order, each by
/// itself. Done tells what became of each.
#[derive(Clone, Debug, Serialize)]
pub struct ImportMerchants {
    /// The merchants.
    pub rows: Vec<MerchantRow>,
}

impl Command for ImportMerchants {
    type Done = Vec<Imported>;
    type Refusal = ImportRefusal;

    fn wants<'a>(&'a self, wanted: &mut Wanted<'a>) {
        for row in &self.rows {
            wanted.merchants.insert(&row.merc_id);
            wanted.initiators.insert(&row.cert_id);
            wanted.alipay_pids.extend(row.alipay_pid.iter().flatten());
        }
    }

    fn decide(&self, world: &mut World) -> Result<Vec<Imported>, ImportRefusal> {
        if !(1..=IMPORT_ROWS_MAX).contains(&self.rows.len()) {
            return Err(ImportRefusal::Rows);
        }
        Ok(self.rows.iter().map(|row| row.take_in(world)).collect())
    }
}

impl MerchantRow {
    fn take_in(&self, world: &mut World) -> Imported {
        let before = world.merchants.get(&self.merc_id);
        if before.is_some_and(|before| before.cert_id != self.cert_id) {
            return Imported::Refused(MerchantRefusal::OtherInitiator(self.merc_id.clone()));
        }
        let pid_before = before.and_then(|before| before.alipay_pid.as_ref());
        let merchant = Merchant {
            merc_id: self.merc_id.clone(),
            cert_id: self.cert_id.clone(),
            name: self.name.clone(),
            kind: self.kind,
            intent_confirmed: self.intent_confirmed,
            alipay_pid: self.alipay_pid.clone().unwrap_or_else(|| pid_before.cloned()),
            created_at: before.map_or(world.now, |before| before.created_at),
        };
        let is_new = before.is_none();
        if before == Some(&merchant) {
            return Imported::Unchanged;
        }
        if is_new && !crate::initiator::is_active(world, &self.cert_id) {
            return Imported::Refused(MerchantRefusal::UnknownInitiator(self.cert_id.clone()));
        }
        let pid = merchant.alipay_pid.as_ref();
        if let Err(refusal) = check_pid(world, &self.cert_id, Some(&self.merc_id), pid) {
            return Imported::Refused(refusal);
        }
        world.put_merchant(merchant);
        if is_new { Imported::Created } else { Imported::Updated }
    }
}

impl Audited for ImportMerchants {
    const ACTION: &'static str = "merchant.import";

    /// The first that was taken in, as the log names one thing.
    fn subject(&self, done: &Vec<Imported>) -> String {
        let mut rows = self.rows.iter().zip(done);
        let first = rows.find(|(_, became)| became.changed());
        first.map(|(row, _)| row.merc_id.to_string()).unwrap_or_default()
    }

    fn detail(&self) -> String {
        crate::audit::json(self)
    }

    fn is_change(&self, done: &Vec<Imported>) -> bool {
        done.iter().any(Imported::changed)
    }
}

impl Imported {
    fn changed(&self) -> bool {
        matches!(self, Self::Created | Self::Updated)
    }
}
