//! What a user is told when the page cannot go on: they are consumers on a phone, so the words are
//! Chinese, say what happened and what to do, and show nothing of what came in.

use std::borrow::Cow;

use axum::body::Body;
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use reqwest::Url;

use super::return_address::BadAddress;
use crate::html;
use crate::trace::TraceId;

const STYLE: &str = include_str!("page.css");

/// Why a user cannot be sent on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// No page has this number.
    UnknownCampaign,
    /// `wmcb` is missing or given twice.
    NoReturnAddress,
    /// `wmcb` is no address.
    BadReturnAddress(BadAddress),
    /// `wmcb` is not in the campaign's list.
    ForeignReturnAddress,
    /// The state is missing, or nothing we ever gave.
    NoState,
    /// This browser was not given this state.
    OtherBrowser,
    /// More than ten minutes have gone by.
    Expired,
    /// The state was used.
    UsedBefore,
    /// The user did not agree at WeChat.
    Declined,
    /// WeChat says no.
    WechatRefused(i64),
    /// WeChat took too long.
    WechatSlow,
    /// WeChat could not be reached, or its answer not be read.
    WechatBroken,
    /// A setting or a secret is missing.
    NotSetUp,
    /// Too many at once, or the memory for states is full.
    Busy,
}

const AGAIN: &str = "请关闭本页，回到领券页面重新打开。";
const LATER: &str = "请稍后再试。";
const ASK: &str = "请联系活动方处理。";

impl Fault {
    /// The table: status, heading, what happened, what to do.
    fn row(self) -> (StatusCode, &'static str, Cow<'static, str>, &'static str) {
        use StatusCode as S;
        let (status, heading, reason, advice) = match self {
            Self::UnknownCampaign => (S::NOT_FOUND, "活动不存在", "链接中的活动编号无效。", ASK),
            Self::NoReturnAddress => {
                (S::BAD_REQUEST, "链接不完整", "链接缺少回跳地址（wmcb），或给出了多个。", ASK)
            }
            Self::BadReturnAddress(why) => (S::BAD_REQUEST, "链接有误", bad(why), ASK),
            Self::ForeignReturnAddress => {
                let reason = "回跳地址（wmcb）不在本活动允许的范围内。";
                (S::FORBIDDEN, "不能跳转", reason, ASK)
            }
            Self::NoState => {
                (S::BAD_REQUEST, "链接不完整", "微信返回的参数（state、code）缺失或无效。", AGAIN)
            }
            Self::OtherBrowser => {
                let reason = "本次授权不是在这个浏览器中开始的，或浏览器没有保存 Cookie。";
                (S::BAD_REQUEST, "无法确认您的身份", reason, AGAIN)
            }
            Self::Expired => (S::BAD_REQUEST, "授权已过期", "授权须在十分钟内完成。", AGAIN),
            Self::UsedBefore => (S::BAD_REQUEST, "授权已使用", "本次授权只能使用一次。", AGAIN),
            Self::Declined => (S::FORBIDDEN, "未获授权", "您没有同意授权，无法领取优惠券。", AGAIN),
            Self::WechatRefused(code) => {
                // The code is at fault, which the user can do something about; all else is not.
                let (status, advice) = match code {
                    40_029 | 40_163 | 42_003 => (S::BAD_REQUEST, AGAIN),
                    -1 | 45_011 => (S::SERVICE_UNAVAILABLE, LATER),
                    _ => (S::BAD_GATEWAY, ASK),
                };
                let reason = format!("微信没有提供您的身份信息（错误码 {code}）。");
                return (status, "微信授权失败", reason.into(), advice);
            }
            Self::WechatSlow => (S::GATEWAY_TIMEOUT, "微信响应超时", "微信未及时答复。", AGAIN),
            Self::WechatBroken => (S::BAD_GATEWAY, "微信暂时不可用", "微信的答复无法读取。", AGAIN),
            Self::NotSetUp => (S::SERVICE_UNAVAILABLE, "活动尚未就绪", "本页面配置不完整。", ASK),
            Self::Busy => (S::SERVICE_UNAVAILABLE, "系统繁忙", "当前访问人数较多。", LATER),
        };
        (status, heading, reason.into(), advice)
    }

    /// The page that says so. The number on it is in the log too.
    pub(super) fn page(self, trace_id: &TraceId) -> Response {
        let (status, heading, reason, advice) = self.row();
        tracing::info!(%trace_id, fault = ?self, status = status.as_u16(), "openid: not sent on");
        let html = format!(
            "<!doctype html>\n<html lang=\"zh-CN\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <title>{heading}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n\
             <h1>{heading}</h1>\n<p>{reason}</p>\n<p>{advice}</p>\n\
             <p class=\"number\">编号 {trace_id}</p>\n</main>\n</body>\n</html>\n"
        );
        html::page(status, html, STYLE, "form-action 'none'")
    }
}

fn bad(why: BadAddress) -> &'static str {
    match why {
        BadAddress::TooLong => "回跳地址（wmcb）过长。",
        BadAddress::NotWeb | BadAddress::NotAPrefix => {
            "回跳地址（wmcb）不是完整的 http 或 https 地址。"
        }
        BadAddress::Tricky => "回跳地址（wmcb）含有反斜杠或控制字符。",
        BadAddress::Credentials => "回跳地址（wmcb）不能带用户名或密码。",
        BadAddress::HiddenPath => "回跳地址（wmcb）的路径含有不允许的字符。",
    }
}

/// Sends the browser on, with what it is to keep or forget.
pub(super) fn redirect(to: &Url, cookies: Vec<HeaderValue>) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::FOUND;
    let headers = response.headers_mut();
    let to = HeaderValue::from_str(to.as_str()).expect("a parsed address is visible ASCII");
    headers.insert(header::LOCATION, to);
    for cookie in cookies {
        headers.append(header::SET_COOKIE, cookie);
    }
    html::guard(headers);
    response
}
