use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderValue, header};
use huodong_engine::Chance;
use reqwest::Url;
use serde::{Deserialize, Serialize};

use crate::secrets::MasterKey;

/// How long a user may take at WeChat, in seconds of the real clock.
pub(super) const LIFE_S: u32 = 600;
/// What tickets are sealed for.
const PURPOSE: &str = "openid/ticket";
const STATE_BYTES: usize = 16;
const COOKIE: &str = "huodong_openid_";
/// How much of the state is in the cookie's name, so that two tabs do not lose each other's.
const NAMED: usize = 8;
/// How many tickets a browser keeps for one page.
const TABS: usize = 3;
/// How many are taken away at once.
const DROPPED_MAX: usize = 20;

/// What is known of a user who was sent to WeChat: in a sealed cookie of that user's browser.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Ticket {
    /// What WeChat gives back.
    pub(super) state: String,
    /// Whose page it was.
    pub(super) campaign: String,
    /// Where the user wants to go.
    pub(super) return_to: String,
    /// Until when it is good, in unix seconds.
    pub(super) expires_at: i64,
}

impl Ticket {
    /// A new one, with a state nobody can guess.
    pub(super) fn new(chance: Chance, campaign: &str, return_to: &str, now: i64) -> Self {
        Self {
            state: hex::encode(chance.bytes::<STATE_BYTES>()),
            campaign: campaign.to_owned(),
            return_to: return_to.to_owned(),
            expires_at: now + i64::from(LIFE_S),
        }
    }

    /// When it was made.
    pub(super) fn issued_at(&self) -> i64 {
        self.expires_at - i64::from(LIFE_S)
    }

    /// True where WeChat gave back this very state for this very campaign. Takes as long wherever
    /// two states differ.
    pub(super) fn is_for(&self, state: &str, campaign: &str) -> bool {
        let (ours, theirs) = (self.state.as_bytes(), state.as_bytes());
        aws_lc_rs::constant_time::verify_slices_are_equal(ours, theirs).is_ok()
            && self.campaign == campaign
    }

    /// The header that gives it to the browser, which brings it back to the page at `page` alone.
    pub(super) fn cookie(&self, key: &MasterKey, chance: Chance, page: &Url) -> HeaderValue {
        let json = serde_json::to_vec(self).expect("text and numbers are JSON");
        let sealed = URL_SAFE_NO_PAD.encode(key.seal(chance, PURPOSE, &json));
        set_cookie(&self.state, &sealed, LIFE_S, page)
    }

    /// The one the browser brought for this state, if it is one of ours.
    pub(super) fn brought(key: &MasterKey, state: &str, headers: &HeaderMap) -> Option<Self> {
        let name = name_of(state);
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|it| it.to_str().ok());
        let value = cookies
            .flat_map(|header| header.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find_map(|(cookie, value)| (cookie == name).then_some(value))?;
        let opened = key.open(PURPOSE, &URL_SAFE_NO_PAD.decode(value).ok()?).ok()?;
        serde_json::from_slice(&opened).ok()
    }
}

/// The header that takes the ticket of a state away from the browser.
pub(super) fn no_cookie(state: &str, page: &Url) -> HeaderValue {
    set_cookie(state, "", 0, page)
}

/// The headers that take all but the newest tickets away from the browser, which is about to get
/// another: whoever opens a page again and again would at last send more than a server reads.
pub(super) fn superseded(headers: &HeaderMap, page: &Url) -> Vec<HeaderValue> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|it| it.to_str().ok());
    let ours = cookies
        .flat_map(|header| header.split(';'))
        .filter_map(|pair| pair.trim().split_once('=')?.0.strip_prefix(COOKIE))
        .filter(|state| state.len() == NAMED && state.bytes().all(is_digit));
    // Browsers send the oldest first.
    let ours: Vec<_> = ours.collect();
    let dropped = ours.len().saturating_sub(TABS - 1);
    ours[..dropped].iter().take(DROPPED_MAX).map(|state| no_cookie(state, page)).collect()
}

/// True for what a state looks like.
pub(super) fn is_state(text: &str) -> bool {
    text.len() == 2 * STATE_BYTES && text.bytes().all(is_digit)
}

fn is_digit(c: u8) -> bool {
    matches!(c, b'0'..=b'9' | b'a'..=b'f')
}

fn name_of(state: &str) -> String {
    format!("{COOKIE}{}", state.get(..NAMED).unwrap_or_default())
}

fn set_cookie(state: &str, value: &str, max_age_s: u32, page: &Url) -> HeaderValue {
    let secure = if page.scheme() == "https" { "; Secure" } else { "" };
    let (name, path) = (name_of(state), page.path());
    let cookie =
        format!("{name}={value}; Path={path}; Max-Age={max_age_s}; HttpOnly; SameSite=Lax{secure}");
    HeaderValue::from_str(&cookie).expect("hexadecimal, base64 and an encoded path are visible")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(url: &str) -> Url {
        Url::parse(url).expect("an address")
    }

    fn brought(cookie: &HeaderValue, key: &MasterKey, state: &str) -> Option<Ticket> {
        let pair = cookie.to_str().expect("text").split(';').next().expect("a pair");
        let mut headers = HeaderMap::new();
        let all = format!("other=1; {pair};x");
        headers.insert(header::COOKIE, all.parse().expect("a header"));
        Ticket::brought(key, state, &headers)
    }

    #[test]
    fn a_ticket_comes_back_as_it_went_under_its_key_only() {
        let key = MasterKey::new(&[7; 32]);
        let ticket = Ticket::new(Chance, "c1", "https://a.example/", 1_000);
        assert!(is_state(&ticket.state));
        let cookie = ticket.cookie(&key, Chance, &page("https://m.example/deliverWM/c1"));
        let back = brought(&cookie, &key, &ticket.state).expect("it is ours");
        assert!(back.is_for(&ticket.state, "c1"));
        assert_eq!((back.return_to.as_str(), back.expires_at), ("https://a.example/", 1_600));
        assert!(!back.is_for(&ticket.state, "c2"));
        assert!(!back.is_for(&"0".repeat(32), "c1"));
        assert!(brought(&cookie, &MasterKey::new(&[8; 32]), &ticket.state).is_none());
        assert!(brought(&cookie, &key, &"0".repeat(32)).is_none());
    }

    #[test]
    fn a_browser_keeps_its_newest_tickets_only() {
        let page = page("https://m.example/deliverWM/c1");
        let dropped = |cookies: &str| -> Vec<String> {
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, cookies.parse().expect("a header"));
            let name =
                |it: HeaderValue| it.to_str().expect("text").split(';').next().map(str::to_owned);
            superseded(&headers, &page).into_iter().filter_map(name).collect()
        };
        let two = "other=1; huodong_openid_00000001=a; huodong_openid_00000002=b";
        assert!(dropped(two).is_empty());
        let five = format!(
            "huodong_openid_x=1; {two}; huodong_openid_00000003=c; huodong_openid_00000004=d"
        );
        assert_eq!(dropped(&five), ["huodong_openid_00000001=", "huodong_openid_00000002="]);
    }

    #[test]
    fn a_cookie_is_for_its_page_and_unreadable_to_scripts() {
        let key = MasterKey::new(&[7; 32]);
        let ticket = Ticket::new(Chance, "c1", "https://a.example/", 1_000);
        let attributes = |url: &str| {
            let cookie = ticket.cookie(&key, Chance, &page(url));
            cookie.to_str().expect("text").split_once("; ").expect("attributes").1.to_owned()
        };
        assert_eq!(
            attributes("https://m.example/deliverWM/c1"),
            "Path=/deliverWM/c1; Max-Age=600; HttpOnly; SameSite=Lax; Secure"
        );
        assert!(!attributes("http://127.0.0.1/deliverWM/c1").contains("Secure"));
        // A browser drops cookies of more than 4096 bytes.
        let long = Ticket::new(Chance, &"c".repeat(64), &"a".repeat(2_048), 1_000);
        assert!(long.cookie(&key, Chance, &page("https://m.example/deliverWM/c1")).len() < 4_000);
    }
}
