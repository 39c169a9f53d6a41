use std::collections::BTreeMap;

use huodong_campaign::{AccountId, World};

use super::super::columns::Coded;
use super::{Saver, parted};
use crate::StoreError;
use crate::postgres::{Array, all_or_again};
use crate::sql::{Connection, Expected, insert, update};

impl Saver<'_> {
    pub(super) fn new_accounts(&self, world: &World) -> Result<(), StoreError> {
        let (new, _) = parted(&world.accounts, |account| account.id);
        insert(self.conn, "accounts", "id, kind, owner, balance", &new, |bind, row| {
            let account = &row.value;
            bind.next(account.id.0)?;
            bind.next(account.kind.code())?;
            bind.next(&account.owner)?;
            bind.next(account.balance.0)
        })
    }

    pub(super) fn balances(&self, world: &World) -> Result<(), StoreError> {
        let (_, changed) = parted(&world.accounts, |account| account.id);
        if changed.is_empty() {
            return Ok(());
        }
        if let Connection::Postgres(_) = self.conn {
            return self.moved(world, changed.iter().map(|row| row.value.id));
        }
        update(self.conn, "an account", "accounts", "id, balance", &changed, |bind, row| {
            bind.next(row.value.id.0)?;
            bind.next(row.value.balance.0)
        })
    }

    /// Other nodes move money to and from the same accounts, so it is added and taken away. Where
    /// too little is left by now, what was decided does not hold, and is decided again.
    fn moved(
        &self,
        world: &World,
        accounts: impl Iterator<Item = AccountId>,
    ) -> Result<(), StoreError> {
        let mut moved: BTreeMap<AccountId, i64> = accounts.map(|account| (account, 0)).collect();
        for transfer in &world.transfers {
            let amount = transfer.amount.0;
            moved.entry(transfer.from).and_modify(|moved| *moved -= amount);
            moved.entry(transfer.to).and_modify(|moved| *moved += amount);
        }
        let ids = Array::Ints(moved.keys().map(|id| Some(id.0)).collect());
        let amounts = Array::Ints(moved.values().copied().map(Some).collect());
        let conn = self.conn.postgres();
        // In one order everywhere, so that two batches do not wait for each other.
        conn.queue(
            "SELECT id FROM accounts WHERE id = ANY(CAST($1 AS BIGINT[])) ORDER BY id FOR UPDATE",
            vec![ids.clone()],
            Expected::Any,
        )?;
        let covered = all_or_again(
            "UPDATE accounts SET balance = balance + v.moved \
             FROM unnest(CAST($1 AS BIGINT[]), CAST($2 AS BIGINT[])) AS v (id, moved) \
             WHERE accounts.id = v.id AND (balance + v.moved >= 0 OR accounts.id = 1)",
            "array_length($1, 1)",
            "an account has less than it had",
        );
        conn.queue(&covered, vec![ids, amounts], Expected::Any)
    }
}
