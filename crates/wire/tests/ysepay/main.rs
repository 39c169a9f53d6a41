//! The gateway's envelope and messages as they travel.
#![allow(clippy::unwrap_used, missing_docs)]

mod envelope;
mod fields;
mod fixed;
mod hostile;
mod key_files;
mod messages;
mod openssl;
mod replies;
mod vectors;
mod whole;

/// Random numbers that are none, so that what is made of them is the same every time.
fn counting() -> impl FnMut(&mut [u8]) {
    let mut count = 0_u8;
    move |bytes| {
        for byte in bytes {
            count = count.wrapping_add(1);
            *byte = count;
        }
    }
}
