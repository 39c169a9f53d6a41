//! Operator tokens and the audit log.

use huodong_campaign::{AuditEntry, OperatorToken};

use super::super::rows;
use super::Reader;
use super::paging::{List, Scan};
use crate::{AuditFilter, Page, PageRequest, StoreError};

impl Reader {
    /// Audit entries.
    pub fn audit_log(
        &self,
        filter: &AuditFilter,
        page: PageRequest,
    ) -> Result<Page<AuditEntry>, StoreError> {
        let mut list = List::new(rows::AUDIT, "id");
        list.text("actor = ?", filter.actor.as_deref())
            .text("action = ?", filter.action.as_deref())
            .text("subject = ?", filter.subject.as_deref());
        list.scan(&*self.conn()?, page, Scan::all("audit"), rows::audit)
    }

    /// The token with this digest, whether or not it is still good.
    pub fn token_by_digest(&self, digest: &[u8; 32]) -> Result<Option<OperatorToken>, StoreError> {
        self.one(&format!("{} WHERE digest = ?1", rows::TOKENS), [digest], rows::token)
    }

    /// Every token, by name.
    pub fn tokens(&self) -> Result<Vec<OperatorToken>, StoreError> {
        let conn = self.conn()?;
        let mut select = conn.prepare(&format!("{} ORDER BY name", rows::TOKENS))?;
        let tokens = select.query_and_then((), rows::token)?;
        tokens.map(|found| found.map(|(_, token)| token)).collect()
    }
}
