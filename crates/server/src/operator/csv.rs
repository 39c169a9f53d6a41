//! Lists as CSV: the whole filtered list, written while it is read, a page in memory at a time.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body_util::channel::Channel;
use huodong_store::{Page, PageRequest, Reader, StoreError};
use serde::Serialize;
use serde_json::Value;
use thiserror::Error;

use super::auth::read;
use super::problem::{Kind, Problem};
use crate::App;

/// Rows read at once.
const ROWS_PER_PAGE: usize = 500;
/// How long a receiver may stand still before it is cut off.
const STALL_S_MAX: u64 = 60;

/// A row of a list: what it is as JSON, cell by cell.
pub(super) trait Record: Serialize + Send + 'static {
    /// What the list is called; the export's file name.
    const LIST: &'static str;
    /// The header row: each the name of a field.
    const COLUMNS: &'static [&'static str];
}

/// A field as one cell: absent is empty, a list of texts is in one cell with blanks between, a
/// structure stays JSON.
fn cell(field: &Value) -> String {
    match field {
        Value::Null => String::new(),
        Value::Number(number) => number.to_string(),
        Value::Bool(it) => it.to_string(),
        Value::String(text) => not_a_formula(text.clone()),
        Value::Array(items) => match items.iter().map(Value::as_str).collect::<Option<Vec<_>>>() {
            Some(texts) => not_a_formula(texts.join(" ")),
            None => field.to_string(),
        },
        Value::Object(_) => field.to_string(),
    }
}

/// What a formula begins with.
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// Spreadsheets run cells that begin like a formula; an apostrophe makes them text.
fn not_a_formula(text: String) -> String {
    if text.starts_with(FORMULA) { format!("'{text}") } else { text }
}

/// The text of a cell that may come from an export: without the apostrophe it was given there.
pub(super) fn as_it_was(cell: &str) -> &str {
    cell.strip_prefix('\'').filter(|text| text.starts_with(FORMULA)).unwrap_or(cell)
}

/// The reason an export broke off; the receiver sees a broken transfer, not a short list.
#[derive(Debug, Error)]
#[error("the export broke off")]
struct BrokeOff;

/// Answers all pages of a question. The first is read before anything is answered, so that a
/// problem is a problem.
pub(super) async fn export<R, Q>(app: Arc<App>, question: Q) -> Result<Response, Problem>
where
    R: Record,
    Q: Fn(&Reader, PageRequest) -> Result<Page<R>, StoreError> + Clone + Send + Sync + 'static,
{
    let ask = async |before: Option<i64>| {
        let question = question.clone();
        let page = PageRequest { before, limit: ROWS_PER_PAGE };
        read(&app, move |reader| question(reader, page)).await
    };
    let first = ask(None).await?;
    let (mut sender, body) = Channel::<Bytes, BrokeOff>::new(1);
    let app = app.clone();
    tokio::spawn(async move {
        let mut header = true;
        let mut page = first;
        loop {
            let Ok(text) = written(&page.rows, std::mem::take(&mut header)) else {
                return sender.abort(BrokeOff);
            };
            let stall = Duration::from_secs(STALL_S_MAX);
            match tokio::time::timeout(stall, sender.send_data(text.into())).await {
                Ok(Ok(())) => {}
                Ok(Err(_gone)) => return,
                Err(_stalled) => return sender.abort(BrokeOff),
            }
            let Some(before) = page.next else { return };
            let question = question.clone();
            let request = PageRequest { before: Some(before), limit: ROWS_PER_PAGE };
            page = match read(&app, move |reader| question(reader, request)).await {
                Ok(page) => page,
                Err(_logged) => return sender.abort(BrokeOff),
            };
        }
    });
    Ok(answer(R::LIST, Body::new(body)))
}

/// Answers rows that are all at hand.
pub(super) fn whole<R: Record>(rows: &[R]) -> Result<Response, Problem> {
    Ok(answer(R::LIST, Body::from(written(rows, true)?)))
}

fn answer(list: &str, body: Body) -> Response {
    let disposition = format!("attachment; filename=\"{list}.csv\"");
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8; header=present".to_owned()),
        (header::CONTENT_DISPOSITION, disposition),
    ];
    (headers, body).into_response()
}

fn written<R: Record>(rows: &[R], header: bool) -> Result<Vec<u8>, Problem> {
    let unwritable = |error: ::csv::Error| {
        tracing::error!(%error, "a row could not be written as CSV");
        Problem::new(Kind::Internal, "a row could not be written as CSV")
    };
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    if header {
        writer.write_record(R::COLUMNS).map_err(unwritable)?;
    }
    for row in rows {
        let row = serde_json::to_value(row).expect("what is listed is JSON");
        writer.write_record(R::COLUMNS.iter().map(|name| cell(&row[name]))).map_err(unwritable)?;
    }
    writer.into_inner().map_err(|error| unwritable(error.into_error().into()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[derive(Serialize)]
    struct Row {
        name: &'static str,
        balance: i64,
        owners: Vec<&'static str>,
        terms: Value,
        at: Option<u8>,
    }

    impl Record for Row {
        const LIST: &'static str = "rows";
        const COLUMNS: &'static [&'static str] = &["name", "balance", "owners", "terms", "at"];
    }

    fn row(name: &'static str, balance: i64) -> Row {
        Row { name, balance, owners: Vec::new(), terms: Value::Null, at: None }
    }

    fn text<R: Record>(rows: &[R]) -> String {
        let text = String::from_utf8(written(rows, true).unwrap()).unwrap();
        text.split_once('\n').unwrap().1.to_owned()
    }

    #[test]
    fn formulas_are_text_and_negative_numbers_are_numbers() {
        let rows = [row("=1+1", -5), row("a,\"b\"", 7), row("@x", 0)];
        assert_eq!(text(&rows), "'=1+1,-5,,,\n\"a,\"\"b\"\"\",7,,,\n'@x,0,,,\n");
    }

    #[test]
    fn lists_of_texts_read_as_texts_and_structures_as_json() {
        let owners = vec!["-1", "b"];
        let row =
            Row { owners, terms: serde_json::json!({"days": [3]}), at: Some(1), ..row("", 0) };
        assert_eq!(text(&[row]), ",0,'-1 b,\"{\"\"days\"\":[3]}\",1\n");
    }

    #[test]
    fn an_empty_page_writes_nothing() {
        assert!(written::<Row>(&[], false).unwrap().is_empty());
    }
}
