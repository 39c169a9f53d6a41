use jiff::Timestamp;

use super::super::columns::{Coded, first_id_at, ms};
use crate::sql::{Cell, Connection, Row};
use crate::{Page, PageRequest, StoreError};

/// A filter that matches little looks at so many rows for one page, then says where to go on.
const SCAN_MAX: i64 = 20_000;

/// A list query being put together: conditions that must all hold, newest first.
pub(super) struct List {
    select: &'static str,
    /// The column that pages are cut by.
    key: &'static str,
    conditions: Vec<String>,
    params: Vec<Cell<'static>>,
    /// No row that is asked for has a lower number.
    lowest: i64,
}

impl List {
    pub(super) fn new(select: &'static str, key: &'static str) -> Self {
        Self { select, key, conditions: Vec::new(), params: Vec::new(), lowest: i64::MIN }
    }

    /// A condition with one `?`; without a value it is left out.
    pub(super) fn filter(
        &mut self,
        condition: &str,
        value: Option<impl Into<Cell<'static>>>,
    ) -> &mut Self {
        if let Some(value) = value {
            self.params.push(value.into());
            let place = format!("?{}", self.params.len());
            self.conditions.push(condition.replace('?', &place));
        }
        self
    }

    /// A condition without a `?`.
    pub(super) fn always(&mut self, condition: &str) -> &mut Self {
        self.conditions.push(condition.to_owned());
        self
    }

    pub(super) fn text(&mut self, condition: &str, value: Option<&str>) -> &mut Self {
        self.filter(condition, value.map(str::to_owned))
    }

    pub(super) fn code(&mut self, condition: &str, value: Option<impl Coded>) -> &mut Self {
        self.filter(condition, value.map(Coded::code))
    }

    /// Rows of a time-ordered table made in this span, by the column that says when.
    pub(super) fn span(
        &mut self,
        column: &str,
        from: Option<Timestamp>,
        until: Option<Timestamp>,
    ) -> &mut Self {
        let key = self.key;
        self.lowest = from.map_or(i64::MIN, first_id_at);
        self.filter(&format!("{column} >= ?"), from.map(ms))
            .filter(&format!("{key} >= ?"), from.map(first_id_at))
            .filter(&format!("{column} < ?"), until.map(ms))
    }

    /// The page, whose rows an index finds.
    pub(super) fn page<T>(
        mut self,
        conn: &Connection,
        request: PageRequest,
        map: fn(Row<'_>) -> Result<(i64, T), StoreError>,
    ) -> Result<Page<T>, StoreError> {
        let key = self.key;
        self.filter(&format!("{key} < ?"), request.before);
        self.run(conn, request.limit, map)
    }

    /// The page, found by looking at the rows of `scanned` (a table, and a condition that an index
    /// serves) from the newest on, a bounded number of them.
    pub(super) fn scan<T>(
        mut self,
        conn: &Connection,
        request: PageRequest,
        scanned: Scan,
        map: fn(Row<'_>) -> Result<(i64, T), StoreError>,
    ) -> Result<Page<T>, StoreError> {
        let key = self.key;
        let (_, column) = key.split_once('.').unwrap_or(("", key));
        let floor = scanned.floor(conn, column, request.before, self.lowest)?;
        self.filter(&format!("{key} < ?"), request.before);
        self.filter(&format!("{key} >= ?"), floor);
        let mut page = self.run(conn, request.limit, map)?;
        page.next = page.next.or(floor);
        Ok(page)
    }

    fn run<T>(
        self,
        conn: &Connection,
        limit: usize,
        map: fn(Row<'_>) -> Result<(i64, T), StoreError>,
    ) -> Result<Page<T>, StoreError> {
        let Self { select, key, conditions, mut params, lowest: _ } = self;
        let conditions =
            if conditions.is_empty() { "1 = 1".to_owned() } else { conditions.join(" AND ") };
        params.push(Cell::Int(i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1)));
        let place = params.len();
        let sql = format!("{select} WHERE {conditions} ORDER BY {key} DESC LIMIT ?{place}");
        let mut statement = conn.prepare(&sql)?;
        let rows = statement.query_and_then(params.as_slice(), map)?;
        let mut keyed = rows.collect::<Result<Vec<_>, StoreError>>()?;
        let more = keyed.len() > limit;
        keyed.truncate(limit);
        let next = more.then(|| keyed.last().map(|(key, _)| *key)).flatten();
        Ok(Page { rows: keyed.into_iter().map(|(_, row)| row).collect(), next })
    }
}

/// The rows a page looks at.
pub(super) struct Scan {
    table: &'static str,
    condition: Condition,
}

enum Condition {
    None,
    /// This column has this value.
    Is(&'static str, i64),
    /// As an index of such rows alone has it.
    Only(&'static str),
}

impl Scan {
    pub(super) fn all(table: &'static str) -> Self {
        Self { table, condition: Condition::None }
    }

    /// Those with this value in a column that has an index.
    pub(super) fn with(table: &'static str, column: &'static str, value: i64) -> Self {
        Self { table, condition: Condition::Is(column, value) }
    }

    /// Those of which alone there is an index.
    pub(super) fn only(table: &'static str, condition: &'static str) -> Self {
        Self { table, condition: Condition::Only(condition) }
    }

    /// Where to stop looking; `None`: at the end, which is where numbers fall below `lowest`.
    fn floor(
        &self,
        conn: &Connection,
        key: &str,
        before: Option<i64>,
        lowest: i64,
    ) -> Result<Option<i64>, StoreError> {
        let table = self.table;
        let condition = match self.condition {
            Condition::None => String::new(),
            Condition::Is(column, _) => format!("AND {column} = ?4"),
            Condition::Only(condition) => format!("AND {condition}"),
        };
        let sql = format!(
            "SELECT min({key}) FROM (SELECT {key} FROM {table} \
             WHERE {key} < ?1 AND {key} >= ?3 {condition} \
             ORDER BY {key} DESC LIMIT ?2) AS looked_at HAVING count(*) = ?2",
        );
        let mut params = vec![before.unwrap_or(i64::MAX), SCAN_MAX, lowest];
        if let Condition::Is(_, value) = self.condition {
            params.push(value);
        }
        let params: Vec<_> = params.into_iter().map(Cell::from).collect();
        conn.prepare(&sql)?.maybe_row(params.as_slice(), |row| row.get(0))
    }
}
