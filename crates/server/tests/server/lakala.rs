//! lakala's face: issue, query, signatures, callbacks. The world is the sandbox's.

mod callbacks;
mod concurrency;
mod faults;
mod fields;
mod issue;
mod late;
mod openssl;
pub mod partner;
mod platform;
mod query;
mod signature;
