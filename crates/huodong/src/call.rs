//! `huodong call`: one signed call, to see how it is made.

mod exchange;
mod fields;
mod gongyi;
mod lakala;

use clap::Subcommand;

use crate::failure::Failure;

#[derive(Debug, Subcommand)]
pub(crate) enum Call {
    /// 腾讯公益 points donations and small red flowers.
    ///
    /// Fields that are not given are filled in from the credentials, so that a call without any
    /// just works against a sandbox: activity, project and bid, a fresh reward_transcode, the
    /// time now (by the sandbox's clock). The request and the answer's head go to standard error, the answer's body to
    /// standard output. Exit code 0 when the answer's code is 0.
    #[command(after_help = "Calls:
  GetActivityInfo RewardToDonate RewardDonateQuery
  CheckXhh PreTry CheckIsTransExist QueryUserXhh

Examples:
  huodong call gongyi RewardToDonate
  huodong call gongyi RewardToDonate money=5000 third_uid=user_007 reward_transcode=t-1
  huodong call gongyi RewardDonateQuery reward_transcode=t-1 third_uid=user_007
  huodong call gongyi RewardToDonate money:='\"five\"'       # := takes JSON, right or wrong
  huodong call gongyi GetActivityInfo --json '{\"project_no\":\"224328\"}'
  echo '{}' | huodong call gongyi RewardToDonate --json -   # a body of your own, as it stands")]
    Gongyi(gongyi::Gongyi),
    /// 拉卡拉 coupons: issue and query.
    ///
    /// Fields that are not given are filled in from the credentials: activity, promotion, owner, a
    /// member of the institution's, a fresh mer_order_id, and addresses at which `huodong listen`
    /// shows the callbacks. An issue ends with the query to ask about it. The reply's signature is
    /// verified with the platform's certificate. Exit code 0 when code and resCode are 000000 and
    /// the signature is right.
    #[command(after_help = "Examples:
  huodong call lakala issue
  huodong call lakala issue mer_order_id=o-1 channel_openid=oUser007
  huodong call lakala issue activity_id=1100000108          # the promotion follows the activity
  huodong call lakala issue postNotify:=null                # := takes JSON; null is: none
  huodong call lakala issue --wrapped                       # in req_time, version, req_data
  huodong call lakala query mer_order_id=o-1 trade_no=…     # the issue's answer has the trade_no
  huodong call lakala issue --json '{\"member_id\":1}'        # a body of your own, as it stands")]
    Lakala(lakala::Lakala),
}

impl Call {
    pub(crate) fn run(self) -> Result<(), Failure> {
        crate::runtime()?.block_on(async {
            match self {
                Self::Gongyi(call) => call.run().await,
                Self::Lakala(call) => call.run().await,
            }
        })
    }
}
