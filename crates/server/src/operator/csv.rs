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
use thiserror::Error;

use super::auth::read;
use super::problem::{Kind, Problem};
use crate::App;

/// Rows read at once.
const ROWS_PER_PAGE: usize = 500;
/// How long a receiver may stand still before it is cut off.
const STALL_S_MAX: u64 = 60;

/// A row of a list.
pub(super) trait Record: Serialize + Send + 'static {
    /// What the list is called; the export's file name.
    const LIST: &'static str;
    /// The header row.
    const COLUMNS: &'static [&'static str];
    /// One cell for each column.
    fn cells(&self) -> Vec<Cell>;
}

/// One cell.
pub(super) enum Cell {
    /// Text, which a spreadsheet must not take for a formula.
    Text(String),
    /// A whole number.
    Number(i64),
}

impl Cell {
    /// Something that shows itself as text.
    pub(super) fn text(it: impl ToString) -> Self {
        Self::Text(it.to_string())
    }

    /// Text that may be absent.
    pub(super) fn maybe(it: Option<impl ToString>) -> Self {
        Self::Text(it.map(|it| it.to_string()).unwrap_or_default())
    }

    /// A number that may be absent.
    pub(super) fn maybe_number(it: Option<impl Into<i64>>) -> Self {
        it.map_or_else(|| Self::Text(String::new()), |it| Self::Number(it.into()))
    }

    /// An enum's word, or a structure as JSON.
    pub(super) fn json(it: &impl Serialize) -> Self {
        match serde_json::to_value(it).expect("what is listed is JSON") {
            serde_json::Value::String(word) => Self::Text(word),
            serde_json::Value::Null => Self::Text(String::new()),
            value => Self::Text(value.to_string()),
        }
    }

    fn into_field(self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            // Spreadsheets run cells that begin like this; the apostrophe makes them text.
            Self::Text(text) if text.starts_with(['=', '+', '-', '@', '\t', '\r']) => {
                format!("'{text}")
            }
            Self::Text(text) => text,
        }
    }
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
        let fields = row.cells().into_iter().map(Cell::into_field);
        writer.write_record(fields).map_err(unwritable)?;
    }
    writer.into_inner().map_err(|error| unwritable(error.into_error().into()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[derive(Serialize)]
    struct Row(&'static str, i64);

    impl Record for Row {
        const LIST: &'static str = "rows";
        const COLUMNS: &'static [&'static str] = &["name", "balance"];
        fn cells(&self) -> Vec<Cell> {
            vec![Cell::text(self.0), Cell::Number(self.1)]
        }
    }

    #[test]
    fn formulas_are_text_and_negative_numbers_are_numbers() {
        let rows = [Row("=1+1", -5), Row("a,\"b\"", 7), Row("@x", 0)];
        let text = String::from_utf8(written(&rows, true).unwrap()).unwrap();
        assert_eq!(text, "name,balance\n'=1+1,-5\n\"a,\"\"b\"\"\",7\n'@x,0\n");
    }

    #[test]
    fn an_empty_page_writes_nothing() {
        assert!(written::<Row>(&[], false).unwrap().is_empty());
    }
}
