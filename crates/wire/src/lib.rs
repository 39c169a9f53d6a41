//! What travels: messages, codes and signatures of the vendors. Pure: no I/O, no clock and no
//! randomness; times and nonces come in as arguments.

mod advice;
mod decode;
pub mod gongyi;
pub mod lakala;
mod text;
mod time;
pub mod ysepay;
