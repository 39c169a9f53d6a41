//! Starting the program and calling it.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use huodong_client::lakala::{Client, IssueRequest};
use huodong_wire::gongyi::{Api, sign};
use serde_json::Value;

/// How long anything may take before a test gives up. Far more than it takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Settings of a server that is not to be late, however slow the machine.
pub(crate) const PATIENT: [(&str, &str); 4] = [
    ("HUODONG_SERVER__DEADLINE_MS", "60000"),
    ("HUODONG_SERVER__SHUTDOWN_GRACE_MS", "60000"),
    ("HUODONG_CALLBACKS__CONNECT_TIMEOUT_MS", "60000"),
    ("HUODONG_CALLBACKS__TIMEOUT_MS", "60000"),
];

/// The program, with none of our own environment.
pub(crate) fn huodong(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_huodong"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("HUODONG_") {
            command.env_remove(name);
        }
    }
    command.env_remove("RUST_LOG").args(arguments);
    command
}

/// Runs the program to its end.
pub(crate) fn run(arguments: &[&str]) -> Output {
    huodong(arguments).output().unwrap()
}

/// Standard output of a run that must succeed.
pub(crate) fn succeed(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Exit code and standard error of a run that must fail.
pub(crate) fn fail(arguments: &[&str]) -> (i32, String) {
    let output = run(arguments);
    assert!(!output.status.success(), "{arguments:?}: {output:?}");
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

/// A running sandbox; killed when dropped.
pub(crate) struct Sandbox {
    child: Child,
    pub(crate) base_url: String,
    pub(crate) credentials: Value,
    pub(crate) credentials_file: String,
    /// Holds the credentials file, and what the sandbox makes for itself.
    pub(crate) directory: tempfile::TempDir,
}

impl Sandbox {
    pub(crate) fn start() -> Self {
        Self::start_with(None, &[])
    }

    /// With its data in a directory, and with settings from the environment.
    pub(crate) fn start_with(data: Option<&Path>, environment: &[(&str, &str)]) -> Self {
        Self::try_start(data, environment, None).expect("nobody killed it")
    }

    /// `None` where it was killed, after so long, before it answered.
    pub(crate) fn try_start(
        data: Option<&Path>,
        environment: &[(&str, &str)],
        kill_after: Option<Duration>,
    ) -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("sandbox.json");
        let file = file.to_str().unwrap().to_owned();
        let mut command = huodong(&["sandbox", "--listen", "127.0.0.1:0", "--credentials", &file]);
        if let Some(data) = data {
            command.arg("--data").arg(data);
        }
        // Where it makes its temporary directory, which it cannot remove when it is killed.
        command.env("TMPDIR", directory.path());
        command.envs(PATIENT).envs(environment.iter().copied()).stdout(Stdio::null());
        let mut child = command.spawn().unwrap();
        let begin = Instant::now();
        let text = loop {
            if let Ok(text) = std::fs::read_to_string(&file) {
                break text;
            }
            if kill_after.is_some_and(|after| begin.elapsed() >= after) {
                child.kill().unwrap();
                child.wait().unwrap();
                return None;
            }
            assert!(child.try_wait().unwrap().is_none(), "the sandbox ended by itself");
            assert!(begin.elapsed() < PATIENCE, "the sandbox does not answer");
            std::thread::sleep(Duration::from_millis(5));
        };
        let credentials: Value = serde_json::from_str(&text).unwrap();
        let base_url = credentials["base_url"].as_str().unwrap().to_owned();
        let credentials_file = file;
        Some(Self { child, base_url, credentials, credentials_file, directory })
    }

    /// SIGKILL.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM; the exit code.
    pub(crate) fn terminate(mut self) -> Option<i32> {
        self.stop()
    }

    /// As [`Sandbox::terminate`], for who looks at what it left behind.
    pub(crate) fn stop(&mut self) -> Option<i32> {
        signal(&self.child);
        self.child.wait().unwrap().code()
    }

    /// SIGTERM, without waiting.
    pub(crate) fn tell_to_stop(&self) {
        signal(&self.child);
    }

    /// What the operator API answers to the admin.
    pub(crate) async fn operator(&self, path: &str) -> Value {
        let client = reqwest::Client::builder().timeout(PATIENCE).no_proxy().build().unwrap();
        let request = client.get(format!("{}/operator/v1/{path}", self.base_url));
        let request = request.bearer_auth(self.credentials["operator"]["token"].as_str().unwrap());
        request.send().await.unwrap().error_for_status().unwrap().json().await.unwrap()
    }

    /// Has the admin change something through the operator API.
    pub(crate) async fn operate(&self, path: &str, body: &Value) -> Value {
        let client = reqwest::Client::builder().timeout(PATIENCE).no_proxy().build().unwrap();
        let request = client.post(format!("{}/operator/v1/{path}", self.base_url)).json(body);
        let request = request.bearer_auth(self.credentials["operator"]["token"].as_str().unwrap());
        request.send().await.unwrap().error_for_status().unwrap().json().await.unwrap()
    }

    /// A caller for the sandbox's own institution.
    pub(crate) fn institution(&self) -> Client {
        let lakala = &self.credentials["lakala"];
        let text = |name: &str| lakala[name].as_str().unwrap();
        let client = Client::builder(&self.base_url, text("appid"), text("serial_no"));
        client
            .private_key(text("private_key_pem"))
            .platform_certificate(text("platform_certificate_pem"))
            .http(reqwest::Client::builder().no_proxy())
            .build()
            .unwrap()
    }

    /// An issue of this activity's coupon.
    pub(crate) fn issue(&self, activity_id: &str, order: &str) -> IssueRequest<'static> {
        let lakala = &self.credentials["lakala"];
        let listed = |list: &str| lakala[list].as_array().unwrap().clone();
        let mut all = listed("activities").into_iter().chain(listed("special"));
        let activity = all.find(|known| known["activity_id"] == activity_id).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        IssueRequest {
            member_id: format!("{}0000000001", text(&lakala["member_prefix"])).into(),
            activity_id: activity_id.to_owned().into(),
            owner_id: text(&lakala["owner_id"]).into(),
            promotion_id: text(&activity["promotion_id"]).into(),
            channel_openid: format!("o-{order}").into(),
            mer_order_id: order.to_owned().into(),
            write_off_notify: "http://127.0.0.1:1/writeoff".into(),
            post_notify: None,
        }
    }

    /// A caller for the sandbox's own application.
    pub(crate) fn caller(&self) -> Caller {
        Caller::new(&self.base_url, &self.credentials["gongyi"])
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // A child that has ended cannot be killed any more; that is all that can go wrong.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// SIGTERM.
pub(crate) fn signal(child: &Child) {
    let pid = rustix::process::Pid::from_child(child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
}

/// Signs and sends calls.
#[derive(Clone)]
pub(crate) struct Caller {
    client: reqwest::Client,
    base_url: String,
    appid: String,
    secret: String,
    pub(crate) bid: String,
}

impl Caller {
    pub(crate) fn new(base_url: &str, gongyi: &Value) -> Self {
        let text = |name: &str| gongyi[name].as_str().unwrap().to_owned();
        let client = reqwest::Client::builder().timeout(PATIENCE).no_proxy().build().unwrap();
        let base_url = base_url.to_owned();
        Self { client, base_url, appid: text("appid"), secret: text("secret"), bid: text("bid") }
    }

    /// The answer's envelope, or that the connection broke.
    pub(crate) async fn call(&self, api: Api, body: &Value) -> Result<Value, reqwest::Error> {
        let nonce = format!("{:032x}", fresh());
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().to_string();
        let signature = sign::sign(&self.appid, &nonce, &now, &self.secret);
        let request = self.client.post(format!("{}{}", self.base_url, api.path()));
        let request = request
            .header(sign::APPID, &self.appid)
            .header(sign::TIMESTAMP, now)
            .header(sign::NONCE, nonce)
            .header(sign::SIGN, signature);
        request.json(body).send().await?.error_for_status()?.json().await
    }
}

/// A number that was not there before.
pub(crate) fn fresh() -> u128 {
    u128::from_be_bytes(huodong_engine::Chance.bytes())
}

/// What follows from a seed, one number after the other (splitmix64).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (bits ^ (bits >> 31)) % bound
    }
}

/// The envelope's code.
pub(crate) fn code(envelope: &Value) -> i64 {
    envelope["code"].as_i64().unwrap_or_else(|| panic!("no code in {envelope}"))
}

/// The codes after which the vendor's document says: send it again.
pub(crate) fn is_retryable(code: i64) -> bool {
    [32_240_047, 32_240_007, 32_240_043, 15_150_028].contains(&code)
}
