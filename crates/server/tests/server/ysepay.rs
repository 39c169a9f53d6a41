//! ysepay's face: envelope, upload, addData, consult. The world is the sandbox's.

mod add_data;
mod agreement;
mod basics;
mod concurrency;
mod consult;
mod faults;
mod gateway;
mod keys;
mod late;
mod oracle;
mod partner;
mod photos;
mod replay;
mod secrets;
mod sizes;
mod strangers;
mod upload;
