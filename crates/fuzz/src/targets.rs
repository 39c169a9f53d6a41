mod envelope;
mod gongyi;
mod lakala;
mod ysepay;

pub use envelope::envelope;
pub use gongyi::gongyi;
pub use lakala::lakala;
pub use ysepay::ysepay;

/// One entry point.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, which is also its corpus's.
    pub name: &'static str,
    /// Takes any bytes, and panics where a promise is broken.
    pub run: fn(&[u8]),
    /// What its inputs are made of, so that chance does not have to spell it.
    pub words: &'static [&'static str],
    /// How many inputs of the quickest target take as long as one of this.
    pub cost: u64,
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target { name: "gongyi", run: gongyi, words: gongyi::WORDS, cost: 1 },
    Target { name: "lakala", run: lakala, words: lakala::WORDS, cost: 1 },
    Target { name: "ysepay", run: ysepay, words: ysepay::WORDS, cost: 1 },
    // Eight operations with private keys.
    Target { name: "envelope", run: envelope, words: envelope::WORDS, cost: 50 },
];

/// Reads a message from some bytes. One that is read is written, read again, and is then the same;
/// one that is refused says which field and why. A macro, as the two readings borrow from different
/// bytes and so are of different types.
macro_rules! read_again {
    ($body:expr, |$bytes:ident| $read:expr) => {{
        let $bytes: &[u8] = $body;
        match $read {
            Ok(first) => {
                let written = serde_json::to_vec(&first).expect("messages are plain data");
                let $bytes: &[u8] = &written;
                let second = $read.expect("what was written can be read");
                let again = serde_json::to_vec(&second).expect("messages are plain data");
                assert_eq!(written, again, "what is read again is the same");
            }
            Err(DecodeError::Field { field, reason }) => {
                assert!(!field.is_empty() && !reason.is_empty(), "a refusal says what is wrong");
            }
            Err(DecodeError::NotJson) => {}
        }
    }};
}
use read_again;
