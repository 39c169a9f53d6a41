use huodong_engine::DeliveryOptions;
use huodong_wire::gongyi;
use huodong_wire::lakala::Api;
use thiserror::Error;

/// What an operator of the server may set about coupons.
#[derive(Clone, Debug)]
pub struct LakalaSettings {
    /// Where coupons are issued.
    pub issue_path: String,
    /// Where coupons are asked after.
    pub query_path: String,
    /// How far a signature's timestamp may be from the real clock, either way.
    pub freshness_s: u32,
    /// Calls a second for an institution that has no rate of its own.
    pub rate_per_s: u32,
    /// Nonces remembered at once; beyond that calls are refused as too many. One takes about 16
    /// bytes for up to twice `freshness_s`.
    pub nonces_max: usize,
    /// Answers a second that are signed for callers whose own signature did not verify, and as many
    /// for each institution to calls of its that came too late, again or too often; beyond that
    /// they are unsigned. A signature takes a fifth of a millisecond of a core.
    pub strangers_signed_per_s: u32,
    /// How callbacks are sent, and to where they may go.
    pub delivery: DeliveryOptions,
}

impl Default for LakalaSettings {
    fn default() -> Self {
        Self {
            issue_path: Api::Issue.default_path().to_owned(),
            query_path: Api::Query.default_path().to_owned(),
            freshness_s: 300,
            rate_per_s: 100_000,
            nonces_max: 8_000_000,
            strangers_signed_per_s: 200,
            delivery: DeliveryOptions::default(),
        }
    }
}

/// A path cannot be served.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{path} {reason}")]
pub struct PathError {
    /// Which.
    pub path: String,
    /// Why.
    pub reason: &'static str,
}

/// Where something else is served, or may be.
const TAKEN: [&str; 8] = [
    "/operator",
    "/openapi",
    "/sandbox",
    "/deliverWM",
    "/healthz",
    "/readyz",
    "/metrics",
    "/openapi.json",
];

impl LakalaSettings {
    /// Where an API is served.
    pub fn path(&self, api: Api) -> &str {
        match api {
            Api::Issue => &self.issue_path,
            Api::Query => &self.query_path,
        }
    }

    /// Whether these paths can be served; a router panics over those that cannot.
    pub fn check_paths(&self) -> Result<(), PathError> {
        let wrong = |path: &str, reason| Err(PathError { path: path.to_owned(), reason });
        for path in [&self.issue_path, &self.query_path] {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-~".contains(&byte);
            if path.len() < 2 || !path.starts_with('/') || !path.bytes().all(plain) {
                return wrong(path, "is no path: / and then letters, digits, / . _ - ~");
            }
            let below = |taken: &str| {
                let rest = path.strip_prefix(taken);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            if TAKEN.into_iter().any(below) || gongyi::Api::ALL.iter().any(|api| api.path() == path)
            {
                return wrong(path, "is where something else is served");
            }
        }
        if self.issue_path == self.query_path {
            return wrong(&self.query_path, "is the path of both issue and query");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_must_be_free_and_plain() {
        let with = |issue_path: &str| LakalaSettings {
            issue_path: issue_path.to_owned(),
            ..LakalaSettings::default()
        };
        assert_eq!(LakalaSettings::default().check_paths(), Ok(()));
        for good in ["/x", "/sit/api/v3/coupon/issue", "/operators/issue"] {
            assert_eq!(with(good).check_paths(), Ok(()), "{good}");
        }
        for bad in [
            "",
            "/",
            "issue",
            "/a b",
            "/{x}",
            "/*x",
            "/花",
            "/operator/v1/x",
            "/sandbox",
            "/metrics",
            "/openapi/ysMarket/activityConsult",
            Api::Query.default_path(),
            gongyi::Api::RewardToDonate.path(),
        ] {
            assert!(with(bad).check_paths().is_err(), "{bad}");
        }
    }
}
