//! Several servers over one database.

use std::time::{Duration, Instant};

use huodong_campaign::{
    AppId, AssignBid, Bid, CreateApplication, KeyPurpose, OrgNo, RevokeApplication, RotateSecret,
    UpdateApplication,
};
use huodong_testing::{Postgres, Proxy};
use huodong_wire::gongyi::Api;
use serde_json::json;

use crate::app::{
    APP, BID, Caller, ORG, PATIENCE, SECRET, Setup, TestApp, donation, fresh_nonce, now,
    shared_database, with,
};
use crate::openid::scene::{Browser, CAMPAIGN, FakeWechat, PUBLIC_URL, RETURN_TO, furnish};

const REPLAYED: i64 = 15_150_004;

async fn two() -> (TestApp, TestApp) {
    let one = TestApp::sharing(Setup::default()).await;
    let other = one.beside(Setup::default()).await;
    (one, other)
}

/// Returns once it holds; others' changes are looked for twice a second.
async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !holds().await {
        assert!(began.elapsed() < PATIENCE, "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn application(app: &TestApp, appid: &str) -> CreateApplication {
    let appid = AppId::from(appid);
    CreateApplication {
        sealed_secret: app.app.seal_secret(&appid, SECRET),
        appid: Some(appid),
        org_no: OrgNo::from(ORG),
        name: "made at one node".to_owned(),
        rate_per_s: None,
        flowers_per_day: 1,
    }
}

#[tokio::test]
async fn a_partner_made_changed_or_revoked_at_one_node_is_so_at_the_other_soon() {
    let (one, other) = two().await;
    let answered = async |secret: &str| {
        let (appid, secret) = ("new_app".to_owned(), secret.to_owned());
        let caller = Caller { server: &other, appid, secret };
        caller.call(Api::RewardToDonate, &with(donation(), "bid", "77777")).await.code
    };
    assert_eq!(answered(SECRET).await, 15_150_001);
    let appid = AppId::from("new_app");
    one.done(application(&one, "new_app")).await;
    one.done(AssignBid { bid: Some(Bid::from("77777")), appid: appid.clone() }).await;
    eventually("it is let in", async || answered(SECRET).await == 0).await;

    let sealed_secret = one.app.seal_secret(&appid, "another secret of it");
    let previous_valid_until = None;
    one.done(RotateSecret { appid: appid.clone(), sealed_secret, previous_valid_until }).await;
    eventually("it has another secret", async || answered("another secret of it").await == 0).await;
    assert_eq!(answered(SECRET).await, 15_150_002);

    one.done(RevokeApplication { appid }).await;
    let shut_out = async || answered("another secret of it").await == 15_150_001;
    eventually("it is shut out", shut_out).await;
}

#[tokio::test]
async fn a_platform_key_made_at_one_node_signs_at_the_other_soon() {
    let (one, other) = two().await;
    assert!(other.app.platform.signer(KeyPurpose::Reply).is_none());
    huodong_server::ensure_platform_keys(&one.app).await.unwrap();
    let ours = one.app.platform.signer(KeyPurpose::Reply).unwrap();
    let signs = async || other.app.platform.signer(KeyPurpose::Reply).is_some();
    eventually("it signs", signs).await;
    let theirs = other.app.platform.signer(KeyPurpose::Reply).unwrap();
    assert_eq!(theirs.certificate.pem(), ours.certificate.pem());
}

#[tokio::test]
async fn an_application_that_cannot_be_read_in_keeps_no_other_from_it() {
    let (one, other) = two().await;
    let database = shared_database(&one.directory);
    let of_app = format!("WHERE appid = '{APP}'");
    let sealed = database.psql(&format!("SELECT sealed_secret FROM applications {of_app}"));
    let seal = |bytes: &str| {
        database.psql(&format!("UPDATE applications SET sealed_secret = '{bytes}' {of_app}"))
    };
    seal("\\x00");
    one.done(application(&one, "new_app")).await;
    let known = async || other.app.directory.caller("new_app").is_some();
    eventually("it is known", known).await;
    assert_eq!(other.call(Api::RewardToDonate, &donation()).await.code, 0, "what is known serves");
    other.app.refresh().await.unwrap_err();
    let revoke = RevokeApplication { appid: AppId::from("new_app") };
    one.done(revoke).await;
    let unknown = async || other.app.directory.caller("new_app").is_none();
    eventually("it is shut out", unknown).await;
    seal(&sealed);
    other.app.refresh().await.unwrap();
}

#[tokio::test]
async fn a_nonce_passes_once_at_whichever_node() {
    let (one, other) = two().await;
    let body = json!({"project_no": "224328"}).to_string();
    for round in 0..30 {
        let caller = one.caller();
        let headers = caller.headers();
        let there = other.caller();
        let (here, there) = tokio::join!(
            caller.send(Api::GetActivityInfo, headers.clone(), body.clone()),
            there.send(Api::GetActivityInfo, headers.clone(), body.clone()),
        );
        let mut codes = [here.code, there.code];
        codes.sort_unstable();
        assert_eq!(codes, [0, REPLAYED], "{round}");
    }
    // One that is started afterwards knows as well, though it knows nothing of its own.
    let headers = one.caller().headers_at(now() - 60, &fresh_nonce());
    one.caller().send(Api::GetActivityInfo, headers.clone(), body.clone()).await.success();
    let third = one.beside(Setup::default()).await;
    let again = third.caller().send(Api::GetActivityInfo, headers, body.clone()).await;
    again.assert_refused(REPLAYED, "随机串重复");
    // And need not refuse what was signed before it was.
    let before = third.caller().headers_at(now() - 60, &fresh_nonce());
    third.caller().send(Api::GetActivityInfo, before, body).await.success();
}

#[tokio::test]
async fn a_nonce_is_let_go_of_when_its_call_has_gone_stale() {
    let one = TestApp::sharing(Setup::default()).await;
    let database = shared_database(&one.directory);
    one.call(Api::RewardToDonate, &donation()).await.success();
    database.psql(
        "INSERT INTO nonces (hash, until) \
         SELECT decode(md5(n::text), 'hex'), n FROM generate_series(1, 12000) n",
    );
    // One day a busy node, or one that idles for ten seconds, comes to it.
    let left = async || database.psql("SELECT count(*) FROM nonces") == "1";
    eventually("they are gone", left).await;
}

#[tokio::test]
async fn a_user_who_left_for_wechat_comes_back_to_any_node_once() {
    let wechat = FakeWechat::start().await;
    let setup = || {
        let mut setup = Setup::default();
        setup.settings.public_url = Some(PUBLIC_URL.to_owned());
        setup.settings.wechat_api_base = Some(wechat.base());
        setup
    };
    let one = TestApp::sharing(setup()).await;
    furnish(&one).await;
    let mut browser = Browser::of(&one);
    let state = browser.begin(CAMPAIGN, RETURN_TO).await;
    let cookies = browser.cookies.clone();
    let other = one.beside(setup()).await;
    browser.go_to(&other);
    assert_eq!(browser.finish(CAMPAIGN, "code", &state).await.status(), 302);
    assert_eq!(wechat.asked().len(), 1);
    browser.go_to(&one);
    browser.cookies = cookies;
    let again = browser.finish(CAMPAIGN, "code", &state).await;
    assert_eq!(again.status(), 400);
    assert!(again.text().await.unwrap().contains("授权已使用"));
    assert_eq!(wechat.asked().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_without_its_database_is_not_ready_and_recovers_by_itself() {
    let postgres = Postgres::shared();
    let database = postgres.database();
    let proxy = Proxy::to(postgres.address());
    let url = Some(database.url_through(proxy.address()));
    let mut setup = Setup { url, ..Setup::default() };
    // While nothing is there a call waits for that long.
    setup.settings.deadline = Duration::from_secs(5);
    let app = TestApp::with(setup).await;
    let ready = async || app.http.get(app.url("/readyz")).send().await.unwrap().status() == 200;
    let serves = async || app.call(Api::RewardToDonate, &donation()).await.code == 0;
    eventually("it is ready at first", async || ready().await).await;
    eventually("it serves at first", async || serves().await).await;
    proxy.cut();
    eventually("it says no", async || !ready().await).await;
    let alive = app.http.get(app.url("/healthz")).send().await.unwrap();
    assert_eq!(alive.status(), 200);
    let answer = app.call(Api::RewardToDonate, &donation()).await;
    assert!([32_240_007, 32_240_043, 15_150_028].contains(&answer.code), "{}", answer.text);
    proxy.restore();
    eventually("it is ready", ready).await;
    eventually("it serves", serves).await;
    let page = app.http.get(app.url("/metrics")).send().await.unwrap().text().await.unwrap();
    let count = |name: &str| -> Option<u64> {
        page.lines().find_map(|line| line.strip_prefix(&format!("{name} "))?.parse().ok())
    };
    assert!(count("huodong_store_reconnects_total").is_some_and(|count| count > 0), "{page}");
    // Whether a batch was under way when it was cut is chance.
    assert!(count("huodong_batch_repeats_total").is_some(), "{page}");
}

#[tokio::test]
async fn a_rate_is_each_nodes_own() {
    let (one, other) = two().await;
    let rate_per_s = Some(Some(1));
    let (appid, name, flowers_per_day) = (AppId::from(APP), None, None);
    one.done(UpdateApplication { appid, name, rate_per_s, flowers_per_day }).await;
    let slow = async || {
        let known = |app: &TestApp| app.app.directory.caller(APP).unwrap().rate.per_s();
        known(&one) == 1 && known(&other) == 1
    };
    eventually("both have it", slow).await;
    let code = async |app: &TestApp| {
        app.call(Api::RewardToDonate, &with(donation(), "bid", BID)).await.code
    };
    // The first call at each passes, whatever the other has let in.
    assert_eq!((code(&one).await, code(&other).await), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_whose_store_takes_no_writes_is_not_ready_until_it_does() {
    let one = TestApp::sharing(Setup::default()).await;
    let database = shared_database(&one.directory);
    let ready = async || {
        let answer = one.http.get(one.url("/readyz")).send().await.unwrap();
        answer.status().as_u16()
    };
    assert_eq!(ready().await, 200);
    // Whoever writes waits, as for a standby that is away.
    let holds = "DO $$ BEGIN LOCK TABLE nodes IN EXCLUSIVE MODE; \
                 WHILE NOT EXISTS (SELECT FROM pg_class WHERE relname = 'released') \
                 LOOP PERFORM pg_sleep(0.05); END LOOP; END $$";
    let holder = std::thread::spawn(move || database.psql(holds));
    eventually("it is not ready", async || ready().await == 503).await;
    shared_database(&one.directory).psql("CREATE TABLE released ()");
    eventually("it is ready", async || ready().await == 200).await;
    holder.join().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_start_together_make_one_platform_key_of_each_kind() {
    let (one, other) = two().await;
    let ensure = huodong_server::ensure_platform_keys;
    let (made, also) = tokio::join!(ensure(&one.app), ensure(&other.app));
    made.unwrap();
    also.unwrap();
    let keys = "SELECT count(*), count(DISTINCT purpose) FROM platform_keys";
    assert_eq!(shared_database(&one.directory).psql(keys), "4|4");
    for purpose in [KeyPurpose::Reply, KeyPurpose::Notify] {
        let [one, other] = [&one, &other].map(|node| node.app.platform.signer(purpose).unwrap());
        assert_eq!(one.certificate.pem(), other.certificate.pem());
    }
}
