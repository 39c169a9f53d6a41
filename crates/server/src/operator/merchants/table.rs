//! Merchants as a table in CSV brings them: a header row that names the columns, in any order, and a
//! row for each merchant.

use std::collections::HashMap;

use huodong_campaign::{AlipayPid, CertId, MercId, MerchantKind, MerchantRow};

use super::MerchantType;
use crate::operator::csv::as_it_was;
use crate::operator::values::{MercNumber, Name, Number};

/// Rows of one table, the header aside.
pub(super) const ROWS_MAX: usize = 10_000;
/// What every table must have …
const COLUMNS: [&str; 5] = ["merc_id", "cert_id", "name", "type", "intent_confirmed"];
/// … what it may have …
const PID: &str = "alipay_pid";
/// … and what the list's CSV has besides, which is passed over.
const PASSED_OVER: [&str; 2] = ["kind", "created_at"];

/// A table that was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Table {
    /// The merchants of the good rows, in order, each with its row.
    pub(super) rows: Vec<(u64, MerchantRow)>,
    /// What is wrong with the others, in order.
    pub(super) wrong: Vec<WrongCell>,
    /// How many they are.
    pub(super) wrong_rows: u64,
}

/// A cell that is not taken, and so its row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WrongCell {
    /// The row, as a text editor or a spreadsheet numbers it: the header's is 1.
    pub(super) row: u64,
    /// The column.
    pub(super) column: &'static str,
    /// What is wrong.
    pub(super) reason: String,
}

/// A table that cannot be read at all; nothing of it is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// It is malformed, so.
    Malformed(String),
    /// It has too many rows.
    TooLong,
}

/// Reads a table: UTF-8, with or without a byte order mark. Rows without anything in them are left
/// out.
pub(super) fn read(bytes: &[u8]) -> Result<Table, Unreadable> {
    let text = text_of(bytes)?;
    let mut reader = ::csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(::csv::Trim::All)
        .from_reader(text.as_bytes());
    let mut lines = Lines { text: text.as_bytes(), at: 0, line: 1 };
    let mut header: Option<Header> = None;
    let mut table = Table::default();
    let mut seen = HashMap::new();
    for record in reader.records() {
        let record = record.map_err(|error| malformed(error.to_string()))?;
        let start = record.position().map_or(0, ::csv::Position::byte);
        let row = lines.of_what_begins_at(usize::try_from(start).unwrap_or(usize::MAX));
        if record.iter().any(|cell| cell.contains(['\n', '\r'])) {
            let says = format!("row {row}: a cell has a line break in it; is a quote left open?");
            return Err(malformed(says));
        }
        let Some(header) = &header else {
            header = Some(Header::read(&record)?);
            continue;
        };
        if record.iter().all(str::is_empty) {
            continue;
        }
        if record.len() != header.cells {
            let (has, wanted) = (record.len(), header.cells);
            return Err(malformed(format!("row {row}: has {has} cells, and the header {wanted}")));
        }
        if table.rows.len() as u64 + table.wrong_rows == ROWS_MAX as u64 {
            return Err(Unreadable::TooLong);
        }
        table.take(row, header, &record, &mut seen);
    }
    match header {
        None => Err(malformed(format!("the table is empty; its first row must name {}", named()))),
        Some(_) if table.rows.is_empty() && table.wrong.is_empty() => {
            Err(malformed("the table has a header, and no row below it"))
        }
        Some(_) => Ok(table),
    }
}

fn malformed(says: impl Into<String>) -> Unreadable {
    Unreadable::Malformed(says.into())
}

/// What the header must name, for people.
fn named() -> String {
    format!("the columns {} and, if need be, {PID}", COLUMNS.join(", "))
}

fn text_of(bytes: &[u8]) -> Result<&str, Unreadable> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let mut lines = Lines { text: bytes, at: 0, line: 1 };
        let row = lines.of_what_begins_at(error.valid_up_to());
        malformed(format!("row {row}: is not UTF-8; spreadsheets save such as “CSV UTF-8”"))
    })?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// Counts lines. The csv crate's own count is off after line ends of two characters and empty lines.
struct Lines<'a> {
    text: &'a [u8],
    at: usize,
    line: u64,
}

impl Lines<'_> {
    /// The line of what begins here, or after the line ends that are here. Asked in rising order.
    fn of_what_begins_at(&mut self, start: usize) -> u64 {
        while let Some(&byte) = self.text.get(self.at) {
            if self.at >= start && !matches!(byte, b'\n' | b'\r') {
                break;
            }
            let ends = byte == b'\n' || byte == b'\r' && self.text.get(self.at + 1) != Some(&b'\n');
            self.line += u64::from(ends);
            self.at += 1;
        }
        self.line
    }
}

/// Where each column is.
struct Header {
    cells: usize,
    places: [usize; COLUMNS.len()],
    pid: Option<usize>,
}

impl Header {
    fn read(record: &::csv::StringRecord) -> Result<Self, Unreadable> {
        let mut found = HashMap::new();
        for (place, name) in record.iter().enumerate() {
            let known = COLUMNS.contains(&name) || name == PID || PASSED_OVER.contains(&name);
            if !known {
                let says = format!("row 1: there is no column “{name}”; there are {}", named());
                return Err(malformed(says));
            }
            if found.insert(name, place).is_some() {
                return Err(malformed(format!("row 1: the column {name} is there twice")));
            }
        }
        let mut places = [0; COLUMNS.len()];
        for (place, name) in places.iter_mut().zip(COLUMNS) {
            let missing = || malformed(format!("row 1: the column {name} is missing"));
            *place = found.get(name).copied().ok_or_else(missing)?;
        }
        Ok(Self { cells: record.len(), places, pid: found.get(PID).copied() })
    }
}

impl Table {
    fn take(
        &mut self,
        row: u64,
        header: &Header,
        record: &::csv::StringRecord,
        seen: &mut HashMap<String, u64>,
    ) {
        let before = self.wrong.len();
        let mut wrong = |column, reason: &str| {
            self.wrong.push(WrongCell { row, column, reason: reason.to_owned() });
        };
        let cell = |place: usize| as_it_was(record.get(place).unwrap_or_default());
        let [merc_id, cert_id, name, kind, intent] = header.places.map(cell);

        let merc_id = MercNumber::try_from(merc_id.to_owned())
            .map_err(|reason| wrong("merc_id", reason))
            .map(MercNumber::into_string)
            .unwrap_or_default();
        if !merc_id.is_empty() {
            let first = *seen.entry(merc_id.clone()).or_insert(row);
            if first != row {
                wrong("merc_id", &format!("is in row {first} already"));
            }
        }
        let cert_id = Number::try_from(cert_id.to_owned()).map_err(|says| wrong("cert_id", says));
        let name = Name::try_from(name.to_owned()).map_err(|says| wrong("name", says));
        let kind = kind_of(kind).ok_or(MerchantType::SAYS).map_err(|says| wrong("type", says));
        let intent_confirmed = truth_of(intent)
            .ok_or("must be true or false, 1 or 0, 是 or 否")
            .map_err(|says| wrong("intent_confirmed", says));
        let alipay_pid = match header.pid.map(cell) {
            None => Ok(None),
            Some("") => Ok(Some(None)),
            Some(pid) => Number::try_from(pid.to_owned())
                .map(|pid| Some(Some(AlipayPid::from(pid.into_string()))))
                .map_err(|says| wrong(PID, says)),
        };
        if let (Ok(cert_id), Ok(name), Ok(kind), Ok(intent_confirmed), Ok(alipay_pid)) =
            (cert_id, name, kind, intent_confirmed, alipay_pid)
            && self.wrong.len() == before
        {
            let merchant = MerchantRow {
                merc_id: MercId::from(merc_id),
                cert_id: CertId::from(cert_id.into_string()),
                name: name.into_string(),
                kind,
                intent_confirmed,
                alipay_pid,
            };
            self.rows.push((row, merchant));
        } else {
            self.wrong_rows += 1;
        }
    }
}

/// The kind with this number, written as one digit.
fn kind_of(cell: &str) -> Option<MerchantKind> {
    let is_digit = cell.len() == 1 && cell.as_bytes()[0].is_ascii_digit();
    cell.parse().ok().filter(|_| is_digit).and_then(MerchantKind::from_number)
}

fn truth_of(cell: &str) -> Option<bool> {
    match cell {
        "1" | "是" => Some(true),
        "0" | "否" => Some(false),
        _ if cell.eq_ignore_ascii_case("true") => Some(true),
        _ if cell.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const HEADER: &str = "merc_id,cert_id,name,type,intent_confirmed,alipay_pid";

    fn table(rows: &str) -> Table {
        read(format!("{HEADER}\n{rows}").as_bytes()).unwrap()
    }

    fn says(bytes: &[u8]) -> String {
        match read(bytes) {
            Err(Unreadable::Malformed(says)) => says,
            other => panic!("{other:?}"),
        }
    }

    fn merchant(merc_id: &str) -> MerchantRow {
        MerchantRow {
            merc_id: MercId::from(merc_id),
            cert_id: CertId::from("c1"),
            name: "示例食堂".to_owned(),
            kind: MerchantKind::Enterprise,
            intent_confirmed: true,
            alipay_pid: Some(Some(AlipayPid::from("2088"))),
        }
    }

    #[test]
    fn columns_come_in_any_order_with_or_without_a_mark_and_any_line_ends() {
        let wanted = Table { rows: vec![(2, merchant("m1"))], ..Table::default() };
        assert_eq!(table("m1,c1,示例食堂,0,true,2088\n"), wanted);
        let turned = "alipay_pid,type,name,cert_id,merc_id,intent_confirmed";
        for text in [
            format!("{turned}\n2088,0,示例食堂,c1,m1,1"),
            format!("\u{feff}{turned}\r\n2088,0,示例食堂,c1,m1,是\r\n"),
            format!("{turned}\r2088,0, 示例食堂 ,c1,m1,TRUE\r"),
            format!(
                "{turned},kind,created_at\n2088,0,\"示例食堂\",c1,m1,true,micro,x\n\n,,,,,,,\n"
            ),
        ] {
            assert_eq!(read(text.as_bytes()), Ok(wanted.clone()), "{text}");
        }
    }

    #[test]
    fn a_pid_that_is_not_told_of_is_told_from_none() {
        let without = "merc_id,cert_id,name,type,intent_confirmed\nm1,c1,示例食堂,0,1";
        assert_eq!(read(without.as_bytes()).unwrap().rows[0].1.alipay_pid, None);
        assert_eq!(table("m1,c1,示例食堂,0,1,").rows[0].1.alipay_pid, Some(None));
    }

    #[test]
    fn every_wrong_cell_is_told_of_with_its_row_and_column() {
        let read = table(
            "m1,c1,n,0,1,\n\
             ,c1,n,0,1,\n\
             m 2,c1,,6,maybe,a b\n\
             \n\
             m3,,n,00,,\n\
             m1,c1,n,0,1,\n\
             123456789012345678901,c1,n,1,否,2088\n",
        );
        assert_eq!(read.rows.len(), 1);
        assert_eq!(read.wrong_rows, 5);
        let wrong: Vec<_> = read.wrong.iter().map(|it| (it.row, it.column)).collect();
        assert_eq!(
            wrong,
            [
                (3, "merc_id"),
                (4, "merc_id"),
                (4, "name"),
                (4, "type"),
                (4, "intent_confirmed"),
                (4, "alipay_pid"),
                (6, "cert_id"),
                (6, "type"),
                (6, "intent_confirmed"),
                (7, "merc_id"),
                (8, "merc_id"),
            ]
        );
        assert_eq!(read.wrong[3].reason, "must be 0 to 5");
        assert_eq!(read.wrong[9].reason, "is in row 2 already");
    }

    #[test]
    fn rows_are_numbered_as_editors_number_lines() {
        for end in ["\n", "\r\n", "\r"] {
            let text = [HEADER, "m1,c1,n,0,1,", "", "", "m2,c1,n,0,1,", "m3,c1,n,9,1,"].join(end);
            let read = read(text.as_bytes()).unwrap();
            let rows: Vec<_> = read.rows.iter().map(|(row, _)| *row).collect();
            assert_eq!((rows.as_slice(), read.wrong[0].row), (&[2, 5][..], 6), "{end:?}");
        }
    }

    #[test]
    fn a_malformed_table_says_what_is_wrong_and_where() {
        let below = |rows: &str| says(format!("{HEADER}\n{rows}").as_bytes());
        assert!(says(b"").starts_with("the table is empty; its first row must name"));
        assert!(says(b"\n\n").starts_with("the table is empty"));
        assert_eq!(below(""), "the table has a header, and no row below it");
        assert_eq!(below(",,,,,"), "the table has a header, and no row below it");
        assert!(
            says(b"merc_id,mame\n1,2").starts_with("row 1: there is no column “mame”; there are")
        );
        assert!(says(b"m1,c1,n,0,1\n").starts_with("row 1: there is no column “m1”"));
        assert_eq!(says(b"name,name\n"), "row 1: the column name is there twice");
        assert_eq!(says(b"merc_id,cert_id,name,type\n"), {
            "row 1: the column intent_confirmed is missing"
        });
        assert_eq!(below("m1,c1,n,0,1,\nm2,c1,n,0,1"), "row 3: has 5 cells, and the header 6");
        assert_eq!(below("m1,c1,n,0,1,,"), "row 2: has 7 cells, and the header 6");
        assert_eq!(below("m1,c1,n,0,1,\nm2,c1,\"n,0,1,\nm3,c1,n,0,1,"), {
            "row 3: a cell has a line break in it; is a quote left open?"
        });
        let mut gbk = format!("{HEADER}\nm1,c1,n,0,1,\nm2,c1,").into_bytes();
        gbk.extend_from_slice(b"\xca\xbe\xc0\xfd,0,1,\n");
        assert!(says(&gbk).starts_with("row 3: is not UTF-8"));
    }

    #[test]
    fn a_table_has_so_many_rows_and_no_more() {
        let rows = |count: usize| {
            let rows = (0..count).map(|n| format!("m{n},c1,n,{},1,\n", n % 7));
            format!("{HEADER}\n{}", rows.collect::<String>())
        };
        let full = read(rows(ROWS_MAX).as_bytes()).unwrap();
        assert_eq!(full.rows.len() as u64 + full.wrong_rows, ROWS_MAX as u64);
        assert_eq!(read(rows(ROWS_MAX + 1).as_bytes()), Err(Unreadable::TooLong));
    }

    #[test]
    fn what_the_lists_export_wrote_as_text_is_read_as_it_was() {
        let read = table("'-1,c1,'=示例,0,1,\nm2,c1,'x,0,1,\n");
        assert_eq!(read.rows[0].1.merc_id.as_str(), "-1");
        assert_eq!(read.rows[0].1.name, "=示例");
        assert_eq!(read.rows[1].1.name, "'x");
    }
}
