//! Lists: paged by a cursor, filtered, strict about what they are asked, and exported as CSV.

use std::str::FromStr;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use form_urlencoded::Serializer;
use huodong_store::{Page, PageRequest, Reader, StoreError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use utoipa::{IntoParams, ToSchema};

use super::auth::{Operator, Reads};
use super::body::field_of;
use super::csv::{self, Record};
use super::problem::{Kind, Problem};
use crate::App;

const LIMIT_DEFAULT: usize = 50;
const LIMIT_MAX: usize = 500;

/// The parameters of every list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code)] // The document's half of `List`, which reads them one by one.
pub(super) struct Paging {
    /// At most this many items.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<u16>,
    /// Where to go on: the `next_cursor` of the page before, as it was.
    cursor: Option<String>,
    /// `csv` exports the whole filtered list, as does `Accept: text/csv`. `limit` and `cursor` do
    /// not go with it.
    #[param(inline)]
    format: Option<Format>,
}

/// How a list is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(rename_all = "snake_case")]
pub(super) enum Format {
    /// A page.
    Json,
    /// All of it.
    Csv,
}

/// One page of a list, newest first.
#[derive(Serialize, ToSchema)]
pub(super) struct Listing<T> {
    /// May be fewer than asked for, even none, before the end: only `next_cursor` tells.
    items: Vec<T>,
    /// What to ask with for the next page; `null` at the end.
    next_cursor: Option<String>,
}

/// A question for a list.
pub(super) struct List<F> {
    filter: F,
    asked: Asked,
}

#[derive(Default)]
struct Asked {
    limit: Option<String>,
    cursor: Option<String>,
    format: Option<String>,
    csv: bool,
}

impl<F: DeserializeOwned + Send> FromRequestParts<Arc<App>> for List<F> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _app: &Arc<App>) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        let mut asked = Asked { csv: accepts_csv(parts), ..Asked::default() };
        let mut filters = Serializer::new(String::new());
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let slot = match &*name {
                "limit" => &mut asked.limit,
                "cursor" => &mut asked.cursor,
                "format" => &mut asked.format,
                _ => {
                    filters.append_pair(&name, &value);
                    continue;
                }
            };
            if slot.replace(value.into_owned()).is_some() {
                return Err(malformed(&name, "is given twice"));
            }
        }
        let hint = "; every list also takes limit, cursor and format";
        Ok(Self { filter: parameters(&filters.finish(), hint)?, asked })
    }
}

impl<F> List<F> {
    /// The same question with its filter read further.
    pub(super) fn try_map<G>(
        self,
        read: impl FnOnce(F) -> Result<G, Problem>,
    ) -> Result<List<G>, Problem> {
        Ok(List { filter: read(self.filter)?, asked: self.asked })
    }
}

impl<F: Clone + Send + Sync + 'static> List<F> {
    /// Answers a list whose rows have numbers.
    pub(super) async fn answer<R, Q>(
        self,
        operator: &Operator<Reads>,
        question: Q,
    ) -> Result<Response, Problem>
    where
        R: Record,
        Q: Fn(&Reader, &F, PageRequest) -> Result<Page<R>, StoreError>
            + Clone
            + Send
            + Sync
            + 'static,
    {
        let filter = self.filter;
        let question = move |reader: &Reader, page: PageRequest| question(reader, &filter, page);
        if self.asked.format()? == Format::Csv {
            return csv::export(operator.app().clone(), question).await;
        }
        let before = match &self.asked.cursor {
            None => None,
            Some(cursor) => Some(read_cursor(cursor)?),
        };
        let request = PageRequest { before, limit: self.asked.limit()? };
        let page = operator.read(move |reader| question(reader, request)).await?;
        let next_cursor = page.next.as_ref().map(write_cursor);
        Ok(axum::Json(Listing { items: page.rows, next_cursor }).into_response())
    }

    /// Answers a short list that is read at once; its cursor is the `key` of the last item, by
    /// which the rows are in order.
    pub(super) fn answer_sorted<R: Record, K: Ord + ToString + FromStr>(
        self,
        mut rows: Vec<R>,
        key: impl Fn(&R) -> K,
    ) -> Result<Response, Problem> {
        if self.asked.format()? == Format::Csv {
            return csv::whole(&rows);
        }
        if let Some(cursor) = &self.asked.cursor {
            let after = read_cursor(cursor)?;
            rows.retain(|row| key(row) > after);
        }
        let limit = self.asked.limit()?;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next_cursor = rows.last().filter(|_| more).map(|row| write_cursor(&key(row)));
        Ok(axum::Json(Listing { items: rows, next_cursor }).into_response())
    }
}

impl Asked {
    fn limit(&self) -> Result<usize, Problem> {
        let Some(text) = &self.limit else { return Ok(LIMIT_DEFAULT) };
        match text.parse() {
            Ok(limit) if (1..=LIMIT_MAX).contains(&limit) => Ok(limit),
            _ => Err(malformed("limit", &format!("must be 1 to {LIMIT_MAX}"))),
        }
    }

    fn format(&self) -> Result<Format, Problem> {
        let format = match self.format.as_deref() {
            None if self.csv => Format::Csv,
            None | Some("json") => Format::Json,
            Some("csv") => Format::Csv,
            Some(_) => return Err(malformed("format", "must be json or csv")),
        };
        let paged = [("limit", &self.limit), ("cursor", &self.cursor)];
        match paged.into_iter().find(|(_, given)| format == Format::Csv && given.is_some()) {
            Some((name, _)) => Err(malformed(name, "does not go with CSV, which exports all")),
            None => Ok(format),
        }
    }
}

fn accepts_csv(parts: &Parts) -> bool {
    let accept = parts.headers.get(header::ACCEPT).and_then(|it| it.to_str().ok());
    let mut types = accept.unwrap_or_default().split([',', ';']).map(str::trim);
    types.any(|media_type| media_type.eq_ignore_ascii_case("text/csv"))
}

/// The parameters of an operation that is no list.
pub(super) struct Asking<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequestParts<Arc<App>> for Asking<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _app: &Arc<App>) -> Result<Self, Problem> {
        parameters(parts.uri.query().unwrap_or_default(), "").map(Self)
    }
}

fn parameters<F: DeserializeOwned>(query: &str, hint: &str) -> Result<F, Problem> {
    let mut values = form_urlencoded::parse(query.as_bytes());
    if let Some((name, _)) = values.find(|(_, value)| value.contains('\0')) {
        return Err(malformed(&name, "holds a NUL character, as nothing here does"));
    }
    let pairs = serde_urlencoded::Deserializer::new(form_urlencoded::parse(query.as_bytes()));
    serde_path_to_error::deserialize(pairs).map_err(|error| {
        let path = error.path().to_string();
        let message = error.into_inner().to_string();
        let field = field_of(&path, &message);
        let hint = if message.starts_with("unknown field") { hint } else { "" };
        malformed(&field, &format!("{message}{hint}"))
    })
}

fn malformed(parameter: &str, says: &str) -> Problem {
    Problem::new(Kind::Malformed, format!("{parameter}: {says}")).about(parameter)
}

/// A position as callers hand it back.
pub(super) fn write_cursor(position: &impl ToString) -> String {
    URL_SAFE_NO_PAD.encode(position.to_string())
}

/// The position a caller hands back; `None` for what was never handed out.
pub(super) fn position<K: FromStr>(cursor: &str) -> Option<K> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    String::from_utf8(bytes).ok()?.parse().ok()
}

fn read_cursor<K: FromStr>(cursor: &str) -> Result<K, Problem> {
    position(cursor).ok_or_else(|| malformed("cursor", "is not a next_cursor of this list"))
}

/// The same page with its rows shown otherwise.
pub(super) fn shown<T, R>(page: Page<T>, show: impl FnMut(T) -> R) -> Page<R> {
    Page { rows: page.rows.into_iter().map(show).collect(), next: page.next }
}

/// The same, where showing a row asks the store again.
pub(super) fn try_shown<T, R>(
    page: Page<T>,
    show: impl FnMut(T) -> Result<R, StoreError>,
) -> Result<Page<R>, StoreError> {
    let rows = page.rows.into_iter().map(show).collect::<Result<_, _>>()?;
    Ok(Page { rows, next: page.next })
}
