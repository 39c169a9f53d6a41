//! `huodong call`: one signed call, to see how it is made.

mod exchange;
pub(crate) mod fields;
mod gongyi;
mod lakala;
pub(crate) mod ysepay;

use clap::Subcommand;

use crate::failure::Failure;

#[derive(Debug, Subcommand)]
pub(crate) enum Call {
    /// 腾讯公益 points donations and small red flowers.
    ///
    /// Fields that are not given are filled in from the credentials, so that most calls need none
    /// against a sandbox: activity, project and bid, a fresh reward_transcode or trans_code. What asks
    /// about an earlier call must name it: RewardDonateQuery and CheckIsTransExist. The request and the answer's head go to standard error, the answer's body to
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
    /// 银盛 gateway: upload, addData and consult.
    ///
    /// The fields are those of the content (bizContent before it is encrypted). What is not given is
    /// filled in from the credentials: for addData a merchant, and a small picture, uploaded before,
    /// for each photo that the merchant must bring; for consult the merchant and its activities. The
    /// envelope is made around it: a fresh reqId and content key, check, bizContent, timeStamp, sign.
    ///
    /// The content, the request and the reply's head go to standard error; the reply's fields, with
    /// businessData opened, to standard output. A call ends with the command to go on with. Exit code
    /// 0 when code and subCode are those of success and the signature is right.
    #[command(after_help = "Examples:
  huodong call ysepay addData                               # uploads what it needs, then enrols
  huodong call ysepay addData --mode rsa                    # as the RSA initiator; sm2 is 国密
  huodong call ysepay addData activityId=schoolcanteen_001 mercId=… schoolPhoto='213;214'
  huodong call ysepay upload --file front.jpg
  huodong call ysepay consult activityId=1100000086 activityId=1100000108 userId=2088…
  huodong call ysepay addData --req-id xy1415220315145602 …  # the same twice: one effect, one answer
  huodong call ysepay consult --json '{\"userId\":\"1\"}'       # a content of your own, as it stands
  huodong call ysepay consult --set version=2.0             # an envelope that is wrong in one thing
  huodong call ysepay consult --cert-id … --private-key key.pfx --password … --gateway-key gw.cer \\
      --base-url https://…                                  # a gateway that is not this sandbox's

`huodong help envelope` looks inside requests and replies that other programs made.")]
    Ysepay(Box<ysepay::Ysepay>),
}

impl Call {
    pub(crate) fn run(self) -> Result<(), Failure> {
        crate::runtime()?.block_on(async {
            match self {
                Self::Gongyi(call) => call.run().await,
                Self::Lakala(call) => call.run().await,
                Self::Ysepay(call) => call.run().await,
            }
        })
    }
}
