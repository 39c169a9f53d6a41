//! `huodong envelope`: inside the requests and replies of the 银盛 gateway.

mod captured;
mod check;
mod content;
mod keyring;
mod misfit;
mod open;
mod open_reply;
mod report;
mod seal;
mod signature;

use clap::Subcommand;

use crate::failure::Failure;

/// Looks inside 银盛 messages that somebody captured, and makes some.
///
/// For those who hold the keys: unlike a gateway, which tells strangers nothing, it says which step
/// failed and what is usually the cause.
#[derive(Debug, Subcommand)]
pub(crate) enum Envelope {
    /// Open a captured request or reply and say what is right and wrong with it.
    ///
    /// Takes a body as it travelled: a request as JSON, form or multipart, a reply in base64 or plain;
    /// a whole HTTP message will do, too. It prints every field, the string to sign, whether the
    /// signature verifies, with which key, by which rule for empty values and in which layout, and
    /// the content, decrypted. Where something does not fit it says which step failed, tries what
    /// callers usually get wrong, and names it.
    ///
    /// A request is opened with the gateway's private key, or, by whoever made it, with its content
    /// key: a caller's own private key signs and does not open. A reply is opened with its request's
    /// content key, or with the request and the gateway's private key. The sandbox's keys are known.
    ///
    /// Exit code 0 when the signature is right and everything opened; 1 when not.
    #[command(after_help = "Examples:
  huodong envelope open request.json                        # sent to a sandbox: its keys are known
  curl … | huodong envelope open - --request request.json   # the reply to it
  huodong envelope open reply.txt --content-key 4QrcOUm6Wau+VuBX   # by whoever sealed the request
  huodong envelope open request.json --content              # only what is inside, for jq
  huodong envelope open captured.txt --gateway-key gateway.pfx --password … --public-key caller.cer
  huodong envelope open request.json --json                 # the findings, for programs")]
    Open(Box<open::Open>),
    /// Make a sealed and signed request, for curl or another program to send.
    ///
    /// Fields are those of the content and are filled in as `huodong call ysepay` does it, but that
    /// nothing is sent: an enrolment needs the ids of its photos. The body goes to standard output,
    /// and to standard error how to send it. Each is good for as long as its timeStamp is fresh.
    #[command(after_help = "Examples:
  huodong envelope seal consult > request.json
  huodong envelope seal consult --show-content-key          # so that the reply can be opened
  huodong envelope seal addData mercId=… organizationPhoto=1 rentmentCommitmentPhoto=2 frontPhoto=3
  huodong envelope seal consult --form form --mode rsa --charset gbk
  huodong envelope seal upload --file front.jpg --form curl | \\
      curl -K - -F file=@front.jpg http://127.0.0.1:18080/openapi/file/smsc/upload
  huodong envelope seal consult --set version=2.0           # wrong in one thing, and signed")]
    Seal(Box<seal::Seal>),
}

impl Envelope {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self {
            Self::Open(open) => open.run(),
            Self::Seal(seal) => seal.run(),
        }
    }
}
