use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// A receiver's answer to a callback. Only `code` SUCCESS, in an answer whose status is 2xx, says
/// that the callback was taken; after anything else it is sent again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledgement<'a> {
    /// SUCCESS or FAIL.
    pub code: Cow<'a, str>,
    /// For people.
    #[serde(default)]
    pub msg: Cow<'a, str>,
}

impl<'a> Acknowledgement<'a> {
    /// The callback was taken.
    pub const fn success() -> Self {
        Self { code: Cow::Borrowed("SUCCESS"), msg: Cow::Borrowed("处理成功") }
    }

    /// It was not, and should be sent again.
    pub fn fail(msg: impl Into<Cow<'a, str>>) -> Self {
        Self { code: Cow::Borrowed("FAIL"), msg: msg.into() }
    }

    /// Whether it says that the callback was taken.
    pub fn is_success(&self) -> bool {
        self.code == "SUCCESS"
    }

    /// The body to send.
    ///
    /// # Panics
    /// Never: it is plain data.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("an acknowledgement is plain data")
    }

    /// Whether a body says that the callback was taken: a JSON object whose `code` is SUCCESS,
    /// whatever else it holds.
    pub fn accepts(body: &[u8]) -> bool {
        #[derive(Deserialize)]
        struct Answer<'a> {
            #[serde(borrow)]
            code: Cow<'a, str>,
        }

        // A struct can also be read from an array.
        body.trim_ascii_start().starts_with(b"{")
            && serde_json::from_slice::<Answer<'_>>(body).is_ok_and(|said| said.code == "SUCCESS")
    }
}
