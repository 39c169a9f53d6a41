use std::hash::Hasher as _;

use huodong_campaign::{
    CouponKey, DonationKey, FlowerKey, Id, RequestKey, UserFlowersKey, UserKey,
};
use siphasher::sip128::{Hasher128, SipHasher24};

/// Hashes keys under a secret of this installation, so that callers, who choose the keys, cannot
/// choose their hashes. A hit on an idempotency key is still compared with its row.
#[derive(Clone)]
pub(crate) struct KeyHasher(SipHasher24);

impl KeyHasher {
    pub(crate) fn new(secret: &[u8; 16]) -> Self {
        Self(SipHasher24::new_with_key(secret))
    }

    pub(crate) fn donation(&self, key: &DonationKey) -> u128 {
        self.donation_parts(key.bid.as_str(), &key.reward_transcode)
    }

    pub(crate) fn donation_parts(&self, bid: &str, reward_transcode: &str) -> u128 {
        self.hash(1, bid, reward_transcode)
    }

    pub(crate) fn usage(&self, key: &UserKey) -> u128 {
        self.hash(2, key.activity_no.as_str(), key.user.as_str())
    }

    pub(crate) fn flower(&self, key: &FlowerKey) -> u128 {
        self.hash(3, key.appid.as_str(), key.trans_code.as_str())
    }

    pub(crate) fn user_flowers(&self, key: &UserFlowersKey) -> u128 {
        self.hash(4, key.appid.as_str(), key.open_id.as_str())
    }

    pub(crate) fn coupon(&self, key: &CouponKey) -> u128 {
        self.coupon_parts(key.appid.as_str(), &key.mer_order_id)
    }

    pub(crate) fn coupon_parts(&self, appid: &str, mer_order_id: &str) -> u128 {
        self.hash(5, appid, mer_order_id)
    }

    pub(crate) fn gateway_request(&self, key: &RequestKey) -> u128 {
        self.gateway_request_parts(key.cert_id.as_str(), &key.req_id)
    }

    pub(crate) fn gateway_request_parts(&self, cert_id: &str, req_id: &str) -> u128 {
        self.hash(6, cert_id, req_id)
    }

    pub(crate) fn nonce(&self, whose: &str, nonce: &str) -> u128 {
        self.hash(7, whose, nonce)
    }

    /// Mixes a key's hash with the row it leads to: what `verify` sums up.
    pub(crate) fn entry(hash: u128, id: Id) -> u128 {
        let mut hasher = SipHasher24::new();
        hasher.write_u128(hash);
        hasher.write_i64(id.0);
        hasher.finish128().as_u128()
    }

    /// The kind keeps kinds apart; the length keeps ("ab", "c") from ("a", "bc").
    fn hash(&self, kind: u8, first: &str, second: &str) -> u128 {
        let mut hasher = self.0;
        hasher.write_u8(kind);
        hasher.write_u64(first.len() as u64);
        hasher.write(first.as_bytes());
        hasher.write(second.as_bytes());
        hasher.finish128().as_u128()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_and_parts_are_kept_apart() {
        let keys = KeyHasher::new(b"0123456789abcdef");
        assert_ne!(keys.hash(1, "ab", "c"), keys.hash(1, "a", "bc"));
        assert_ne!(keys.hash(1, "ab", "c"), keys.hash(2, "ab", "c"));
        assert_ne!(keys.hash(1, "a", "b"), KeyHasher::new(&[0; 16]).hash(1, "a", "b"));
    }

    #[test]
    fn hashes_do_not_change_between_versions() {
        // They are on disk.
        let keys = KeyHasher::new(b"0123456789abcdef");
        assert_eq!(keys.hash(1, "bid", "transcode"), GOLDEN);
    }

    const GOLDEN: u128 = 14_539_978_734_367_568_699_796_104_073_718_456_548;
}
