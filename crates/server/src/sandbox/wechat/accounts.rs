use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// WeChat's openids have 28 characters, the first of them an `o`.
const OPENID_LENGTH: usize = 28;

/// A test user as an official account knows them: the same at every start, another for each
/// account.
pub(super) fn openid_of(wechat_appid: &str, user: &str) -> String {
    let digest = digest(&SHA256, format!("{wechat_appid}\n{user}").as_bytes());
    let mut openid = String::from("o");
    openid.push_str(&URL_SAFE_NO_PAD.encode(digest));
    openid.truncate(OPENID_LENGTH);
    openid
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_openid_is_a_users_at_one_account() {
        let openid = openid_of("wx1", "小明");
        assert_eq!(openid.len(), 28);
        assert!(openid.starts_with('o') && openid.is_ascii());
        assert_eq!(openid, openid_of("wx1", "小明"));
        assert_ne!(openid, openid_of("wx1", "小红"));
        assert_ne!(openid, openid_of("wx2", "小明"));
    }
}
