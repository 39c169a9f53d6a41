use huodong_wire::lakala::Acknowledgement;

/// How to answer a callback, with HTTP 200.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acknowledge {
    /// It was taken; it will not come again.
    Success,
    /// It was not, for this reason; it will come again.
    Fail(String),
}

impl Acknowledge {
    /// The content type of [`body`](Self::body).
    pub const CONTENT_TYPE: &str = "application/json";

    /// The answer's body.
    pub fn body(&self) -> Vec<u8> {
        match self {
            Self::Success => Acknowledgement::success().to_json(),
            Self::Fail(reason) => Acknowledgement::fail(reason).to_json(),
        }
    }
}
