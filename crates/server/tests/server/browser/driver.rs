//! A browser to drive: chromedriver, by the WebDriver protocol.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// A phone's screen, in CSS pixels.
const WIDTH: u32 = 390;
const HEIGHT: u32 = 844;
/// How long anything may take before a test gives up, a new browser as well. Far more than it takes.
const WAIT: Duration = Duration::from_secs(60);
/// What the protocol calls an element in JSON.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A browser of its own, with nothing in its profile. Dropped, it is gone.
pub struct Phone {
    http: reqwest::Client,
    session: String,
    driver: Child,
}

impl Drop for Phone {
    fn drop(&mut self) {
        // It takes the browser with it.
        let group = format!("-{}", self.driver.id());
        let _ = Command::new("kill").args(["-TERM", "--", &group]).status();
        let _ = self.driver.wait();
    }
}

impl Phone {
    /// Starts a browser.
    ///
    /// # Panics
    /// Without chromedriver: a page that was not tried in a browser is not tested.
    pub async fn start() -> Self {
        use std::os::unix::process::CommandExt as _;
        let mut command = Command::new("chromedriver");
        command.arg("--port=0").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut driver = command.process_group(0).spawn().unwrap_or_else(|error| {
            panic!(
                "cannot run chromedriver ({error}): these tests drive a real browser; \
                 `make test-deps` installs it (Debian: chromium chromium-driver)"
            )
        });
        let port = tokio::task::spawn_blocking({
            let stdout = driver.stdout.take().unwrap();
            move || port_of(BufReader::new(stdout))
        });
        let port = port.await.unwrap();
        let http = reqwest::Client::builder().no_proxy().timeout(WAIT * 2).build().unwrap();
        let mut phone = Self { http, session: format!("http://127.0.0.1:{port}/session"), driver };
        let options = json!({
            "args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                "--no-proxy-server", "--lang=zh-CN", "--force-color-profile=srgb"],
            "mobileEmulation": {
                "deviceMetrics": {"width": WIDTH, "height": HEIGHT, "pixelRatio": 3.0, "touch": true},
            },
        });
        let wanted = json!({"browserName": "chrome", "goog:chromeOptions": options,
            "timeouts": {"pageLoad": 60_000, "script": 60_000}});
        let made = phone.post("", json!({"capabilities": {"alwaysMatch": wanted}})).await;
        let id = made["sessionId"].as_str().unwrap().to_owned();
        phone.session = format!("{}/{id}", phone.session);
        phone
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let done = self.try_post(path, body).await;
        done.unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// The browser's error where it could not be done now, as while the page changes.
    async fn try_post(&self, path: &str, body: Value) -> Result<Value, Value> {
        let request = self.http.post(format!("{}{path}", self.session)).json(&body);
        Self::value(request.send().await.unwrap()).await
    }

    async fn get(&self, path: &str) -> Value {
        let request = self.http.get(format!("{}{path}", self.session));
        let got = Self::value(request.send().await.unwrap()).await;
        got.unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    async fn value(response: reqwest::Response) -> Result<Value, Value> {
        let ok = response.status().is_success();
        let mut answer: Value = response.json().await.unwrap();
        if ok { Ok(answer["value"].take()) } else { Err(answer) }
    }

    /// Opens a page and waits until it is there.
    pub async fn open(&self, url: &str) {
        self.post("/url", json!({"url": url})).await;
    }

    /// Where it is.
    pub async fn url(&self) -> String {
        self.get("/url").await.as_str().unwrap().to_owned()
    }

    /// What the page reads.
    pub async fn text(&self) -> String {
        self.try_text().await.unwrap_or_else(|error| panic!("{error}"))
    }

    async fn try_text(&self) -> Result<String, Value> {
        // A page that is just coming has no body yet.
        let script = "return document.body?.innerText ?? ''";
        let text = self.try_post("/execute/sync", json!({"script": script, "args": []})).await?;
        Ok(text.as_str().unwrap_or_default().to_owned())
    }

    /// What a script returns.
    pub async fn run(&self, script: &str) -> Value {
        self.post("/execute/sync", json!({"script": script, "args": []})).await
    }

    /// The elements a CSS selector names.
    pub async fn elements(&self, selector: &str) -> Vec<String> {
        let found = self.try_elements(selector).await;
        found.unwrap_or_else(|error| panic!("{selector}: {error}"))
    }

    async fn try_elements(&self, selector: &str) -> Result<Vec<String>, Value> {
        let asked = json!({"using": "css selector", "value": selector});
        let found = self.try_post("/elements", asked).await?;
        let found = found.as_array().unwrap().iter();
        Ok(found.map(|it| it[ELEMENT].as_str().unwrap().to_owned()).collect())
    }

    async fn only(&self, selector: &str) -> String {
        let mut found = self.elements(selector).await;
        assert_eq!(found.len(), 1, "{selector} in {}", self.text().await);
        found.remove(0)
    }

    /// Touches the one element a selector names.
    pub async fn touch(&self, selector: &str) {
        let element = self.only(selector).await;
        self.post(&format!("/element/{element}/click"), json!({})).await;
    }

    /// Types into the one element a selector names.
    pub async fn type_into(&self, selector: &str, text: &str) {
        let element = self.only(selector).await;
        self.post(&format!("/element/{element}/value"), json!({"text": text})).await;
    }

    /// What assistive technology calls the one element a selector names.
    pub async fn label(&self, selector: &str) -> String {
        let element = self.only(selector).await;
        let label = self.get(&format!("/element/{element}/computedlabel")).await;
        label.as_str().unwrap().to_owned()
    }

    /// Waits until the page reads so.
    pub async fn wait_for_text(&self, text: &str) {
        let started = Instant::now();
        // While the page changes there may be nothing to read.
        loop {
            let read = self.try_text().await;
            if read.as_ref().is_ok_and(|read| read.contains(text)) {
                return;
            }
            assert!(started.elapsed() < WAIT, "no {text:?} in {read:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until the page has so many.
    pub async fn wait_for_count(&self, selector: &str, count: usize) {
        let started = Instant::now();
        loop {
            let found = self.try_elements(selector).await;
            if found.as_ref().is_ok_and(|found| found.len() == count) {
                return;
            }
            let read = self.try_text().await;
            assert!(started.elapsed() < WAIT, "not {count} {selector}: {found:?} in {read:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Nothing reaches beyond the screen's right edge, and everything to be touched has a name and
    /// is large enough for a finger.
    pub async fn assert_fits(&self) {
        let widths = "return [document.documentElement.scrollWidth, innerWidth, screen.width]";
        let widths = self.run(widths).await;
        let wide = "return [...document.querySelectorAll('body *')]\
                    .filter((it) => it.getBoundingClientRect().right > innerWidth + 0.5)\
                    .map((it) => it.outerHTML.slice(0, 80))";
        assert_eq!(widths, json!([WIDTH, WIDTH, WIDTH]), "{}", self.run(wide).await);
        let small = "return [...document.querySelectorAll('button, input:not([type=hidden]):not([type=radio])')]\
                     .filter((it) => it.getBoundingClientRect().height < 44)\
                     .map((it) => it.outerHTML.slice(0, 80))";
        assert_eq!(self.run(small).await, json!([]));
        let inputs = self.elements("button, input:not([type=hidden])").await;
        for element in inputs {
            let label = self.get(&format!("/element/{element}/computedlabel")).await;
            assert!(label.as_str().is_some_and(|label| !label.is_empty()), "a nameless control");
        }
    }

    /// Nothing on the page was refused by its content security policy, and no script failed.
    pub async fn assert_no_errors(&self) {
        let log = self.post("/se/log", json!({"type": "browser"})).await;
        let errors: Vec<_> = log
            .as_array()
            .unwrap()
            .iter()
            .filter(|it| {
                it["level"] == "SEVERE"
                    && !it["message"].as_str().unwrap_or_default().contains("favicon")
            })
            .collect();
        assert!(errors.is_empty(), "{errors:?}");
    }
}

/// It says so when it listens. What it says later is read too, or it would wait for a reader.
fn port_of(mut stdout: impl BufRead + Send + 'static) -> u16 {
    let mut line = String::new();
    while stdout.read_line(&mut line).unwrap() > 0 {
        if let Some((_, port)) = line.trim_end().trim_end_matches('.').rsplit_once("on port ")
            && let Ok(port) = port.parse()
            && port != 0
        {
            std::thread::spawn(move || std::io::copy(&mut stdout, &mut std::io::sink()));
            return port;
        }
        line.clear();
    }
    panic!("chromedriver ended before it listened");
}
