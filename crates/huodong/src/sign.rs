//! `huodong sign`: the signature of one call, for another program to send.

mod gongyi;
mod lakala;

use clap::Subcommand;

pub(crate) use self::gongyi::GongyiSignature;
pub(crate) use self::lakala::authorization;
use crate::failure::Failure;

#[derive(Debug, Subcommand)]
pub(crate) enum Sign {
    /// Print signed headers for one 腾讯公益 call.
    ///
    /// The signature covers appid, nonce and timestamp, not the body and not the path; it is good
    /// for one call within the freshness window.
    #[command(after_help = "Examples:
  curl $(huodong sign gongyi) -d '{\"project_no\":\"224328\"}' \\
      http://127.0.0.1:18080/api/reward_donate_service/GetActivityInfo
  huodong sign gongyi --format headers
  huodong sign gongyi --appid demo_app --secret secret_0123456789 \\
      --nonce 1a2b3c4d5e6f7g8h1a2b3c4d5e6f7g8h --timestamp 1650812345 --format json")]
    Gongyi(gongyi::SignGongyi),
    /// Print the Authorization header of one 拉卡拉 call.
    ///
    /// The signature covers appid, serial_no, timestamp, nonce and the body, byte for byte: send
    /// exactly what was signed. It is good for one call within the freshness window. The default
    /// format is the line that curl's -H takes (in double quotes, as it holds a blank).
    #[command(after_help = "Examples:
  BODY='{\"owner_id\":\"…\",\"mer_order_id\":\"o-1\",\"activity_id\":\"…\",\"trade_no\":\"…\"}'
  curl -H \"$(huodong sign lakala --body \"$BODY\")\" -H 'Content-Type: application/json' \\
      -d \"$BODY\" http://127.0.0.1:18080/api/v3/coupon/query
  huodong sign lakala --body-file body.json --format curl | \\
      curl -K - --data-binary @body.json http://127.0.0.1:18080/api/v3/coupon/issue
  huodong sign lakala --body '{}' --appid OP00000003 --serial-no 00dfba8194c41b84cf \\
      --private-key key.pem --nonce abcdefGHI012 --timestamp 1650812345")]
    Lakala(lakala::SignLakala),
}

impl Sign {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self {
            Self::Gongyi(sign) => sign.run(),
            Self::Lakala(sign) => sign.run(),
        }
    }
}
