//! What the settings mean to the server.

use std::time::Duration;

use huodong_engine::DeliveryOptions;
use huodong_server::{LakalaSettings, Settings, YsepaySettings};
use reqwest::Url;

use super::Config;
use crate::failure::Failure;

impl Config {
    /// What the server's handlers are given.
    pub(crate) fn server_settings(&self) -> Settings {
        Settings {
            freshness_s: self.gongyi.freshness_s,
            deadline: Duration::from_millis(self.server.deadline_ms),
            body_bytes_max: self.server.body_bytes_max,
            rate_per_s: self.gongyi.rate_per_s,
            nonces_max: self.gongyi.nonces_max,
            lakala: self.lakala_settings(),
            ysepay: self.ysepay_settings(),
            public_url: text(&self.server.public_url),
            wechat_authorize_base: text(&self.wechat.authorize_base),
            wechat_api_base: text(&self.wechat.api_base),
            wechat_timeout: Duration::from_millis(self.wechat.timeout_ms),
            openid_rate_per_s: self.wechat.rate_per_s,
            sandbox: self.sandbox.controls,
            ..Settings::default()
        }
    }

    /// What is about coupons only.
    pub(super) fn lakala_settings(&self) -> LakalaSettings {
        let (lakala, callbacks) = (&self.lakala, &self.callbacks);
        LakalaSettings {
            issue_path: lakala.issue_path.clone(),
            query_path: lakala.query_path.clone(),
            freshness_s: lakala.freshness_s,
            rate_per_s: lakala.rate_per_s,
            nonces_max: lakala.nonces_max,
            strangers_signed_per_s: lakala.strangers_signed_per_s,
            delivery: DeliveryOptions {
                at_once_max: callbacks.at_once_max,
                at_once_per_receiver_max: callbacks.at_once_per_receiver_max,
                connect_timeout: Duration::from_millis(callbacks.connect_timeout_ms),
                timeout: Duration::from_millis(callbacks.timeout_ms),
                answer_bytes_max: callbacks.answer_bytes_max,
                allow_http: callbacks.allow_http,
                allow_private: callbacks.allow_private,
                ..DeliveryOptions::default()
            },
        }
    }

    /// What is about the ysepay gateway only.
    pub(super) fn ysepay_settings(&self) -> YsepaySettings {
        let ysepay = &self.ysepay;
        YsepaySettings {
            freshness_s: ysepay.freshness_s,
            rate_per_s: ysepay.rate_per_s,
            strangers_signed_per_s: ysepay.strangers_signed_per_s,
            uploads_at_once_max: ysepay.uploads_at_once_max,
            upload_timeout: Duration::from_millis(ysepay.upload_timeout_ms),
        }
    }

    /// Refuses what is no address of a web server.
    pub(super) fn check_addresses(&self) -> Result<(), Failure> {
        let (server, wechat) = (&self.server, &self.wechat);
        for (name, text) in [
            ("server.public_url", &server.public_url),
            ("wechat.authorize_base", &wechat.authorize_base),
            ("wechat.api_base", &wechat.api_base),
        ] {
            let of_the_web = |url: Url| matches!(url.scheme(), "http" | "https") && url.has_host();
            if !text.is_empty() && !Url::parse(text).is_ok_and(of_the_web) {
                return Err(Failure::usage(format!(
                    "configuration: {name}: {text:?} is no http or https address"
                )));
            }
        }
        Ok(())
    }
}

/// An empty text means: not set.
fn text(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}
