//! The openid page and the sandbox's own WeChat, over HTTP.

mod begin;
mod finish;
pub mod scene;
mod wechat;
