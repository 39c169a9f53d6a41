//! What the command says when it cannot do what was asked.

use std::fmt::Display;

/// A sentence for the person at the terminal; it becomes `huodong: …` and exit code 1 (2 for what
/// was asked wrongly, as clap does).
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// The sentence.
    pub(crate) message: String,
    /// The exit code.
    pub(crate) code: u8,
}

impl Failure {
    /// It could not be done.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: 1 }
    }

    /// It was asked wrongly.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: 2 }
    }
}

/// Says what was being done when an error came.
pub(crate) trait Context<T> {
    /// `what` completes "cannot …".
    fn cannot(self, what: impl Display) -> Result<T, Failure>;
}

impl<T, E: std::error::Error> Context<T> for Result<T, E> {
    fn cannot(self, what: impl Display) -> Result<T, Failure> {
        self.map_err(|error| {
            let mut message = format!("cannot {what}: {error}");
            let mut source = error.source();
            // Libraries often repeat their cause in their own words; say each thing once.
            while let Some(cause) = source {
                let cause_text = cause.to_string();
                if !message.contains(&cause_text) {
                    message.push_str(": ");
                    message.push_str(&cause_text);
                }
                source = cause.source();
            }
            Failure::new(message)
        })
    }
}
