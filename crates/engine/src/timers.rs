//! What happens by itself at a business time.

/// What ran because its time had come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Ran {
    /// Deferred donations that settled.
    pub settlements: u64,
    /// Activities that ended with their window.
    pub activities_ended: u64,
}
