//! What every batch goes by and seldom changes, kept from batch to batch by a node of several. Whoever
//! changes any of it waits for the batches under way and raises a number; a batch that finds it risen
//! begins with nothing.

use std::collections::HashMap;
use std::hash::Hash;

use huodong_campaign::{
    Activity, ActivityNo, AppId, Application, Bid, BidGrant, CertId, Initiator, Institution,
    InstitutionId, OrgNo, Organization, Project, ProjectNo,
};

use super::Loader;
use crate::StoreError;
use crate::sql::{Cell, Lock, Row, many};

/// So many rows of a kind are kept; beyond that it begins anew.
const ROWS_MAX: usize = 20_000;

/// Rows by the name they are asked for by.
#[derive(Default)]
pub(crate) struct Cache {
    /// Those of donations: of the others the stock changes with every coupon.
    pub(super) activities: HashMap<ActivityNo, Activity>,
    pub(super) projects: HashMap<ProjectNo, Project>,
    pub(super) organizations: HashMap<OrgNo, Organization>,
    pub(super) applications: HashMap<AppId, Application>,
    pub(super) bids: HashMap<Bid, BidGrant>,
    pub(super) institutions: HashMap<InstitutionId, Institution>,
    pub(super) initiators: HashMap<CertId, Initiator>,
}

/// One kind of row: where it is kept, how it is asked for, and what it is called.
pub(super) struct Kept<K, T> {
    pub(super) part: fn(&mut Cache) -> &mut HashMap<K, T>,
    pub(super) select: &'static str,
    pub(super) column: &'static str,
    pub(super) map: fn(Row<'_>) -> Result<(i64, T), StoreError>,
    pub(super) name: fn(&T) -> Option<&K>,
}

impl Loader<'_> {
    /// The rows of these names, as many as are there.
    pub(super) fn known<'k, K: Clone + Eq + Hash + 'k, T: Clone>(
        &mut self,
        wanted: impl Iterator<Item = &'k K>,
        text: fn(&K) -> &str,
        kept: &Kept<K, T>,
    ) -> Result<Vec<T>, StoreError> {
        let mut found = Vec::new();
        let mut missing = Vec::new();
        let mut table = self.cache.as_deref_mut().map(kept.part);
        for name in wanted {
            match table.as_ref().and_then(|table| table.get(name)) {
                Some(row) => found.push(row.clone()),
                None => missing.push(Cell::Text(text(name))),
            }
        }
        let read = many(self.conn, kept.select, kept.column, &missing, Lock::No, kept.map)?;
        for (_, row) in read {
            if let Some(table) = &mut table
                && let Some(name) = (kept.name)(&row)
            {
                if table.len() >= ROWS_MAX {
                    table.clear();
                }
                table.insert(name.clone(), row.clone());
            }
            found.push(row);
        }
        Ok(found)
    }
}
