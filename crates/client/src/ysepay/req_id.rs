use std::fmt::{self, Display, Formatter};

use huodong_wire::ysepay::{REQ_ID_CHARS_MAX, REQ_ID_CHARS_MIN, req_id_is_well_formed};
use jiff::tz::Offset;
use thiserror::Error;

use crate::Source;
use crate::letters::shortened;

/// yyMMddHHmmss.
const TIME_CHARS: usize = 12;

/// The initiator's number of a call (`reqId`): one number, one effect, one answer. Whoever keeps it
/// can send the call again and will not have it carried out twice.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ReqId(String);

/// The gateway takes no such number.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("a reqId is {REQ_ID_CHARS_MIN} to {REQ_ID_CHARS_MAX} of 0-9 A-Z a-z _ -, not {0:?}")]
pub struct NotAReqId(String);

impl ReqId {
    /// A number of one's own. The document demands that it ends with the time, yyMMddHHmmss; the
    /// gateway takes others too, unless the initiator is held to it.
    ///
    /// # Errors
    /// It is not 14 to 32 of `[0-9A-Za-z_-]`.
    pub fn new(text: impl Into<String>) -> Result<Self, NotAReqId> {
        let text = text.into();
        if req_id_is_well_formed(&text) { Ok(Self(text)) } else { Err(NotAReqId(text)) }
    }

    /// A number that was not used before and that nobody can guess, then Shanghai's time.
    pub fn fresh(source: &dyn Source) -> Self {
        let time = Offset::constant(8).to_datetime(source.now()).strftime("%y%m%d%H%M%S");
        let nonce = shortened(source.nonce(), REQ_ID_CHARS_MAX - TIME_CHARS);
        // A source of one's own may be sparing with its letters; the gateway wants two at least.
        Self(format!("{nonce:0>2}{time}"))
    }

    /// It, as it is sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Display for ReqId {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use huodong_wire::ysepay::req_id_ends_with_time;

    use super::*;
    use crate::System;

    #[test]
    fn a_fresh_one_is_well_formed_new_and_ends_with_the_time() {
        let (one, other) = (ReqId::fresh(&System), ReqId::fresh(&System));
        assert_ne!(one, other);
        for req_id in [one, other] {
            assert_eq!(req_id.as_str().len(), REQ_ID_CHARS_MAX);
            assert!(req_id_ends_with_time(req_id.as_str()));
            assert_eq!(ReqId::new(req_id.as_str()), Ok(req_id));
        }
    }

    #[test]
    fn what_the_gateway_would_not_take_is_refused_here() {
        for wrong in ["", "1234567890123", "12345678901234.", &"1".repeat(33), "一二三四五"] {
            assert_eq!(ReqId::new(wrong), Err(NotAReqId(wrong.to_owned())));
        }
    }
}
