//! The commands around coupons and their callbacks, as a newcomer types them.

use std::io::{BufRead as _, BufReader, Lines};
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use crate::support::{Sandbox, fail, huodong, run, signal, succeed};

/// A running `huodong listen --json`; killed when dropped.
struct Listener {
    child: Child,
    url: String,
    lines: Lines<BufReader<ChildStdout>>,
    // Read no further, but open: what is said there must not fail.
    _said: BufReader<ChildStderr>,
}

impl Listener {
    fn start(arguments: &[&str]) -> Self {
        let mut command = huodong(&["listen", "--port", "0", "--json"]);
        command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        let url = line.split_whitespace().find(|word| word.starts_with("http://"));
        let url = url.unwrap_or_else(|| panic!("{line}")).trim_end_matches(';').to_owned();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, url, lines, _said: said }
    }

    fn next(&mut self) -> Value {
        serde_json::from_str(&self.lines.next().expect("it has ended").unwrap()).unwrap()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // A child that has ended cannot be killed any more; that is all that can go wrong.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn call(sandbox: &Sandbox, arguments: &[&str]) -> Value {
    let mut all = vec!["call", "lakala", "--credentials", &sandbox.credentials_file];
    all.extend(arguments);
    serde_json::from_str(&succeed(&all)).unwrap()
}

#[test]
fn an_issue_without_fields_verifies_the_reply_and_ends_with_the_query() {
    let sandbox = Sandbox::start();
    let output = run(&["call", "lakala", "issue", "--base-url", &sandbox.base_url]);
    assert!(output.status.success(), "{output:?}");
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["data"]["trade_status"], "SUCCESS");
    let exchange = String::from_utf8(output.stderr).unwrap();
    for shown in [
        "> POST http",
        "> Authorization: LKLAPI-SHA256withRSA ",
        "< lklapi-serial: ",
        "Signature: right",
    ] {
        assert!(exchange.contains(shown), "{shown} is not in {exchange}");
    }
    assert!(!exchange.contains("PRIVATE KEY"), "a key is shown");
    let query = exchange.lines().last().unwrap().trim();
    let words: Vec<_> = query.split(' ').skip(1).chain(["-q"]).collect();
    let found: Value = serde_json::from_str(&succeed(&words)).unwrap();
    assert_eq!(found["data"]["trade_status"], "SUCCESS", "{query}");
}

#[test]
fn a_call_takes_fields_json_a_wrapper_and_a_body_of_ones_own() {
    let sandbox = Sandbox::start();
    let issued = call(&sandbox, &["issue", "mer_order_id=o-1"]);
    assert_eq!(call(&sandbox, &["issue", "mer_order_id=o-1"]), issued, "the same, once more");
    let wrapped = call(&sandbox, &["issue", "mer_order_id=o-2", "--wrapped"]);
    assert_eq!(wrapped["resp_data"]["data"]["mer_order_id"], "o-2");
    let none = call(&sandbox, &["issue", "postNotify:=null", "activity_id=1100000110"]);
    assert_eq!(none["data"]["activity_id"], "1100000110");

    let url = ["--base-url", sandbox.base_url.as_str()];
    let refused = |arguments: &[&str]| fail(&[&["call", "lakala"], arguments, &url].concat());
    let (exit, message) = refused(&["issue", "owner_id:=8"]);
    assert_eq!(exit, 1);
    assert!(message.contains("huodong: answered code 200001") && message.contains("owner_id"));
    let again = ["issue", "activity_id=1100000110", "mer_order_id=second"];
    let (_, message) = refused(&again);
    assert!(message.contains("answered resCode 300004"), "{message}");
    let (_, message) = refused(&["issue", "--json", "[1]"]);
    assert!(message.contains("answered code 100005"), "{message}");
    let (exit, message) = refused(&["query", "mer_order_id=o-1"]);
    assert_eq!(exit, 2);
    assert!(message.contains("trade_no is missing"), "{message}");
}

#[test]
fn a_callback_is_verified_shown_and_made_again_until_it_is_acknowledged() {
    let sandbox = Sandbox::start();
    let url = ["--base-url", sandbox.base_url.as_str()];
    let mut listener = Listener::start(&["--answers", "fail,500,junk,ack", "--count", "5"]);
    succeed(&[&["clock", "freeze"], &url[..]].concat());
    let notify = format!("postNotify={}/told", listener.url);
    let issued = call(&sandbox, &["issue", "mer_order_id=o-1", &notify]);
    let advance = |by: &str| succeed(&[&["clock", "advance", by], &url[..]].concat());
    for (attempt, by) in ["1s", "5s", "5s", "10s"].iter().enumerate() {
        advance(by);
        let told = listener.next();
        assert_eq!(told["verified"], true, "{told}");
        assert_eq!(told["event"], "issue");
        assert_eq!(told["status"], "SUCCESS");
        assert_eq!(told["attempt"], attempt + 1);
        assert_eq!(told["path"], "/told");
        assert_eq!(told["trade_no"], issued["data"]["trade_no"]);
        assert_eq!(told["body"]["amount"], "10.00");
    }
    // It was acknowledged, so nothing comes but what is new.
    advance("5h");
    let write_off = format!("writeOffNotify={}/used", listener.url);
    let one_day = ["issue", "activity_id=1100000112", "postNotify:=null", &write_off];
    call(&sandbox, &one_day);
    advance("24h");
    advance("1s");
    let told = listener.next();
    assert_eq!((&told["event"], &told["status"]), (&json!("write_off"), &json!("EXPIRED")));
    assert_eq!(told["answered"], "fail", "each callback has its own first attempt");
    assert!(listener.child.wait().unwrap().success(), "it ends after five");
}

#[test]
fn what_is_no_callback_of_the_platforms_is_shown_as_that() {
    let mut listener = Listener::start(&["--answer", "drop"]);
    let mut curl = Command::new("curl");
    curl.args(["-s", "-d", r#"{"callTradeNo":"1"}"#, &listener.url]);
    assert_eq!(curl.status().unwrap().code(), Some(52), "an empty reply");
    let told = listener.next();
    assert_eq!(told["verified"], false);
    assert_eq!(told["why"], "there is no Authorization header");
    signal(&listener.child);
    assert_eq!(listener.child.wait().unwrap().code(), Some(0));
}

#[test]
fn what_does_not_verify_is_not_acknowledged() {
    let mut listener = Listener::start(&["--count", "1"]);
    let mut curl = Command::new("curl");
    curl.args(["-s", "-d", r#"{"callTradeNo":"1"}"#, &listener.url]);
    let answer: Value = serde_json::from_slice(&curl.output().unwrap().stdout).unwrap();
    assert_eq!(answer["code"], "FAIL");
    assert_eq!(listener.next()["answered"], "fail");
    assert!(listener.child.wait().unwrap().success());
}

/// The README's own lines, with the sandbox's address in place of the well-known one.
#[test]
fn a_person_with_curl_and_openssl_issues_a_coupon() {
    let sandbox = Sandbox::start();
    let home = tempfile::tempdir().unwrap();
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    // Both issue the same order, so the second finds the first one's coupon.
    let [answer, again] = ["README.md", "README.zh-CN.md"].map(|readme| {
        let readme = std::fs::read_to_string(format!("{root}/{readme}")).unwrap();
        let block = readme
            .split("```")
            .find(|block| block.starts_with("sh\nKEYS="))
            .expect("the README issues a coupon by hand");
        let lines = block.trim_start_matches("sh\n").replace("curl -si", "curl -s");
        let lines = lines.replace("http://127.0.0.1:18080", &sandbox.base_url);
        let answer = shell(&format!("cd {root} && set -eu\n{lines}"), &sandbox, "");
        assert_eq!(answer["data"]["trade_status"], "SUCCESS", "{answer}");
        answer
    });
    assert_eq!(answer["data"], again["data"]);

    let script = r#"
set -eu
BODY='{"owner_id":"80000007","mer_order_id":"20211203092301","activity_id":"1100000086","trade_no":"'$TRADE_NO'"}'
curl -s "$URL/api/v3/coupon/query" -H 'Content-Type: application/json' -d "$BODY" -H "$($HUODONG sign lakala --body "$BODY")"
"#;
    let trade_no = answer["data"]["trade_no"].as_str().unwrap();
    let script = format!("TRADE_NO={trade_no}{script}");
    let found = shell(&script, &sandbox, "");
    assert_eq!(found["data"]["trade_status"], "SUCCESS", "{found}");

    let script = r#"
set -eu
cd $HOME
printf '{"no":"order"}' >body.json
$HUODONG sign lakala --body-file body.json --format curl | curl -s -K - --data-binary @body.json "$URL/api/v3/coupon/query"
"#;
    let refused = shell(script, &sandbox, home.path().to_str().unwrap());
    assert_eq!(refused["code"], "200001", "let in, and told what is missing: {refused}");
}

fn shell(script: &str, sandbox: &Sandbox, home: &str) -> Value {
    let mut sh = Command::new("sh");
    sh.args(["-c", script]).env("URL", &sandbox.base_url).env("HOME", home);
    let output = sh.env("HUODONG", env!("CARGO_BIN_EXE_huodong")).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stdout)))
}

#[test]
fn sign_covers_the_body_and_prints_the_same_in_three_formats() {
    let sign = ["sign", "lakala", "--nonce", "abcdefGHI012", "--timestamp", "1650812345", "--body"];
    let header = succeed(&[&sign[..], &["{}"]].concat());
    let start = "Authorization: LKLAPI-SHA256withRSA appid=\"OP00000003\",serial_no=\"";
    assert!(header.starts_with(start), "{header}");
    let value = header.strip_prefix("Authorization: ").unwrap().trim_end();
    let json = succeed(&[&sign[..], &["{}", "--format", "json"]].concat());
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap()["Authorization"], value);
    let curl = succeed(&[&sign[..], &["{}", "--format", "curl"]].concat());
    assert!(curl.contains(&value.replace('"', "\\\"")), "{curl}");
    assert_ne!(succeed(&[&sign[..], &["{ }"]].concat()), header, "another body");
    let (exit, _) = fail(&["sign", "lakala"]);
    assert_eq!(exit, 2);
}

#[test]
fn faults_meet_coupons_too() {
    let sandbox = Sandbox::start();
    let url = ["--base-url", sandbox.base_url.as_str()];
    succeed(&[&["fault", "add", "lakala.issue", "--code", "999999"], &url[..]].concat());
    let issue = [&["call", "lakala", "issue", "mer_order_id=lost"], &url[..]].concat();
    assert!(fail(&issue).1.contains("answered code 999999"));
    succeed(&[&["fault", "add", "lakala.issue", "--drop-after"], &url[..]].concat());
    assert!(fail(&issue).1.contains("does not answer"));
    assert!(succeed(&issue).contains("SUCCESS"), "it was carried out, and is found again");
}

#[test]
fn the_benchmarks_of_coupons_and_callbacks_report() {
    let signed = succeed(&["bench", "sign", "--seconds", "0.1", "--json"]);
    let signed: Value = serde_json::from_str(&signed).unwrap();
    assert!(signed["all_cores"].as_f64().unwrap() > 10.0, "{signed}");

    let sandbox = Sandbox::start();
    let load = ["bench", "coupon", "--credentials", &sandbox.credentials_file, "--json"];
    let little = ["--count", "200", "--connections", "8", "--warm-up", "0", "--duration", "60"];
    let report: Value = serde_json::from_str(&succeed(&[&load[..], &little].concat())).unwrap();
    assert_eq!(report["codes"], json!({"0": 200}), "{report}");
    assert!(report["replies_verified"].as_u64().unwrap() > 0, "{report}");
    assert!(report["share_of_signing"].as_f64().unwrap() > 0.0, "{report}");

    // On a slow machine the first may be due before all is ready for them, which it says.
    let report = ["6", "60", "200"].into_iter().find_map(|lead| {
        let few = ["--count", "200", "--seconds", "0.5", "--rate", "50", "--owed", "500"];
        let output = run(&[&["bench", "callbacks", "--json", "--lead", lead], &few[..]].concat());
        let said = String::from_utf8_lossy(&output.stderr);
        let late = said.contains("preparing took longer than planned");
        assert!(late || output.status.success(), "{output:?}");
        (!late).then_some(output.stdout)
    });
    let report: Value = serde_json::from_slice(&report.expect("preparing takes for ever")).unwrap();
    assert!(report["callbacks_per_s"].as_f64().unwrap() > 0.0, "{report}");
    assert_eq!(report["lateness"]["callbacks"], 25, "{report}");
    assert!(report["owed"]["server_memory_mib"].as_f64().unwrap() > 1.0, "{report}");
}
