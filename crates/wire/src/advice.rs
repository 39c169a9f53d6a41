/// What a caller can do about a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Advice {
    /// Send it again with the same key; it cannot happen twice.
    Retry,
    /// The request, the credentials or the clock are wrong: put that right first.
    Fix,
    /// It will not succeed.
    GiveUp,
}
