use std::collections::HashMap;

use huodong_engine::Chance;
use parking_lot::Mutex;

/// How long a code is good, in seconds of the real clock, as at WeChat.
const LIFE_S: i64 = 300;
/// As many codes are remembered; beyond that none is given.
const CODES_MAX: usize = 10_000;

/// What a code stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Grant {
    /// Which official account asked.
    pub(super) wechat_appid: String,
    /// Who agreed.
    pub(super) openid: String,
    /// To what.
    pub(super) scope: String,
}

/// Why a code stands for nothing; the numbers are WeChat's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadCode {
    /// It was never given, or to another account: 40029.
    Unknown,
    /// It was used: 40163.
    Used,
    /// Its five minutes are over: 42003.
    Expired,
}

/// The codes that were given. Those that are used or over are remembered for a while, to be told
/// from those that never were.
#[derive(Debug, Default)]
pub struct WechatCodes(Mutex<HashMap<String, Given>>);

#[derive(Debug)]
struct Given {
    grant: Grant,
    expires_at: i64,
    used: bool,
}

impl WechatCodes {
    /// A code for this; `None` where too many are about.
    pub(super) fn give(&self, chance: Chance, grant: Grant, now: i64) -> Option<String> {
        let mut codes = self.0.lock();
        if codes.len() >= CODES_MAX {
            codes.retain(|_, given| now < given.expires_at);
        }
        if codes.len() >= CODES_MAX {
            return None;
        }
        let code = hex::encode(chance.bytes::<16>());
        codes.insert(code.clone(), Given { grant, expires_at: now + LIFE_S, used: false });
        Some(code)
    }

    /// What a code stands for; asked once, it is used.
    pub(super) fn take(&self, code: &str, wechat_appid: &str, now: i64) -> Result<Grant, BadCode> {
        let mut codes = self.0.lock();
        let given = codes.get_mut(code).filter(|given| given.grant.wechat_appid == wechat_appid);
        let given = given.ok_or(BadCode::Unknown)?;
        if given.used {
            return Err(BadCode::Used);
        }
        if now >= given.expires_at {
            return Err(BadCode::Expired);
        }
        given.used = true;
        Ok(given.grant.clone())
    }

    /// Forgets all.
    pub(crate) fn clear(&self) {
        self.0.lock().clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant() -> Grant {
        let (wechat_appid, openid) = ("wx1".to_owned(), "o1".to_owned());
        Grant { wechat_appid, openid, scope: "snsapi_base".to_owned() }
    }

    #[test]
    fn a_code_is_good_once_for_five_minutes_for_its_account() {
        let codes = WechatCodes::default();
        let give = || codes.give(Chance, grant(), 1_000).expect("there is room");
        let code = give();
        assert_eq!(codes.take(&code, "wx2", 1_000), Err(BadCode::Unknown));
        assert_eq!(codes.take(&code, "wx1", 1_299), Ok(grant()));
        assert_eq!(codes.take(&code, "wx1", 1_299), Err(BadCode::Used));
        assert_eq!(codes.take(&give(), "wx1", 1_300), Err(BadCode::Expired));
        assert_eq!(codes.take("made up", "wx1", 1_000), Err(BadCode::Unknown));
    }

    #[test]
    fn so_many_codes_and_no_more() {
        let codes = WechatCodes::default();
        for _ in 0..CODES_MAX {
            assert!(codes.give(Chance, grant(), 1_000).is_some());
        }
        assert_eq!(codes.give(Chance, grant(), 1_299), None);
        assert!(codes.give(Chance, grant(), 1_300).is_some());
    }
}
