use std::time::Duration;

/// What an operator of the server may set about the ysepay gateway.
#[derive(Clone, Debug)]
pub struct YsepaySettings {
    /// How far a timeStamp may be from the real clock, either way.
    pub freshness_s: u32,
    /// Calls a second for an initiator that has no rate of its own.
    pub rate_per_s: u32,
    /// Answers a second that are signed for callers whose own signature did not verify, and as many
    /// for each initiator to calls of its that came too late or too often; beyond that they are
    /// unsigned. A signature takes up to a fifth of a millisecond of a core.
    pub strangers_signed_per_s: u32,
    /// Photos of the largest size that may be in memory at once, or more that are smaller or have
    /// not come yet; one more upload is told to come again. One takes about 6 MiB at the worst.
    pub uploads_at_once_max: usize,
    /// How long a caller may take to send an upload.
    pub upload_timeout: Duration,
}

impl Default for YsepaySettings {
    fn default() -> Self {
        Self {
            freshness_s: 300,
            rate_per_s: 100_000,
            strangers_signed_per_s: 200,
            uploads_at_once_max: 32,
            upload_timeout: Duration::from_secs(30),
        }
    }
}
