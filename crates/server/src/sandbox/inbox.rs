//! The callback inbox, as a page: what `GET /sandbox/v1/callbacks` tells, for people.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, Uri, header};
use huodong_campaign::SHANGHAI;
use jiff::{SignedDuration, Timestamp};

use super::callbacks::{Asked, List, Shown, ShownAttempt, asked, found};
use crate::App;
use crate::html::{self, escaped, filled};
use crate::operator::problem::Problem;

const PAGE: &str = include_str!("inbox.html");
const STYLE: &str = include_str!("inbox.css");
const SCRIPT: &str = include_str!("inbox.js");

/// `GET /sandbox/callbacks`
pub(super) async fn show(State(app): State<Arc<App>>, uri: Uri) -> Result<Response, Problem> {
    let asked = asked(&uri)?;
    let list = found(&app, &asked).await?;
    let clock = app.engine.clock();
    let page = page(&list, &asked, clock.now(), clock.frozen());
    let allowed = "script-src 'self'; connect-src 'self'; form-action 'self'";
    Ok(html::page(StatusCode::OK, page, STYLE, allowed))
}

/// `GET /sandbox/callbacks.js`
pub(super) async fn script() -> Response {
    let mut response = SCRIPT.into_response();
    let javascript = HeaderValue::from_static("text/javascript; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, javascript);
    html::guard(response.headers_mut());
    response
}

fn page(list: &List, asked: &Asked, now: Timestamp, frozen: bool) -> String {
    let given = |text: &Option<String>| escaped(text.as_deref().unwrap_or_default()).into_owned();
    let mut items = String::new();
    for shown in &list.items {
        item(&mut items, shown, now);
    }
    if list.items.is_empty() {
        items.push_str("<p>Nothing here yet. Issue a coupon, and come back.</p>\n");
    }
    let older = list.next.map(|before| {
        format!("<p><a href=\"/sandbox/callbacks?before={before}\">Older callbacks</a></p>\n")
    });
    let values = [
        ("style", STYLE),
        ("now", &*second(now)),
        ("runs", if frozen { "stands still" } else { "runs" }),
        ("coupon", &given(&asked.coupon)),
        ("mer_order_id", &given(&asked.mer_order_id)),
        ("items", &items),
        ("older", older.as_deref().unwrap_or_default()),
    ];
    filled(PAGE, &values)
}

/// Writing to a String does not fail.
macro_rules! put {
    ($to:expr, $($text:tt)*) => {{ let _ = writeln!($to, $($text)*); }};
}

fn item(page: &mut String, shown: &Shown, now: Timestamp) {
    let title = match shown.event {
        "issue_result" => "Issue result <span lang=\"zh\">发放回调</span>",
        _ => "Write-off <span lang=\"zh\">核销回调</span>",
    };
    let id = &shown.id;
    put!(page, "<article aria-labelledby=\"c{id}\">");
    put!(
        page,
        "<h2 id=\"c{id}\">{title} <b class=\"{0}\">{1}</b></h2>",
        shown.state,
        words(shown.state)
    );
    put!(page, "<dl>");
    for (name, value) in [
        ("to", &shown.address),
        ("institution", &shown.appid),
        ("mer_order_id", &shown.mer_order_id),
        ("trade_no", &shown.trade_no),
        ("third_coupon_id", &shown.third_coupon_id),
        ("activity_id", &shown.activity_id),
        ("happened", &shown.created_at),
    ] {
        put!(page, "<dt>{name}</dt><dd>{}</dd>", escaped(value));
    }
    put!(page, "<dt>coupon</dt><dd>{}</dd>", shown.coupon_status);
    if let Some(due_at) = &shown.due_at {
        put!(page, "<dt>next attempt due</dt><dd>{due_at}</dd>");
    }
    if let Some(finished_at) = &shown.finished_at {
        put!(page, "<dt>finished</dt><dd>{finished_at}</dd>");
    }
    put!(page, "</dl>");
    buttons(page, shown, now);
    if shown.attempts.is_empty() {
        put!(page, "<p class=\"none\">No attempt yet.</p>");
    } else {
        put!(page, "<ol class=\"attempts\">");
        shown.attempts.iter().rev().for_each(|attempt| self::attempt(page, attempt));
        put!(page, "</ol>");
    }
    put!(page, "</article>");
}

fn buttons(page: &mut String, shown: &Shown, now: Timestamp) {
    let id = &shown.id;
    put!(page, "<p class=\"buttons\">");
    if let Some(due) = shown.due.filter(|due| *due > now) {
        put!(
            page,
            "<button type=\"button\" data-clock=\"{}\" aria-describedby=\"c{id}\">Move the clock \
             to the next attempt</button>",
            second(next_second(due))
        );
    }
    if shown.state != "under_way" {
        put!(
            page,
            "<button type=\"button\" data-resend=\"{id}\" aria-describedby=\"c{id}\">Send \
             again now</button>"
        );
    }
    put!(page, "</p>");
}

fn attempt(page: &mut String, attempt: &ShownAttempt) {
    let status = attempt.status.map(|status| format!(" · HTTP {status}")).unwrap_or_default();
    put!(
        page,
        "<li value=\"{}\"><b class=\"{}\">{}</b>{status} · {} ms<br><small>{} (due {})</small>",
        attempt.number,
        attempt.outcome,
        words(attempt.outcome),
        attempt.took_ms,
        attempt.at,
        attempt.due_at,
    );
    if !attempt.reason.is_empty() {
        put!(page, "<p>{}</p>", escaped(&attempt.reason));
    }
    let Some(sent) = &attempt.sent else {
        answered(page, &attempt.answer);
        put!(page, "</li>");
        return;
    };
    put!(page, "<details><summary>What was sent and answered</summary>");
    let mut request = format!("POST {}\n", sent.address);
    for (name, value) in &sent.headers {
        put!(request, "{name}: {value}");
    }
    put!(page, "<pre tabindex=\"0\">{}\n{}</pre>", escaped(&request), escaped(&sent.body));
    answered(page, &attempt.answer);
    put!(page, "</details></li>");
}

fn answered(page: &mut String, answer: &str) {
    if !answer.is_empty() {
        put!(page, "<pre tabindex=\"0\" aria-label=\"answer\">{}</pre>", escaped(answer));
    }
}

fn words(name: &'static str) -> Cow<'static, str> {
    if name.contains('_') { name.replace('_', " ").into() } else { name.into() }
}

/// As `POST clock` takes it.
fn second(time: Timestamp) -> String {
    SHANGHAI.to_datetime(time).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// The clock is set to whole seconds, and what is due must then be due.
fn next_second(time: Timestamp) -> Timestamp {
    if time.subsec_nanosecond() == 0 {
        return time;
    }
    time.checked_add(SignedDuration::from_secs(1)).unwrap_or(time)
}
