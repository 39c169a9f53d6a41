//! Merchants from tables.

use std::time::Duration;

use huodong_campaign::Role;
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};

use super::desk::{Answer, Desk};
use super::gateway::{CERT_ID, MERCHANT, OTHER_CERT_ID, merchant, open};
use super::lists::{texts, walk};
use super::partners::queued;
use crate::app::{Setup, TestApp, with};
use crate::writer::stop_writer;

const HEADER: &str = "merc_id,cert_id,name,type,intent_confirmed,alipay_pid";

async fn send(desk: &Desk, query: &str, table: impl Into<Vec<u8>>) -> Answer {
    let request = desk.request(Method::POST, &format!("/merchants/import{query}"));
    let request = request.bearer_auth(desk.token_of(Role::Admin));
    Answer::to(request.header(CONTENT_TYPE, "text/csv").body(table.into())).await
}

/// Brings a table of these rows.
async fn import(desk: &Desk, query: &str, rows: &str) -> Value {
    send(desk, query, format!("{HEADER}\n{rows}")).await.ok()
}

fn counts(import: &Value) -> [u64; 4] {
    ["created", "updated", "unchanged", "refused"].map(|name| import[name].as_u64().unwrap())
}

/// Row and column of each refusal.
fn refused(import: &Value) -> Vec<(u64, &str)> {
    let cells = import["refusals"].as_array().unwrap().iter();
    cells.map(|it| (it["row"].as_u64().unwrap(), it["column"].as_str().unwrap())).collect()
}

async fn all(desk: &Desk) -> Vec<Value> {
    walk(desk, "/merchants", 500).await
}

#[tokio::test]
async fn good_rows_are_taken_and_each_bad_one_is_told_of() {
    let desk = Desk::open().await;
    open(&desk).await;
    desk.post("/merchants", with(merchant("theirs"), "cert_id", OTHER_CERT_ID)).await.ok();
    desk.post("/merchants", with(merchant("holder"), "alipay_pid", "2088")).await.ok();
    let rows = format!(
        "m1,{CERT_ID},食堂一,0,true,2088100\n\
         m2,{CERT_ID},食堂二,7,true,\n\
         m3,{CERT_ID},食堂三,5,否,\n\
         {MERCHANT},{CERT_ID},示例食堂,0,1,\n\
         holder,{CERT_ID},新名字,0,1,2088\n\
         theirs,{CERT_ID},食堂,0,1,\n\
         m4,nobody,食堂,0,1,\n\
         m5,{CERT_ID},食堂,0,1,2088\n\
         m 6,{CERT_ID},,0,也许,\n\
         m7,{CERT_ID},食堂七,2,0,2088107\n"
    );
    let import = import(&desk, "", &rows).await;
    assert_eq!(counts(&import), [3, 1, 1, 5]);
    assert_eq!(
        refused(&import),
        [
            (3, "type"),
            (7, "cert_id"),
            (8, "cert_id"),
            (9, "alipay_pid"),
            (10, "merc_id"),
            (10, "name"),
            (10, "intent_confirmed"),
        ]
    );
    let reasons = texts(import["refusals"].as_array().unwrap(), "reason");
    assert_eq!(reasons[0], "must be 0 to 5");
    assert_eq!(reasons[1], "merc_id theirs is of another initiator");
    assert_eq!(reasons[2], "initiator nobody is unknown or revoked");
    assert_eq!(reasons[3], "alipay_pid 2088 is taken");
    assert_eq!(import["dry_run"], false);
    let names = all(&desk).await;
    assert_eq!(texts(&names, "merc_id"), ["m7", "m3", "m1", "holder", "theirs", MERCHANT]);
    let m7 = desk.shown("/merchants/m7").await;
    assert_eq!((&m7["type"], &m7["intent_confirmed"]), (&json!(2), &json!(false)));
    assert_eq!((&m7["name"], &m7["alipay_pid"]), (&json!("食堂七"), &json!("2088107")));
    assert_eq!(desk.shown("/merchants/holder").await["name"], "新名字");
    assert_eq!(desk.shown("/merchants/theirs").await["cert_id"], OTHER_CERT_ID);
}

#[tokio::test]
async fn a_dry_run_tells_what_an_import_then_does_and_changes_nothing() {
    let desk = Desk::open().await;
    open(&desk).await;
    desk.post("/merchants", with(merchant("holder"), "alipay_pid", "2088")).await.ok();
    // The holder lets go of its PID far above the row that takes it, which comes before it in every
    // other order; and more rows than one command takes.
    let many: String =
        (0..250).map(|n| format!("bulk-{n},{CERT_ID},食堂,{},1,\n", n % 7)).collect();
    let rows = format!(
        "early,{CERT_ID},食堂,0,1,2088\n\
         holder,{CERT_ID},示例食堂,0,1,\n\
         {many}\
         {MERCHANT},{CERT_ID},示例食堂,3,1,2088\n\
         again,{CERT_ID},食堂,0,1,2088\n"
    );
    let before = all(&desk).await;
    let lines = async || walk(&desk, "/audit", 500).await.len();
    let lines_before = lines().await;
    let told = import(&desk, "?dry_run=true", &rows).await;
    assert_eq!(told["dry_run"], true);
    assert_eq!(all(&desk).await, before);
    assert_eq!(lines().await, lines_before);
    let done = import(&desk, "?dry_run=false", &rows).await;
    assert_eq!(with(told, "dry_run", false), done);
    let broken = (0..250).filter(|n| n % 7 == 6).count() as u64;
    assert_eq!(counts(&done), [250 - broken, 2, 0, broken + 2]);
    assert_eq!(desk.shown(&format!("/merchants/{MERCHANT}")).await["alipay_pid"], "2088");
    assert_eq!(desk.shown("/merchants/holder").await["alipay_pid"], Value::Null);
    desk.get("/merchants/early").await.problem(404, "not-found", Some("merc_id"));
    for query in ["?dry_run=yes", "?dry_run", "?dryrun=true", "?dry_run=true&dry_run=true"] {
        let answer = send(&desk, query, "x").await;
        let field = if query.starts_with("?dryrun") { "dryrun" } else { "dry_run" };
        answer.problem(400, "malformed", Some(field));
    }
}

#[tokio::test]
async fn a_pid_goes_from_one_merchant_to_another_in_one_table() {
    let desk = Desk::open().await;
    open(&desk).await;
    desk.post("/merchants", with(merchant("m"), "alipay_pid", "2088")).await.ok();
    let rows = format!(
        "m,{CERT_ID},示例食堂,0,1,\n\
         a,{CERT_ID},示例食堂,0,1,2088\n\
         {MERCHANT},{CERT_ID},示例食堂,0,1,2099\n"
    );
    assert_eq!(counts(&import(&desk, "", &rows).await), [1, 2, 0, 0]);
    // And back again, to one that is there.
    let rows = format!("a,{CERT_ID},示例食堂,0,1,\nm,{CERT_ID},示例食堂,0,1,2088\n");
    assert_eq!(counts(&import(&desk, "", &rows).await), [0, 2, 0, 0]);
    assert_eq!(desk.shown("/merchants/m").await["alipay_pid"], "2088");
    assert_eq!(desk.shown("/merchants/a").await["alipay_pid"], Value::Null);
}

#[tokio::test]
async fn an_import_is_safe_to_repeat() {
    let desk = Desk::open().await;
    open(&desk).await;
    let rows = format!("m1,{CERT_ID},食堂,0,1,2088\nm2,{CERT_ID},食堂,0,1,\n");
    assert_eq!(counts(&import(&desk, "", &rows).await), [2, 0, 0, 0]);
    let lines = async || walk(&desk, "/audit?action=merchant.import", 500).await;
    let first = lines().await;
    assert_eq!(texts(&first, "subject"), ["m1"]);
    assert_eq!(first[0]["actor"], "admin");
    assert_eq!(first[0]["detail"]["rows"].as_array().unwrap().len(), 2);
    let before = all(&desk).await;
    assert_eq!(counts(&import(&desk, "", &rows).await), [0, 0, 2, 0]);
    assert_eq!((lines().await, all(&desk).await), (first, before));
}

#[tokio::test]
async fn what_the_list_exports_can_be_brought_back() {
    let desk = Desk::open().await;
    open(&desk).await;
    for (merc_id, name) in [("-1", "=食堂"), ("m2", "'食堂")] {
        desk.post("/merchants", with(merchant(merc_id), "name", name)).await.ok();
    }
    let rows = format!("m3,{CERT_ID},\"食堂, “三”\",0,1,2088\n");
    import(&desk, "", &rows).await;
    let exported = desk.get("/merchants?format=csv").await.text;
    let back = send(&desk, "", exported.clone()).await.ok();
    assert_eq!(counts(&back), [0, 0, 4, 0], "{exported}");
    let changed = exported.replace("'食堂", "食堂");
    assert_eq!(counts(&send(&desk, "", changed).await.ok()), [0, 1, 3, 0]);
}

#[tokio::test]
async fn a_pid_stays_where_the_table_does_not_tell_of_it() {
    let desk = Desk::open().await;
    open(&desk).await;
    desk.patch(&format!("/merchants/{MERCHANT}"), json!({"alipay_pid": "2088"})).await.ok();
    let silent = "cert_id,merc_id,type,name,intent_confirmed";
    let row = format!("{CERT_ID},{MERCHANT},0,新名字,是");
    let updated = send(&desk, "", format!("\u{feff}{silent}\r\n{row}\r\n")).await.ok();
    assert_eq!(counts(&updated), [0, 1, 0, 0]);
    let shown = desk.shown(&format!("/merchants/{MERCHANT}")).await;
    assert_eq!((&shown["name"], &shown["alipay_pid"]), (&json!("新名字"), &json!("2088")));
    import(&desk, "", &format!("{MERCHANT},{CERT_ID},新名字,0,是,\n")).await;
    let shown = desk.shown(&format!("/merchants/{MERCHANT}")).await;
    assert_eq!(shown["alipay_pid"], Value::Null);
}

#[tokio::test]
async fn a_malformed_table_is_refused_as_a_whole_and_said_where() {
    let desk = Desk::open().await;
    open(&desk).await;
    let good = format!("m1,{CERT_ID},食堂,0,1,");
    for (table, says) in [
        (String::new(), "the table is empty"),
        (HEADER.to_owned(), "no row below it"),
        (format!("mercid,{HEADER}\n1,{good}\n"), "row 1: there is no column “mercid”"),
        (HEADER.replace(",type", ""), "row 1: the column type is missing"),
        (
            format!("{HEADER}\n{good}\nm2,{CERT_ID},食堂,0,1\n"),
            "row 3: has 5 cells, and the header 6",
        ),
        (
            format!("{HEADER}\n{good}\nm2,{CERT_ID},\"食堂,0,1,\n{good}\n"),
            "row 3: a cell has a line",
        ),
    ] {
        let problem = send(&desk, "", table).await.problem(400, "malformed", Some("body"));
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(says), "{detail}");
    }
    let gbk = [HEADER.as_bytes(), b"\nm1,c1,\xca\xb3\xcc\xc3,0,1,\n"].concat();
    let problem = send(&desk, "", gbk).await.problem(400, "malformed", Some("body"));
    assert!(problem["detail"].as_str().unwrap().starts_with("row 2: is not UTF-8"), "{problem}");
    assert_eq!(all(&desk).await.len(), 1);
}

#[tokio::test]
async fn a_table_is_bounded_in_rows_and_bytes_and_must_be_announced() {
    let desk = Desk::open().await;
    open(&desk).await;
    let rows: String = (0..10_001).map(|n| format!("m{n},{CERT_ID},食堂,0,1,\n")).collect();
    let long = send(&desk, "?dry_run=true", format!("{HEADER}\n{rows}")).await;
    let problem = long.problem(413, "too-large", None);
    assert!(problem["detail"].as_str().unwrap().contains("10000 rows"), "{problem}");
    let most = 2 * 1024 * 1024;
    send(&desk, "", vec![b'x'; most + 1]).await.problem(413, "too-large", None);
    send(&desk, "", vec![b'x'; most]).await.problem(400, "malformed", Some("body"));
    let all_but_one = rows.rsplit_once("m10000").unwrap().0;
    let told = send(&desk, "?dry_run=true", format!("{HEADER}\n{all_but_one}")).await.ok();
    assert_eq!(counts(&told), [10_000, 0, 0, 0]);
    let unannounced = desk.post("/merchants/import", json!({"merc_id": "m1"})).await;
    unannounced.problem(415, "not-csv", None);
    assert_eq!(all(&desk).await.len(), 1);
}

#[tokio::test]
async fn a_table_that_is_cut_short_says_how_far_it_came_and_can_be_sent_again() {
    let mut setup = Setup::default();
    // Long enough for all but what waits for the writer.
    setup.settings.deadline = Duration::from_secs(10);
    setup.engine.batch_max = 1;
    let desk = Desk::at(TestApp::with(setup).await).await;
    open(&desk).await;
    let rows: String = (0..150).map(|n| format!("m{n},{CERT_ID},食堂,0,1,\n")).collect();
    let table = format!("{HEADER}\n{rows}");
    // The writer stands still once more behind the first hundred rows.
    let (entered, first) = stop_writer(&desk.server.app.engine);
    tokio::task::spawn_blocking(move || entered.recv()).await.unwrap().unwrap();
    let request = desk.request(Method::POST, "/merchants/import");
    let request = request.bearer_auth(desk.token_of(Role::Admin));
    let request = request.header(CONTENT_TYPE, "text/csv").body(table.clone());
    let asked = tokio::spawn(Answer::to(request));
    queued(&desk, 1).await;
    let (_entered, second) = stop_writer(&desk.server.app.engine);
    queued(&desk, 2).await;
    first.send(()).unwrap();
    let problem = asked.await.unwrap().problem(504, "deadline", None);
    let detail = problem["detail"].as_str().unwrap();
    let so_far =
        "Up to row 101 the table was taken in, so far as it could be; it can be sent again.";
    assert!(detail.starts_with(so_far), "{detail}");
    assert_eq!(all(&desk).await.len(), 101);
    second.send(()).unwrap();
    // Nobody waits for the other rows any more.
    assert_eq!(counts(&send(&desk, "", table).await.ok()), [50, 0, 100, 0]);
    assert_eq!(all(&desk).await.len(), 151);
}

#[tokio::test]
async fn a_server_that_is_stopping_takes_no_table() {
    let desk = Desk::open().await;
    open(&desk).await;
    desk.server.app.engine.stop().await;
    let answer = send(&desk, "", format!("{HEADER}\nm1,{CERT_ID},食堂,0,1,\n")).await;
    answer.problem(503, "busy", None);
}
