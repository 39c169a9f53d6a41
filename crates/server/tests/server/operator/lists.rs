//! Lists: pages, filters, CSV.

use std::collections::BTreeSet;

use huodong_campaign::{AppId, FlowerKey, OpenId, TransCode};
use huodong_campaign::{CreateOrganization, GrantFlowers, OrgNo};
use huodong_wire::gongyi::Api;
use jiff::SignedDuration;
use reqwest::Method;
use reqwest::header::ACCEPT;
use serde_json::{Value, json};

use super::desk::{Answer, Desk};
use super::{counter, gateway};
use crate::app::{APP, BID_2, FAILS, PROJECT_2, activity, donation, with};

async fn donate(desk: &Desk, changes: &[(&str, Value)]) -> Value {
    let body = changes.iter().fold(donation(), |body, (field, to)| with(body, field, to.clone()));
    desk.server.call(Api::RewardToDonate, &body).await.success()
}

/// Every item of a list, page by page.
pub async fn walk(desk: &Desk, path: &str, limit: usize) -> Vec<Value> {
    let join = if path.contains('?') { '&' } else { '?' };
    let mut items = Vec::new();
    let mut cursor = String::new();
    for _page in 0..1_000 {
        let page = desk.shown(&format!("{path}{join}limit={limit}{cursor}")).await;
        let rows = page["items"].as_array().unwrap();
        assert!(rows.len() <= limit);
        items.extend(rows.iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return items,
        }
    }
    panic!("{path} has no end");
}

pub fn texts<'a>(items: &'a [Value], field: &str) -> Vec<&'a str> {
    items.iter().map(|it| it[field].as_str().unwrap()).collect()
}

#[tokio::test]
async fn pages_follow_one_another_while_rows_are_added() {
    let desk = Desk::open().await;
    let mut placed = Vec::new();
    for _ in 0..25 {
        placed.push(donate(&desk, &[]).await["donate_transcode"].as_str().unwrap().to_owned());
    }
    placed.reverse();
    assert_eq!(texts(&walk(&desk, "/donations", 7).await, "donate_transcode"), placed);
    assert_eq!(texts(&walk(&desk, "/donations", 25).await, "donate_transcode"), placed);
    // What is added after the first page was read moves nothing.
    let first = desk.shown("/donations?limit=10").await;
    donate(&desk, &[]).await;
    let next = first["next_cursor"].as_str().unwrap();
    let rest = walk(&desk, &format!("/donations?cursor={next}"), 500).await;
    assert_eq!(texts(&rest, "donate_transcode"), placed[10..]);
    assert_eq!(desk.shown("/donations").await["items"].as_array().unwrap().len(), 26);
}

#[tokio::test]
async fn every_list_is_paged_and_complete() {
    let desk = Desk::open().await;
    counter::open(&desk, "coupons").await;
    gateway::open(&desk).await;
    for n in 0..12 {
        let org_no = format!("bulk-{n}");
        let name = format!("企业{n}");
        let org = CreateOrganization {
            org_no: Some(OrgNo::from(org_no.as_str())),
            name,
            merchant_no: "1".to_owned(),
        };
        desk.server.done(org).await;
        let app = json!({"appid": format!("bulk-app-{n}"), "org_no": org_no, "name": "n"});
        desk.post("/applications", app).await.ok();
        desk.post("/bids", json!({"appid": format!("bulk-app-{n}")})).await.ok();
        desk.post("/projects", json!({"name": "n"})).await.ok();
        desk.post("/tokens", json!({"name": format!("bulk-{n}"), "role": "viewer"})).await.ok();
        donate(&desk, &[]).await;
        let institution = with(counter::institution(), "appid", format!("bulk-{n}"));
        desk.post("/institutions", institution).await.ok();
        counter::issue(&desk, "coupons", "u").await;
        let page = json!({"appid": format!("bulk-{n}"), "wechat_appid": "wx", "wechat_secret": "s",
            "return_to": ["https://m.bank.example/"]});
        desk.post("/openid-pages", page).await.ok();
        let initiator = with(gateway::initiator(), "cert_id", format!("bulk-{n}"));
        desk.post("/initiators", initiator).await.ok();
        let merc_id = format!("bulk-{n}");
        desk.post("/merchants", gateway::merchant(&merc_id)).await.ok();
        gateway::enrol(&desk, &merc_id).await;
    }
    desk.post("/platform-keys", json!({"purpose": "notify"})).await.ok();
    for (path, key, at_least) in [
        ("/organizations", "org_no", 14),
        ("/applications", "appid", 14),
        ("/bids", "bid", 15),
        ("/projects", "project_no", 15),
        ("/activities", "activity_no", 9),
        ("/donations", "id", 12),
        ("/ledger/accounts", "id", 30),
        ("/ledger/transfers", "id", 20),
        ("/audit", "id", 48),
        ("/tokens", "name", 16),
        ("/institutions", "appid", 12),
        ("/coupons", "id", 12),
        ("/callbacks", "id", 12),
        ("/openid-pages", "campaign", 12),
        ("/initiators", "cert_id", 14),
        ("/merchants", "merc_id", 13),
        ("/photos", "id", 72),
        ("/enrolments", "number", 12),
        ("/platform-keys", "serial_no", 1),
    ] {
        let all = walk(&desk, path, 500).await;
        let paged = walk(&desk, path, 4).await;
        assert_eq!(paged, all, "{path}");
        assert!(all.len() >= at_least, "{path} has {}", all.len());
        let keys: BTreeSet<_> = texts(&all, key).into_iter().collect();
        assert_eq!(keys.len(), all.len(), "{path} repeats itself");
        let csv = desk.get(&format!("{path}?format=csv")).await;
        let rows = csv_rows(&csv);
        assert_eq!(rows.len(), all.len(), "{path} as CSV");
        for column in csv.text.lines().next().unwrap().split(',') {
            assert!(all[0].get(column).is_some(), "{path} has a column {column} and no such field");
        }
    }
}

#[tokio::test]
async fn donations_are_filtered_by_all_that_is_given() {
    let desk = Desk::open().await;
    desk.server.app.engine.clock().freeze(true);
    let id = |answer: Value| answer["donate_transcode"].as_str().unwrap().to_owned();
    let plain = id(donate(&desk, &[]).await);
    let project = id(donate(&desk, &[("project_no", json!(PROJECT_2))]).await);
    let user = id(donate(&desk, &[("third_uid", json!("other user"))]).await);
    let failed = id(donate(&desk, &[("money", json!(FAILS))]).await);
    let bid = id(donate(&desk, &[("bid", json!(BID_2))]).await);
    let deferred = id(donate(&desk, &[("activity_no", json!(activity::DEFERRED))]).await);
    desk.server.app.engine.clock().advance(SignedDuration::from_secs(10));
    let middle = desk.server.app.engine.clock().now();
    let late = id(donate(&desk, &[]).await);

    let found = async |query: &str| {
        let items = walk(&desk, &format!("/donations?{query}"), 2).await;
        texts(&items, "donate_transcode").into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(found("project_no=50000636").await, [project.as_str()]);
    assert_eq!(found("third_uid=other%20user").await, [user]);
    assert_eq!(found("status=failed").await, [failed]);
    assert_eq!(found("status=placed").await, [deferred.as_str()]);
    assert_eq!(found("bid=12346").await, [bid]);
    assert_eq!(found("activity_no=deferred").await, [deferred]);
    assert_eq!(found("appid=other_app").await, [""; 0]);
    assert_eq!(found("appid=demo_app").await.len(), 7);
    assert_eq!(found(&format!("from={middle}")).await, [late]);
    assert_eq!(found(&format!("until={middle}")).await.len(), 6);
    assert_eq!(found("status=paid&project_no=50000636&third_uid=user_001").await, [project]);
    assert_eq!(found("status=failed&bid=12346").await, [""; 0]);
    assert!(found("").await.contains(&plain));
}

#[tokio::test]
async fn the_ledger_shows_what_each_donation_moved() {
    let desk = Desk::open().await;
    let placed = donate(&desk, &[("activity_no", json!(activity::DEFERRED))]).await;
    desk.server.advance(61).await;
    let transcode = placed["donate_transcode"].as_str().unwrap();
    let moved = walk(&desk, &format!("/ledger/transfers?order={transcode}"), 10).await;
    assert_eq!(texts(&moved, "reason"), ["pay", "hold"]);
    assert!(moved.iter().all(|it| it["money"] == 5000 && it["donate_transcode"] == transcode));
    let held = desk.shown("/ledger/accounts?kind=held&owner=deferred").await["items"][0].clone();
    assert_eq!(held["balance"], 0);
    assert_eq!(held["id"], moved[0]["from"]);
    let through = format!("/ledger/transfers?account={}", held["id"].as_str().unwrap());
    assert_eq!(walk(&desk, &through, 1).await, moved);
    let deposits = walk(&desk, "/ledger/transfers?reason=deposit", 50).await;
    assert_eq!(deposits.len(), 2);
    let outside = desk.shown("/ledger/accounts?kind=outside").await["items"].clone();
    let deposited: i64 = deposits.iter().map(|it| it["money"].as_i64().unwrap()).sum();
    assert_eq!(outside[0]["balance"], -deposited);
    for bad in ["account=x", "order=x", "reason=gift", "from=yesterday"] {
        let field = bad.split('=').next();
        desk.get(&format!("/ledger/transfers?{bad}")).await.problem(400, "malformed", field);
    }
}

/// SQLite would take it, and PostgreSQL refuses the whole batch that it is in.
#[tokio::test]
async fn a_nul_character_is_refused_before_it_reaches_the_store() {
    let desk = Desk::open().await;
    for (list, parameter) in [("applications", "org_no"), ("audit", "actor"), ("flowers", "appid")]
    {
        let path = format!("/{list}?{parameter}=a%00b");
        desk.get(&path).await.problem(400, "malformed", Some(parameter));
    }
    desk.get("/activities/a%00b").await.problem(400, "malformed", None);
    let pause = desk.post("/activities/a%00b/pause", json!({})).await;
    pause.problem(400, "malformed", None);
}

#[tokio::test]
async fn other_lists_are_filtered_too() {
    let desk = Desk::open().await;
    let count = async |path: &str| walk(&desk, path, 3).await.len();
    assert_eq!(count("/applications?org_no=220000").await, 1);
    assert_eq!(count("/bids?appid=demo_app").await, 2);
    assert_eq!(count("/activities?org_no=220000").await, 1);
    assert_eq!(count("/activities?status=paused").await, 1);
    assert_eq!(count("/activities?project_no=224328").await, 9);
    assert_eq!(count("/activities?project_no=999").await, 0);
    let now = desk.server.app.engine.clock().now();
    for (trans_code, user) in [("20260101a", "u1"), ("20260101b", "u2")] {
        let grant = GrantFlowers {
            key: FlowerKey { appid: AppId::from(APP), trans_code: TransCode::from(trans_code) },
            open_id: OpenId::from(user),
            num: 2,
            starts_at: now - SignedDuration::from_secs(60),
            expires_at: now + SignedDuration::from_secs(60),
            donation: None,
            reward_transcode: None,
        };
        desk.server.done(grant).await;
    }
    assert_eq!(count("/flowers").await, 2);
    let one = desk.shown("/flowers?appid=demo_app&open_id=u2").await["items"].clone();
    assert_eq!(one.as_array().unwrap().len(), 1);
    assert_eq!((&one[0]["trans_code"], &one[0]["xhh_num"]), (&json!("20260101b"), &json!(2)));
}

#[tokio::test]
async fn what_a_list_is_asked_is_checked() {
    let desk = Desk::open().await;
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("limit=ten", "limit"),
        ("limit=5&limit=6", "limit"),
        ("cursor=%21", "cursor"),
        ("cursor=YWJj", "cursor"),
        ("format=xml", "format"),
        ("format=csv&limit=5", "limit"),
        ("statsu=paid", "statsu"),
        ("status=11", "status"),
        ("status=paid&status=failed", "status"),
        ("from=yesterday", "from"),
    ] {
        let answer = desk.get(&format!("/donations?{query}")).await;
        let problem = answer.problem(400, "malformed", Some(field));
        assert!(problem["detail"].as_str().unwrap().starts_with(field), "{problem}");
    }
    let unknown = desk.get("/projects?name=x").await.problem(400, "malformed", Some("name"));
    assert!(unknown["detail"].as_str().unwrap().contains("limit, cursor and format"));
}

pub fn csv_rows(answer: &Answer) -> Vec<csv::StringRecord> {
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.headers["content-type"], "text/csv; charset=utf-8; header=present");
    let disposition = answer.headers["content-disposition"].to_str().unwrap();
    assert!(disposition.starts_with("attachment; filename=\""), "{disposition}");
    csv::Reader::from_reader(answer.text.as_bytes()).records().map(Result::unwrap).collect()
}

#[tokio::test]
async fn csv_is_the_whole_filtered_list_across_its_pages() {
    let desk = Desk::open().await;
    for n in 0..1_203 {
        let user = if n % 3 == 0 { "thrice" } else { "user_001" };
        donate(&desk, &[("third_uid", json!(user)), ("money", json!(1))]).await;
    }
    let all = desk.get("/donations?format=csv").await;
    assert_eq!(all.headers["content-disposition"], "attachment; filename=\"donations.csv\"");
    assert!(all.text.starts_with("id,donate_transcode,reward_transcode,bid,appid,"));
    let rows = csv_rows(&all);
    assert_eq!(rows.len(), 1_203);
    let ids: BTreeSet<_> = rows.iter().map(|row| row[0].to_owned()).collect();
    assert_eq!(ids.len(), 1_203);
    let thrice = desk.get("/donations?format=csv&third_uid=thrice").await;
    assert_eq!(csv_rows(&thrice).len(), 401);
    let request = desk.request(Method::GET, "/projects").header(ACCEPT, "text/csv, */*;q=0.1");
    let request = request.bearer_auth(desk.token_of(huodong_campaign::Role::Viewer));
    assert_eq!(csv_rows(&Answer::to(request).await).len(), 3);
}

#[tokio::test]
async fn a_spreadsheet_takes_no_cell_for_a_formula() {
    let desk = Desk::open().await;
    let name = "=HYPERLINK(\"http://x\",\"y\")";
    desk.post("/projects", json!({"project_no": "evil", "name": name})).await.ok();
    let rows = csv_rows(&desk.get("/projects?format=csv").await);
    let evil = rows.iter().find(|row| &row[0] == "evil").unwrap();
    assert_eq!(&evil[1], format!("'{name}"));
    let outside = csv_rows(&desk.get("/ledger/accounts?format=csv&kind=outside").await);
    assert!(outside[0][3].starts_with('-'), "a balance is a number: {}", &outside[0][3]);
}
