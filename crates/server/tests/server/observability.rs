//! Health, metrics, shutdown.

use huodong_wire::gongyi::Api;

use crate::app::{TestApp, activity, donation, with};

async fn get(app: &TestApp, path: &str) -> (u16, String) {
    let response = app.http.get(app.url(path)).send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

#[tokio::test]
async fn a_running_server_is_alive_and_ready() {
    let app = TestApp::start().await;
    assert_eq!(get(&app, "/healthz").await, (200, "ok\n".to_owned()));
    assert_eq!(get(&app, "/readyz").await, (200, "ok\n".to_owned()));
}

#[tokio::test]
async fn readiness_goes_first_at_a_shutdown() {
    let app = TestApp::start().await;
    app.app.health.stop();
    assert_eq!(get(&app, "/readyz").await.0, 503);
    assert_eq!(get(&app, "/healthz").await.0, 200);
    app.call(Api::RewardToDonate, &donation()).await.success();
}

#[tokio::test]
async fn a_server_whose_writer_has_stopped_is_not_ready() {
    let app = TestApp::start().await;
    app.app.engine.stop().await;
    assert_eq!(get(&app, "/readyz").await.0, 503);
    assert!(get(&app, "/metrics").await.1.contains("\nhuodong_ready 0\n"));
}

#[tokio::test]
async fn metrics_count_requests_by_api_and_code_and_tell_of_batches() {
    let app = TestApp::start().await;
    app.call(Api::RewardToDonate, &donation()).await.success();
    app.call(Api::RewardToDonate, &donation()).await.success();
    app.call(Api::RewardToDonate, &with(donation(), "activity_no", activity::DRAFT)).await;
    let (status, page) = get(&app, "/metrics").await;
    assert_eq!(status, 200);
    for line in [
        r#"huodong_requests_total{face="gongyi",api="RewardToDonate",code="0"} 2"#,
        r#"huodong_requests_total{face="gongyi",api="RewardToDonate",code="32240001"} 1"#,
        r#"huodong_requests_total{face="gongyi",api="PreTry",code="0"} 0"#,
        r#"huodong_request_duration_seconds_count{face="gongyi",api="RewardToDonate"} 3"#,
        "huodong_queue_depth 0",
        "huodong_queue_max 16384",
        r#"huodong_nonces{face="gongyi"} 3"#,
        r#"huodong_nonces_max{face="gongyi"} 8000000"#,
        r#"huodong_engine_errors_total{error="unavailable"} 0"#,
        r#"huodong_callbacks{status="exhausted"} 0"#,
        "huodong_callback_overdue_seconds 0.0",
        "huodong_ready 1",
    ] {
        assert!(page.lines().any(|known| known == line), "{line}\n{page}");
    }
    for name in
        ["huodong_batch_commands_count ", r#"huodong_batch_step_seconds_count{step="save"} "#]
    {
        let line = page.lines().find_map(|line| line.strip_prefix(name)).expect(name);
        assert!(line.parse::<u64>().unwrap() > 3, "{name}{line}");
    }
    assert!(page.ends_with("# EOF\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn shutdown_answers_what_it_accepted() {
    let mut app = TestApp::start().await;
    let body = donation();
    let url = app.url(Api::RewardToDonate.path());
    let mut request = app.http.post(url).body(body.to_string());
    for (name, value) in app.caller().headers() {
        request = request.header(name, value);
    }
    let calling = tokio::spawn(request.send());
    // Wait until it has been taken in.
    while app.app.nonces.is_empty() {
        assert!(!calling.is_finished(), "it was answered before it was taken in");
        tokio::task::yield_now().await;
    }
    app.stop().await;
    assert_eq!(calling.await.unwrap().unwrap().status(), 200);
}
