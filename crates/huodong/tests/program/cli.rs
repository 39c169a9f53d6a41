//! The commands around a sandbox, as a newcomer types them.

use std::process::Command;
use std::time::{Duration, Instant};

use huodong_wire::gongyi::Api;
use serde_json::{Value, json};

use crate::support::{PATIENCE, Sandbox, code, fail, run, succeed};

fn call(sandbox: &Sandbox, arguments: &[&str]) -> Value {
    let mut all = vec!["call", "gongyi", "--credentials", &sandbox.credentials_file];
    all.extend(arguments);
    serde_json::from_str(&succeed(&all)).unwrap()
}

#[test]
fn a_call_without_fields_donates_and_shows_the_exchange() {
    let sandbox = Sandbox::start();
    let output = run(&["call", "gongyi", "RewardToDonate", "--base-url", &sandbox.base_url]);
    assert!(output.status.success(), "{output:?}");
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["data"]["donate_status"], 11);
    let exchange = String::from_utf8(output.stderr).unwrap();
    for shown in ["> POST http", "> Gy-H-Api-Sign: ", "\"reward_transcode\": ", "< HTTP/1.1 200"] {
        assert!(exchange.contains(shown), "{shown} is not in {exchange}");
    }
    assert!(!exchange.contains("sandbox_secret"), "a secret is shown");
}

#[test]
fn a_call_takes_fields_json_and_a_body_of_ones_own() {
    let sandbox = Sandbox::start();
    let given = ["RewardToDonate", "money=500", "reward_transcode=t-1", "third_uid=u"];
    let donated = call(&sandbox, &given);
    assert_eq!(donated["data"]["money"], 500);
    let found = call(&sandbox, &["RewardDonateQuery", "reward_transcode=t-1", "third_uid=u"]);
    assert_eq!(found["data"], donated["data"]);
    let listed = call(&sandbox, &["GetActivityInfo", "--json", r#"{"project_no":"224328"}"#]);
    assert!(listed["data"]["activity_info"].as_array().unwrap().len() > 5);

    let refused = ["call", "gongyi", "RewardToDonate", "money:=\"five\"", "--base-url"];
    let (exit, message) = fail(&[&refused[..], &[&sandbox.base_url]].concat());
    assert_eq!(exit, 1);
    assert!(message.ends_with("huodong: answered code 32240001\n"), "{message}");
}

#[test]
fn every_call_of_the_vendor_works_with_what_is_filled_in() {
    let sandbox = Sandbox::start();
    for api in ["GetActivityInfo", "RewardToDonate", "CheckXhh", "PreTry", "QueryUserXhh"] {
        assert_eq!(code(&call(&sandbox, &[api])), 0, "{api}");
    }
    let today = huodong_campaign::SHANGHAI.to_datetime(jiff::Timestamp::now());
    let trans_code = today.strftime("%Y%m%d-1").to_string();
    let (given, asked) = (format!("trans_code={trans_code}"), ["PreTry", "CheckIsTransExist"]);
    let exchanges = asked.map(|api| call(&sandbox, &[api, &given])["data"]["exchange_id"].clone());
    assert_eq!(exchanges[0], exchanges[1]);
}

#[test]
fn what_is_filled_in_follows_a_clock_that_was_moved() {
    let sandbox = Sandbox::start();
    succeed(&["clock", "set", "2027-03-04 05:06:07", "--base-url", &sandbox.base_url]);
    for api in ["RewardToDonate", "CheckXhh", "PreTry"] {
        assert_eq!(code(&call(&sandbox, &[api])), 0, "{api}");
    }
}

/// The README's four lines, with the sandbox's address in place of the well-known one.
#[test]
fn a_person_with_curl_and_openssl_is_let_in() {
    let sandbox = Sandbox::start();
    let script = r#"
set -eu
A=sandbox_app S=sandbox_secret_0123456789abcdef N=$(openssl rand -hex 16) T=$(date +%s)
SIGN=$(printf %s "Gy-H-Api-Appid=$A&Gy-H-Api-Nonce-Str=$N&Gy-H-Api-Timestamp=$T&key=$S" | openssl dgst -sha256 -hmac "$S" | sed 's/.* //' | tr a-f A-F)
curl -s $URL/api/reward_donate_service/GetActivityInfo -H "Gy-H-Api-Appid: $A" -H "Gy-H-Api-Timestamp: $T" \
  -H "Gy-H-Api-Nonce-Str: $N" -H "Gy-H-Api-Sign: $SIGN" -H 'Content-Type: application/json' -d '{"project_no":"224328"}'
"#;
    let answer = shell(script, &sandbox);
    assert_eq!(code(&answer), 0, "{answer}");
}

#[test]
fn signed_headers_go_straight_into_curl() {
    let sandbox = Sandbox::start();
    let script = r#"
set -eu
curl -s $($HUODONG sign gongyi) -d '{"project_no":"224328"}' $URL/api/reward_donate_service/GetActivityInfo
"#;
    let answer = shell(script, &sandbox);
    assert_eq!(code(&answer), 0, "{answer}");
}

#[test]
fn sign_prints_the_contracts_vector() {
    let vector = "A9CDC8073A86FC4D455F5CB844ECB6596A1F8E49475C8E0C725D2856C5A6403E";
    let given = ["sign", "gongyi", "--appid", "demo_app", "--secret", "secret_0123456789"];
    let nonce = ["--nonce", "1a2b3c4d5e6f7g8h1a2b3c4d5e6f7g8h", "--timestamp", "1650812345"];
    let headers = succeed(&[&given[..], &nonce[..], &["--format", "headers"]].concat());
    assert!(headers.contains(&format!("Gy-H-Api-Sign: {vector}\n")), "{headers}");
    let json = succeed(&[&given[..], &nonce[..], &["--format", "json"]].concat());
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["Gy-H-Api-Sign"], vector);
    assert_eq!(json["Gy-H-Api-Appid"], "demo_app");
}

fn shell(script: &str, sandbox: &Sandbox) -> Value {
    let mut sh = Command::new("sh");
    sh.args(["-c", script]).env("URL", &sandbox.base_url);
    let output = sh.env("HUODONG", env!("CARGO_BIN_EXE_huodong")).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_clock_settles_what_is_due_and_reset_brings_the_beginning_back() {
    let sandbox = Sandbox::start();
    let url = ["--base-url", &sandbox.base_url];
    let clock = |words: &[&str]| -> Value {
        let all = [&["clock"], words, &url[..]].concat();
        serde_json::from_str(&succeed(&all)).unwrap()
    };
    clock(&["set", "2026-11-21 10:00:00"]);
    clock(&["freeze"]);
    let later = ["RewardToDonate", "activity_no=100005", "reward_transcode=later"];
    assert_eq!(call(&sandbox, &later)["data"]["donate_status"], 2);
    let moved = clock(&["advance", "5s"]);
    assert!(moved.to_string().contains("settlements"), "{moved}");
    let query = ["RewardDonateQuery", "activity_no=100005", "reward_transcode=later"];
    assert_eq!(call(&sandbox, &query)["data"]["donate_status"], 11);
    let shown = clock(&[]);
    assert!(shown.to_string().contains("2026-11-21"), "{shown}");
    clock(&["unfreeze"]);

    succeed(&["reset", url[0], url[1]]);
    let gone = [&["call", "gongyi"], &query[..], &url[..]].concat();
    assert!(fail(&gone).1.contains("32240001"));
}

#[test]
fn a_fault_meets_so_many_calls_and_a_lost_answer_was_still_carried_out() {
    let sandbox = Sandbox::start();
    let url = ["--base-url", &sandbox.base_url];
    let fault = |words: &[&str]| succeed(&[&["fault"], words, &url[..]].concat());
    fault(&["add", "RewardToDonate", "--code", "32240007", "--count", "1"]);
    fault(&["add", "RewardToDonate", "--drop-after", "--field", "reward_transcode=lost"]);
    assert!(fault(&["list"]).contains("32240007"));
    let donate = ["call", "gongyi", "RewardToDonate", "reward_transcode=lost"];
    let donate = [&donate[..], &url[..]].concat();
    assert!(fail(&donate).1.contains("answered code 32240007"));
    let (_, lost) = fail(&donate);
    assert!(lost.contains("does not answer"), "{lost}");
    let query = ["RewardDonateQuery", "reward_transcode=lost"];
    assert_eq!(call(&sandbox, &query)["data"]["donate_status"], 11);

    fault(&["add", "GetActivityInfo", "--drop-before", "--count", "unlimited"]);
    fault(&["clear"]);
    assert_eq!(code(&call(&sandbox, &["GetActivityInfo"])), 0);
    let (exit, _) = fail(&["fault", "add", "RewardToDonate"]);
    assert_eq!(exit, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_told_to_stop_answers_what_it_accepted() {
    // On a slow machine a short delay can be over before the server is told.
    for delay_ms in [1_500, 15_000, 50_000] {
        if is_stopped_amid_a_call(delay_ms).await {
            return;
        }
    }
    panic!("the call was to take longer");
}

/// Tells a server to stop while it is at a call, which it must answer; false where it had done so
/// first, no sooner than it was to.
async fn is_stopped_amid_a_call(delay_ms: u64) -> bool {
    let sandbox = Sandbox::start();
    let url = ["--base-url", sandbox.base_url.as_str()];
    let (delay, began) = (delay_ms.to_string(), Instant::now());
    succeed(&[&["fault", "add", "RewardToDonate", "--delay-ms", &delay], &url[..]].concat());
    let caller = sandbox.caller();
    let body = json!({
        "activity_no": "100001", "project_no": "224328", "third_uid": "u", "reward": 1,
        "reward_transcode": "accepted", "reward_time": "2026-11-21 12:00:00", "money": 1,
        "bid": caller.bid,
    });
    let answer = tokio::spawn(async move { caller.call(Api::RewardToDonate, &body).await });
    // The fault is used up once the call has been accepted, and delays it from then on.
    while !succeed(&[&["fault", "list"], &url[..]].concat()).contains("\"items\": []") {
        assert!(began.elapsed() < PATIENCE, "the call does not come");
        tokio::task::yield_now().await;
    }
    sandbox.tell_to_stop();
    let amid = !answer.is_finished();
    assert!(amid || began.elapsed() >= Duration::from_millis(delay_ms), "it was not late");
    assert_eq!(code(&answer.await.unwrap().unwrap()), 0);
    assert_eq!(sandbox.terminate(), Some(0));
    amid
}

#[test]
fn data_that_is_not_kept_is_gone_when_the_sandbox_stops() {
    let mut sandbox = Sandbox::start();
    let files = |sandbox: &Sandbox| {
        let entries = std::fs::read_dir(sandbox.directory.path()).unwrap();
        entries.map(|entry| entry.unwrap().file_name()).collect::<Vec<_>>()
    };
    assert_eq!(files(&sandbox).len(), 2);
    assert_eq!(sandbox.stop(), Some(0));
    assert_eq!(files(&sandbox), ["sandbox.json"]);
}

#[test]
fn data_that_is_kept_is_there_at_the_next_start() {
    let data = tempfile::tempdir().unwrap();
    let first = Sandbox::start_with(Some(data.path()), &[]);
    call(&first, &["RewardToDonate", "reward_transcode=kept"]);
    assert_eq!(first.terminate(), Some(0));
    let second = Sandbox::start_with(Some(data.path()), &[]);
    let found = call(&second, &["RewardDonateQuery", "reward_transcode=kept"]);
    assert_eq!(found["data"]["donate_status"], 11);

    let data_text = data.path().to_str().unwrap();
    let (exit, message) = fail(&["audit", "--data", data_text]);
    assert_eq!(exit, 1);
    assert!(message.contains("in use by another process"), "{message}");
    assert_eq!(second.terminate(), Some(0));
    let report = succeed(&["audit", "--data", data_text]);
    assert!(report.contains("checked") && report.contains("OK: everything holds"), "{report}");
}

#[test]
fn a_port_that_is_taken_and_an_open_address_are_refused_in_words() {
    let sandbox = Sandbox::start();
    let address = sandbox.base_url.strip_prefix("http://").unwrap();
    let (exit, message) = fail(&["sandbox", "--listen", address]);
    assert_eq!(exit, 1);
    assert!(message.starts_with(&format!("huodong: cannot listen on {address}: ")), "{message}");
    let (exit, message) = fail(&["sandbox", "--listen", "0.0.0.0:0"]);
    assert_eq!(exit, 2);
    assert!(message.contains("--allow-remote"), "{message}");
    drop(sandbox);
    let (_, message) = fail(&["clock", "--base-url", "http://127.0.0.1:1"]);
    assert!(message.contains("is the server running?"), "{message}");
}

#[test]
fn the_help_is_a_guide_and_the_load_generator_reports() {
    let help = succeed(&["--help"]);
    assert!(help.starts_with("A server that speaks the campaign APIs of Chinese"), "{help}");
    assert!(help.contains("huodong sandbox  "));
    let sandbox = Sandbox::start();
    let load = ["bench", "donate", "--credentials", &sandbox.credentials_file, "--json"];
    let closed = ["--count", "500", "--warm-up", "0", "--connections", "8", "--repeat", "0.2"];
    let report = succeed(&[&load[..], &closed[..], &["--duration", "60"]].concat());
    let report: Value = serde_json::from_str(&report).unwrap();
    assert!(report["accepted"].as_u64().unwrap() >= 500, "{report}");
    assert_eq!(report["codes"].as_object().unwrap().len(), 1, "{report}");
    assert!(report["latency_ms"]["p99"].as_f64().unwrap() > 0.0);
    let open = ["--rate", "200", "--duration", "1", "--warm-up", "0", "--activities", "3"];
    let report: Value = serde_json::from_str(&succeed(&[&load[..], &open[..]].concat())).unwrap();
    let accepted = report["accepted"].as_u64().unwrap();
    assert!((1..=201).contains(&accepted), "{report}");
}
