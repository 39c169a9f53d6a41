//! Taking merchants in from a table.

use huodong_campaign::{Command, ImportMerchants, Imported, MerchantRow, World};
use huodong_store::{Reader, StoreError};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::table::{self, ROWS_MAX, Table, Unreadable, WrongCell};
use crate::operator::auth::{Administers, Operator};
use crate::operator::body::Csv;
use crate::operator::document::Importing;
use crate::operator::list::Asking;
use crate::operator::problem::{Kind, Problem};
use crate::operator::refusal::merchant_field;

/// Rows taken in by one command, so that others need not wait long.
const AT_ONCE: usize = 100;

/// How a table is taken in.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::operator) struct How {
    /// Only tells what would become of each row.
    #[serde(default)]
    dry_run: bool,
}

/// What became of a table.
#[derive(Default, Serialize, ToSchema)]
pub(in crate::operator) struct Import {
    /// Nothing was changed: this is what would become of it.
    dry_run: bool,
    /// Merchants that are new.
    created: u64,
    /// Merchants that are now as their rows say.
    updated: u64,
    /// Merchants that were so before.
    unchanged: u64,
    /// Rows of which nothing was taken.
    refused: u64,
    /// What is wrong with those, in order.
    refusals: Vec<RefusedCell>,
}

/// A cell of a table that is not taken, and so its row.
#[derive(Serialize, ToSchema)]
pub(in crate::operator) struct RefusedCell {
    /// The row, as a spreadsheet numbers it: the header's is 1.
    #[schema(example = 7)]
    row: u64,
    /// The column.
    #[schema(example = "type")]
    column: &'static str,
    /// What is wrong.
    #[schema(example = "must be 0 to 5")]
    reason: String,
}

impl From<WrongCell> for RefusedCell {
    fn from(it: WrongCell) -> Self {
        Self { row: it.row, column: it.column, reason: it.reason }
    }
}

/// Takes in merchants from a table, or brings those that are there in line with it.
///
/// CSV in UTF-8, with or without a byte order mark, of at most 10,000 rows and 2 MiB. The first row
/// names the columns, in any order: `merc_id`, `cert_id`, `name`, `type` (0 企业, 1 小微, 2 个体,
/// 3 事业单位, 4 社会组织, 5 政府机关), `intent_confirmed` (true or false, 1 or 0, 是 or 否) and,
/// if need be, `alipay_pid`: an empty cell takes it away, and without the column it stays. The CSV
/// of `GET /merchants` is such a table.
///
/// Good rows are taken in the order they come, each by itself; what is wrong with the others is in
/// the answer. A merchant stays the initiator's it is of. Safe to repeat. A table that is malformed
/// is refused as a whole.
#[utoipa::path(
    post, path = "/merchants/import", operation_id = "import_merchants", tag = "merchants",
    security(("token" = ["admin"])),
    params(How),
    request_body(content_type = "text/csv", content = String, example =
        "merc_id,cert_id,name,type,intent_confirmed,alipay_pid\n\
         826584358120002,826584358120001,示例食堂,0,是,2088123412341234\n"),
    responses((status = 200, description = "What became of each row", body = Import), Importing)
)]
pub(in crate::operator) async fn import(
    operator: Operator<Administers>,
    Asking(how): Asking<How>,
    Csv(bytes): Csv,
) -> Result<axum::Json<Import>, Problem> {
    // Reading a table of this size takes a thread for a while.
    let read = tokio::task::spawn_blocking(move || table::read(&bytes)).await;
    let read = read.map_err(|error| {
        tracing::error!(%error, "a table could not be read");
        Problem::new(Kind::Internal, "the table could not be read; nothing was done")
    })?;
    let table = read.map_err(unreadable)?;
    let import =
        if how.dry_run { told(&operator, table).await } else { done(&operator, table).await };
    import.map(axum::Json)
}

fn unreadable(table: Unreadable) -> Problem {
    match table {
        Unreadable::Malformed(says) => Problem::new(Kind::Malformed, says).about("body"),
        Unreadable::TooLong => {
            let detail = format!("a table may have {ROWS_MAX} rows below its header");
            Problem::new(Kind::TooLarge, detail)
        }
    }
}

/// Takes the rows in.
async fn done(operator: &Operator<Administers>, table: Table) -> Result<Import, Problem> {
    let mut import = Import::of(false, &table);
    let mut last = 1;
    for chunk in table.rows.chunks(AT_ONCE) {
        let became = match operator.submit(command(chunk)).await {
            Ok(became) => became?,
            Err(error) if last == 1 => return Err(error.into()),
            Err(error) => {
                let done = format!(
                    "Up to row {last} the table was taken in, so far as it could be; it can be \
                     sent again."
                );
                return Err(Problem::from(error).after(&done));
            }
        };
        import.count(chunk, became);
        last = chunk.last().map_or(last, |(row, _)| *row);
    }
    Ok(import.finished(table.wrong))
}

/// Asks the rules what they would make of the rows, beside what is stored.
async fn told(operator: &Operator<Administers>, table: Table) -> Result<Import, Problem> {
    let now = operator.app().engine.clock().now();
    let told = operator.read(move |reader| {
        let mut import = Import::of(true, &table);
        let mut world = scratch(reader, &table.rows, now)?;
        for chunk in table.rows.chunks(AT_ONCE) {
            match command(chunk).decide(&mut world) {
                Ok(became) => import.count(chunk, became),
                Err(refusal) => return Ok(Err(refusal)),
            }
        }
        Ok(Ok(import.finished(table.wrong)))
    });
    told.await?.map_err(Into::into)
}

fn command(chunk: &[(u64, MerchantRow)]) -> ImportMerchants {
    ImportMerchants { rows: chunk.iter().map(|(_, row)| row.clone()).collect() }
}

/// A world of what these rows are held against.
fn scratch(
    reader: &Reader,
    rows: &[(u64, MerchantRow)],
    now: Timestamp,
) -> Result<World, StoreError> {
    // It gives out no numbers: every row has one.
    let mut world = World::new(now, 0);
    for (_, row) in rows {
        if !world.initiators.contains(&row.cert_id)
            && let Some(initiator) = reader.initiator(&row.cert_id)?
        {
            world.initiators.loaded(row.cert_id.clone(), initiator);
        }
        if let Some(merchant) = reader.merchant(&row.merc_id)? {
            world.merchants.loaded(row.merc_id.clone(), merchant);
        }
        if let Some(pid) = row.alipay_pid.iter().flatten().next()
            && let Some(merchant) = reader.merchant_by_pid(&row.cert_id, pid)?
        {
            world.alipay_pids.loaded((row.cert_id.clone(), pid.clone()), merchant.merc_id);
        }
    }
    Ok(world)
}

impl Import {
    fn of(dry_run: bool, table: &Table) -> Self {
        Self { dry_run, refused: table.wrong_rows, ..Self::default() }
    }

    fn count(&mut self, chunk: &[(u64, MerchantRow)], became: Vec<Imported>) {
        for ((row, _), became) in chunk.iter().zip(became) {
            match became {
                Imported::Created => self.created += 1,
                Imported::Updated => self.updated += 1,
                Imported::Unchanged => self.unchanged += 1,
                Imported::Refused(refusal) => {
                    self.refused += 1;
                    let (_, column) = merchant_field(&refusal);
                    let reason = refusal.to_string();
                    self.refusals.push(RefusedCell { row: *row, column, reason });
                }
            }
        }
    }

    /// With what was wrong with the table's own rows, all in order.
    fn finished(mut self, wrong: Vec<WrongCell>) -> Self {
        self.refusals.extend(wrong.into_iter().map(Into::into));
        self.refusals.sort_by_key(|refused| refused.row);
        self
    }
}
