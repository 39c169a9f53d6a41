//! Accounts and transfers.

use huodong_campaign::{Account, AccountId, AccountKind, Fen, Id, Transfer};

use super::super::columns::coded;
use super::super::{load, rows};
use super::Reader;
use super::paging::{List, Scan};
use crate::errors::corrupt;
use crate::sql::Connection;
use crate::{AccountFilter, Page, PageRequest, StoreError, TransferFilter, TrialBalance};

impl Reader {
    /// An account by its number.
    pub fn account(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        load::account(&*self.conn()?, id)
    }

    /// Accounts.
    pub fn accounts(
        &self,
        filter: &AccountFilter,
        page: PageRequest,
    ) -> Result<Page<Account>, StoreError> {
        let mut list = List::new(rows::ACCOUNTS, "id");
        list.code("kind = ?", filter.kind).text("owner = ?", filter.owner.as_deref());
        list.page(&*self.conn()?, page, rows::account)
    }

    /// Transfers. Those of one order, and those to and from organizations, the outside and
    /// what coupons were redeemed for, are found at once; those of other accounts by looking.
    pub fn transfers(
        &self,
        filter: &TransferFilter,
        page: PageRequest,
    ) -> Result<Page<Transfer>, StoreError> {
        let conn = self.conn()?;
        let mut list = List::new(rows::TRANSFERS, "id");
        list.code("reason = ?", filter.reason).span("at", filter.from, filter.until);
        let mut indexed = false;
        if let Some(Id(order)) = filter.order {
            indexed = true;
            // Orders that were copied into a shared database are followed by their transfer as here,
            // those placed in it by the next number of their node.
            let (placing, later) = if conn.is_postgres() {
                ("id IN (CAST(? AS BIGINT) + 1, CAST(? AS BIGINT) + 256)", "NOT IN (1, 256)")
            } else {
                ("id = ? + 1", "> 1")
            };
            let condition = format!(
                "id IN (SELECT id FROM transfers WHERE {placing} AND order_id = ? \
                 UNION ALL SELECT id FROM transfers WHERE id - order_id {later} AND order_id = ?)"
            );
            list.filter(&condition, Some(order));
        }
        if let Some(AccountId(account)) = filter.account {
            if rarely_used(&conn, AccountId(account))? {
                indexed = true;
                list.filter(
                    "id IN (SELECT id FROM transfers \
                     WHERE reason NOT IN (4, 5) AND from_account = ? \
                     UNION ALL SELECT id FROM transfers \
                     WHERE reason NOT IN (4, 5) AND to_account = ?)",
                    Some(account),
                );
            } else {
                list.filter("(from_account = ? OR to_account = ?)", Some(account));
            }
        }
        if indexed {
            list.page(&conn, page, rows::transfer)
        } else {
            list.scan(&conn, page, Scan::all("transfers"), rows::transfer)
        }
    }

    /// The ledger summed up.
    pub fn trial_balance(&self) -> Result<TrialBalance, StoreError> {
        let conn = self.conn()?;
        let mut select = conn.prepare(
            "SELECT kind, count(*), CAST(sum(balance) AS BIGINT) FROM accounts GROUP BY kind ORDER BY kind",
        )?;
        let kinds = select.query_and_then((), |row| {
            let accounts = u64::try_from(row.get::<i64>(1)?);
            let accounts = accounts.map_err(|_| corrupt("a negative number of accounts"))?;
            Ok((coded(row, 0)?, accounts, Fen(row.get(2)?)))
        })?;
        let kinds = kinds.collect::<Result<Vec<_>, StoreError>>()?;
        let sum = kinds.iter().try_fold(Fen::ZERO, |sum, (_, _, fen)| sum.checked_add(*fen));
        let sum = sum.ok_or_else(|| corrupt("balances whose sum does not fit"))?;
        Ok(TrialBalance { kinds, sum })
    }
}

/// True for the kinds of account that orders do not move money from or to as they are placed or
/// paid, whose transfers have an index.
fn rarely_used(conn: &Connection, account: AccountId) -> Result<bool, StoreError> {
    let kind = load::account(conn, account)?.map(|account| account.kind);
    Ok(matches!(kind, Some(AccountKind::Outside | AccountKind::Organization | AccountKind::Spent)))
}
