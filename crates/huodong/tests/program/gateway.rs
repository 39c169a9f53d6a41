//! The commands around the 银盛 gateway, as a newcomer types them.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::{Sandbox, fail, run, succeed};

const MODES: [&str; 2] = ["sm2", "rsa"];

/// The reply of a call that must succeed, opened.
fn call(sandbox: &Sandbox, arguments: &[&str]) -> Value {
    let mut all = vec!["call", "ysepay"];
    all.extend(arguments);
    all.extend(["--base-url", &sandbox.base_url, "-q"]);
    serde_json::from_str(&succeed(&all)).unwrap()
}

fn shell(script: &str, sandbox: &Sandbox, home: &Path) -> String {
    let mut sh = Command::new("sh");
    sh.args(["-c", &format!("set -eu\ncd $HOME\n{script}")]).env("URL", &sandbox.base_url);
    sh.env("HOME", home).env("HUODONG", env!("CARGO_BIN_EXE_huodong"));
    let output = sh.output().unwrap();
    assert!(output.status.success(), "{script}\n{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// One pixel, as BMP.
fn picture() -> Vec<u8> {
    let mut bytes = b"BM".to_vec();
    for number in [58_u32, 0, 54, 40, 1, 1, 1 | 24 << 16, 0, 4, 2835, 2835, 0, 0, 0x00a0_5028] {
        bytes.extend(number.to_le_bytes());
    }
    bytes
}

#[test]
fn an_enrolment_without_fields_uploads_what_it_needs_and_enrols() {
    let sandbox = Sandbox::start();
    for mode in MODES {
        let output =
            run(&["call", "ysepay", "addData", "--mode", mode, "--base-url", &sandbox.base_url]);
        assert!(output.status.success(), "{output:?}");
        let reply: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((&reply["code"], &reply["subCode"]), (&json!("00000"), &json!("0000")));
        assert_eq!(reply["businessData"]["state"], "PENDING");
        let exchange = String::from_utf8(output.stderr).unwrap();
        let signature = format!("Signature: right, by the gateway's {mode} key");
        for shown in [
            "Uploaded a small picture as organizationPhoto: ",
            "The content, before it is encrypted:\n{\n  \"mercId\": ",
            "> POST http",
            "\"bizContent\": ",
            "< HTTP/1.1 200",
            &signature,
            "An operator decides on it:\n  curl -X POST",
        ] {
            assert!(exchange.contains(shown), "{shown} is not in {exchange}");
        }
        assert!(!exchange.contains("PRIVATE") && !exchange.contains("content key"), "{exchange}");
    }
    let (exit, message) =
        fail(&["call", "ysepay", "addData", "--base-url", &sandbox.base_url, "-q"]);
    assert_eq!(exit, 1);
    assert!(message.contains("answered subCode B029992"), "{message}");
}

#[test]
fn the_same_call_under_its_number_is_answered_the_same_and_another_is_refused() {
    let sandbox = Sandbox::start();
    let photo = sandbox.directory.path().join("front.bmp");
    let photo = photo.to_str().unwrap();
    std::fs::write(photo, picture()).unwrap();
    let uploaded = call(&sandbox, &["upload", "--file", photo, "--req-id", "up1415220315145602"]);
    let id = uploaded["businessData"]["picId"].as_str().unwrap();
    let again = call(&sandbox, &["upload", "--file", photo, "--req-id", "up1415220315145602"]);
    assert_eq!(uploaded["businessData"], again["businessData"]);

    let fields = ["organizationPhoto", "rentmentCommitmentPhoto", "frontPhoto"];
    let mut enrol =
        vec!["addData".to_owned(), "--req-id".to_owned(), "xy1415220315145602".to_owned()];
    enrol.extend(fields.map(|field| format!("{field}={id}")));
    let enrol: Vec<_> = enrol.iter().map(String::as_str).collect();
    let enrolled = call(&sandbox, &enrol);
    assert_eq!(call(&sandbox, &enrol)["businessData"], enrolled["businessData"]);
    let mut other = enrol.clone();
    other.push("creator=another");
    let refused = [&["call", "ysepay"], &other[..], &["--base-url", &sandbox.base_url]].concat();
    let (exit, message) = fail(&refused);
    assert_eq!(exit, 1);
    assert!(message.contains("huodong: answered code 10006"), "{message}");
}

#[test]
fn a_consult_ends_with_the_issue_of_what_it_calls_success() {
    let sandbox = Sandbox::start();
    for mode in MODES {
        let url = ["--base-url", &sandbox.base_url, "--charset", "gbk"];
        let output = run(&[&["call", "ysepay", "consult", "--mode", mode], &url[..]].concat());
        assert!(output.status.success(), "{output:?}");
        let reply: Value = serde_json::from_slice(&output.stdout).unwrap();
        let results = reply["businessData"]["consultResultInfoList"].as_array().unwrap();
        assert_eq!(results[0]["consultResultCode"], "SUCCESS", "{reply}");
        let exchange = String::from_utf8(output.stderr).unwrap();
        let issue = exchange.lines().last().unwrap().trim();
        let mut words: Vec<_> = issue.split(' ').skip(1).collect();
        words.push("-q");
        assert!(succeed(&words).contains("SUCCESS"), "{issue}");
    }
    let none = call(&sandbox, &["consult", "activityId=nothing", "userId=u"]);
    let results = &none["businessData"]["consultResultInfoList"];
    assert_eq!(results, &json!([{"activityId": "nothing", "consultResultCode": "OTHER"}]));
}

#[test]
fn faults_meet_the_gateways_calls_too() {
    let sandbox = Sandbox::start();
    let url = ["--base-url", sandbox.base_url.as_str()];
    succeed(&[&["fault", "add", "ysepay.addData", "--code", "B022013"], &url[..]].concat());
    let enrol = [&["call", "ysepay", "addData", "-q"], &url[..]].concat();
    assert!(fail(&enrol).1.contains("answered subCode B022013"));
    assert!(succeed(&enrol).contains("PENDING"), "it was for one call");
}

#[test]
fn an_envelope_that_is_wrong_in_one_thing_is_refused_for_it() {
    let sandbox = Sandbox::start();
    let refused = |arguments: &[&str]| {
        let url = ["--base-url", sandbox.base_url.as_str(), "-q"];
        fail(&[&["call", "ysepay", "consult"], arguments, &url[..]].concat()).1
    };
    for (set, code) in [
        ("version=2.0", "10001"),
        ("certId=826999999999999", "10002"),
        ("sign=AAAA", "10003"),
        ("bizContent=AAAA", "10004"),
        ("timeStamp=2020-01-01 00:00:00", "10005"),
        ("method=file.smsc.upload", "10007"),
    ] {
        let message = refused(&["--set", set]);
        assert!(message.contains(&format!("answered code {code}")), "{set}: {message}");
    }
    let message = refused(&["--json", "[]"]);
    assert!(message.contains("answered subCode 901001001"), "{message}");
    let (exit, message) = fail(&["call", "ysepay", "consult", "--cert-id", "1"]);
    assert_eq!(exit, 2);
    assert!(message.contains("826000000000001 (sm2)"), "{message}");
}

/// A request that is sealed, sent by curl, and opened again together with its reply.
#[test]
fn a_person_with_curl_seals_sends_and_opens() {
    let sandbox = Sandbox::start();
    let home = tempfile::tempdir().unwrap();
    for mode in MODES {
        for form in ["json", "form"] {
            let script = format!(
                "$HUODONG envelope seal consult userId=2088 --mode {mode} --form {form} \
                 --content-key 0123456789abcdef 2>seal.txt >request\n\
                 curl -s -d @request $([ {form} = form ] || echo -H Content-Type:application/json) \
                 $URL/openapi/ysMarket/activityConsult >reply\n\
                 $HUODONG envelope open request\n\
                 $HUODONG envelope open - --request request <reply >/dev/null\n\
                 $HUODONG envelope open reply --content-key 0123456789abcdef --content"
            );
            let told = shell(&script, &sandbox, home.path());
            for found in [
                format!(
                    "A request: ysMarket.activityConsult (consult); {}, 9 fields",
                    if form == "json" { "JSON" } else { "form" }
                ),
                format!("check: opened\n  by the gateway of the sandbox ({mode}); "),
                "bizContent: decrypted, ".to_owned(),
                "  \"userId\": \"2088\"".to_owned(),
                "String to sign: ".to_owned(),
                "Signature: right\n  by initiator 82600000000000".to_owned(),
                "no field is empty".to_owned(),
                "Content: its fields are well formed for consult".to_owned(),
                "\"consultResultCode\":\"SUCCESS\"".to_owned(),
            ] {
                assert!(told.contains(&found), "{found:?} is not in {told}");
            }
            assert!(!told.contains("0123456789abcdef"), "the content key is shown: {told}");
        }
    }
    let sealed = std::fs::read_to_string(home.path().join("seal.txt")).unwrap();
    assert!(sealed.contains("curl -s -d @request.txt http://127.0.0.1:18080/openapi/"), "{sealed}");
}

#[test]
fn a_person_with_curl_uploads_a_photo() {
    let sandbox = Sandbox::start();
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("front.bmp"), picture()).unwrap();
    let script = "$HUODONG envelope seal upload --file front.bmp --show-content-key 2>seal.txt >request.curl\n\
        curl -s -K request.curl -F file=@front.bmp $URL/openapi/file/smsc/upload >reply\n\
        KEY=$(sed -n 's/The content key: //p' seal.txt)\n\
        $HUODONG envelope open reply --content-key \"$KEY\" --content";
    let content: Value = serde_json::from_str(&shell(script, &sandbox, home.path())).unwrap();
    assert!(content["picId"].as_str().unwrap().parse::<u64>().is_ok(), "{content}");
}

/// An upload as it travels, and one whose file is not the one it speaks of.
#[test]
fn a_captured_upload_tells_whether_its_photo_is_the_one_it_speaks_of() {
    let home = tempfile::tempdir().unwrap();
    let at = |name: &str| home.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(at("front.bmp"), picture()).unwrap();
    let seal = ["envelope", "seal", "upload", "--form", "json", "--file", &at("front.bmp")];
    let fields: Value = serde_json::from_str(&succeed(&seal)).unwrap();
    let captured = |photo: &[u8]| {
        let mut body = b"POST /openapi/file/smsc/upload HTTP/1.1\r\nHost: a\r\n\r\n".to_vec();
        for (name, value) in fields.as_object().unwrap() {
            let head = format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
            body.extend([head.as_bytes(), value.as_str().unwrap().as_bytes(), b"\r\n"].concat());
        }
        let head =
            b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f.bmp\"\r\n\r\n";
        body.extend([&head[..], photo, b"\r\n--b--\r\n"].concat());
        std::fs::write(at("captured"), body).unwrap();
        run(&["envelope", "open", &at("captured")])
    };
    let output = captured(&picture());
    assert!(output.status.success(), "{output:?}");
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(
        told.starts_with("A request: file.smsc.upload (upload); multipart, 9 fields"),
        "{told}"
    );
    assert!(told.contains("The part file\n  f.bmp, 58 bytes\n  sha256 "), "{told}");
    let output = captured(b"another");
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(told.contains("sha256: WRONG: the content says another one"), "{told}");
}

/// Seals a consult into a file; the file and the fields.
fn sealed(home: &Path, arguments: &[&str]) -> (String, Value) {
    let file = home.join("request.json").to_str().unwrap().to_owned();
    let text = succeed(&[&["envelope", "seal", "consult"], arguments].concat());
    std::fs::write(&file, &text).unwrap();
    (file, serde_json::from_str(&text).unwrap())
}

#[test]
fn what_is_wrong_with_a_captured_message_is_named() {
    let home = tempfile::tempdir().unwrap();
    for mode in MODES {
        let (file, request) = sealed(home.path(), &["--mode", mode]);
        let opened = |fields: &Value| {
            std::fs::write(&file, fields.to_string()).unwrap();
            let output = run(&["envelope", "open", &file]);
            let told = String::from_utf8(output.stdout).unwrap();
            let said = String::from_utf8(output.stderr).unwrap();
            (output.status.code().unwrap(), told, said)
        };
        let with = |name: &str, value: &str| {
            let mut changed = request.clone();
            changed[name] = json!(value);
            changed
        };
        assert_eq!(opened(&request).0, 0);

        let (exit, told, said) = opened(&with("reqId", "another1415220315145602"));
        assert_eq!(exit, 1);
        assert!(told.contains("Signature: WRONG: no key at hand made it"), "{told}");
        assert!(told.contains("after it was signed"), "{told}");
        assert!(said.starts_with("huodong: Signature: no key at hand made it"), "{said}");

        let (_, told, _) = opened(&with("check", request["sign"].as_str().unwrap()));
        assert!(told.contains("check: WRONG: no key at hand opens it"), "{told}");
        let (_, told, _) = opened(&with("bizContent", "AAAA"));
        assert!(told.contains("bizContent: WRONG: its 3 bytes are no whole number"), "{told}");
        let (_, told, _) = opened(&with("timeStamp", "now"));
        assert!(told.contains("Common fields: WRONG: timeStamp "), "{told}");
    }
}

#[test]
fn a_signature_that_verifies_may_still_be_somebody_elses() {
    let home = tempfile::tempdir().unwrap();
    let (file, _) = sealed(home.path(), &["--mode", "sm2", "--set", "certId=826000000000009"]);
    let (exit, message) = fail(&["envelope", "open", &file]);
    assert_eq!(exit, 1);
    let mistake = "it verifies, but initiator 826000000000001 of the sandbox made it, and certId says \
                   826000000000009";
    assert!(message.contains(mistake), "{message}");
}

#[test]
fn a_form_that_lost_its_plus_signs_and_an_empty_field_are_told() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("request.txt");
    let path = file.to_str().unwrap();
    let (_, request) = sealed(home.path(), &["--mode", "rsa", "--set", "notifyUrl="]);
    let fields = request.as_object().unwrap();
    assert!(fields.values().any(|value| value.as_str().unwrap().contains('+')));
    let pairs = fields.iter().map(|(name, value)| {
        format!("{name}={}", value.as_str().unwrap().replace('=', "%3D").replace(' ', "%20"))
    });
    std::fs::write(&file, pairs.collect::<Vec<_>>().join("&")).unwrap();
    let output = run(&["envelope", "open", path, "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["form"], "form");
    assert_eq!(found["empty_fields"], "empty fields left out");
    assert_eq!(found["check_layout"], "PKCS#1 v1.5");
    assert!(found["content"]["consultActivityInfoList"].is_array(), "{found}");
    assert!(found["signed_by"].as_str().unwrap().starts_with("initiator 826000000000002"));
    let wrong = found["wrong"].as_array().unwrap();
    assert!(wrong[0].as_str().unwrap().starts_with("Form: blanks stand where + should"), "{found}");
}

#[test]
fn keys_of_ones_own_open_what_the_sandboxs_do_not() {
    let home = tempfile::tempdir().unwrap();
    let directory = |name: &str| home.path().join(name).to_str().unwrap().to_owned();
    let (gateway, caller) = (directory("gateway"), directory("caller"));
    for out in [&gateway, &caller] {
        succeed(&["keys", "new", "--kind", "sm2", "--out", out]);
    }
    let own = format!("{caller}/private_key.pem");
    let theirs = format!("{gateway}/certificate.pem");
    let as_caller = ["--cert-id", "8", "--private-key", &own, "--gateway-key", &theirs];
    let (file, _) = sealed(home.path(), &as_caller);
    let (_, message) = fail(&["envelope", "open", &file]);
    assert!(message.contains("check: no key at hand opens it"), "{message}");
    let private = format!("{gateway}/private_key.pem");
    let public = format!("{caller}/public_key.pem");
    let keys = ["--gateway-key", &private, "--public-key", &public];
    let told = succeed(&[&["envelope", "open", &file], &keys[..]].concat());
    assert!(told.contains(&format!("by the key in {public} (sm2)")), "{told}");
}

#[test]
fn an_sm2_pair_is_one_for_openssl_too_and_its_file_tells_what_it_is() {
    let home = tempfile::tempdir().unwrap();
    let out = home.path().to_str().unwrap();
    succeed(&["keys", "new", "--kind", "sm2", "--cn", "826584560000001", "--out", out]);
    let at = |name: &str| format!("{out}/{name}");
    let openssl = |arguments: &[&str]| {
        let output = Command::new("openssl").args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let (private, public) = (at("private_key.pem"), at("public_key.pem"));
    assert_eq!(
        openssl(&["pkey", "-in", &private, "-pubout"]),
        std::fs::read_to_string(&public).unwrap()
    );
    let shown = |file: &str| {
        let shown = succeed(&["keys", "show", file]);
        assert!(!shown.contains("PRIVATE"), "{shown}");
        shown
    };
    let [private_shown, public_shown, certificate_shown] =
        [&private, &public, &at("certificate.pem")].map(|file| shown(file));
    assert!(private_shown.starts_with("kind         SM2 private key\nbits         256\n"));
    assert!(public_shown.starts_with("kind         SM2 public key\n"), "{public_shown}");
    assert_eq!(public_shown, certificate_shown);
    let rest = |shown: &str| shown.split_once('\n').unwrap().1.to_owned();
    assert_eq!(rest(&private_shown), rest(&public_shown), "the same fingerprint and PEM");

    // An RSA key in a PKCS#12 file, as banks hand them out.
    let rsa = home.path().join("rsa");
    succeed(&["keys", "new", "--out", rsa.to_str().unwrap()]);
    let in_rsa = |name: &str| rsa.join(name).to_str().unwrap().to_owned();
    let pfx = at("key.pfx");
    openssl(&[
        "pkcs12",
        "-export",
        "-inkey",
        &in_rsa("private_key.pem"),
        "-in",
        &in_rsa("certificate.pem"),
        "-out",
        &pfx,
        "-passout",
        "pass:secret",
    ]);
    let (exit, message) = fail(&["keys", "show", &pfx]);
    assert_eq!(exit, 1);
    assert!(message.contains("--password"), "{message}");
    let locked = ["--password", "secret"];
    let told = succeed(&[&["keys", "show", &pfx], &locked[..]].concat());
    assert!(told.starts_with("kind         RSA private key\nbits         2048\n"), "{told}");
    let converted = at("converted.pem");
    succeed(&[&["keys", "convert", &pfx, "--out", &converted], &locked[..]].concat());
    assert_eq!(
        openssl(&["pkey", "-in", &converted, "-pubout"]),
        succeed(&["keys", "convert", &in_rsa("certificate.pem")])
    );
    let (exit, _) = fail(&[&["keys", "convert", &pfx], &locked[..]].concat());
    assert_eq!(exit, 2, "a private key is not printed");
}

#[test]
fn the_gateways_benchmark_reports() {
    let load = ["bench", "ysepay", "--json", "--count", "120", "--connections", "8"];
    // It ends by the count, however slow the machine is.
    let report = succeed(&[&load[..], &["--warm-up", "0", "--duration", "60"]].concat());
    let report: Value = serde_json::from_str(&report).unwrap();
    let loads = report["loads"].as_array().unwrap();
    assert_eq!(loads.len(), 4, "{report}");
    for load in loads {
        assert_eq!(load["codes"], json!({"0": 120}), "{load}");
        assert!(load["replies_verified"].as_u64().unwrap() > 0, "{load}");
        assert!(load["share_of_bound"].as_f64().unwrap() > 0.0, "{load}");
    }
}

/// The README's own lines, with the sandbox's address in place of the well-known one.
#[test]
fn a_person_with_curl_and_openssl_consults() {
    let sandbox = Sandbox::start();
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    for readme in ["README.md", "README.zh-CN.md"] {
        let home = tempfile::tempdir().unwrap();
        let text = std::fs::read_to_string(format!("{root}/{readme}")).unwrap();
        let mut blocks = text.split("```").filter_map(|block| block.strip_prefix("sh\n"));
        let block = blocks.find(|block| block.contains("DISTID=")).expect("it consults by hand");
        let lines = block.replace("http://127.0.0.1:18080", &sandbox.base_url);
        let told = shell(&lines.replace("KEYS=", &format!("KEYS={root}/")), &sandbox, home.path());
        assert!(told.ends_with(r#""consultResultCode":"SUCCESS"}]}"#), "{told}");
        let open = "$HUODONG envelope open request.json\n\
                    $HUODONG envelope open reply.json --request request.json";
        let told = shell(open, &sandbox, home.path());
        assert_eq!(told.matches("Signature: right").count(), 2, "{told}");
    }
}
