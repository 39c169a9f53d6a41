//! What a load sends: donations that are signed as they go out, which costs next to nothing, or
//! requests that were signed before, as a signature costs more than all else.

use super::order::{Caller, Orders, Stamp};

/// The requests of a load, by number.
#[derive(Debug)]
pub(super) enum Requests {
    /// Donations.
    Donations {
        /// Who donates.
        caller: Caller,
        /// Which orders.
        orders: Orders,
    },
    /// What was signed before, ready to be sent.
    Signed {
        /// What is asked for, in the plural.
        what: &'static str,
        /// The requests.
        all: Vec<Vec<u8>>,
    },
}

impl Requests {
    /// What is asked for, in the plural.
    pub(super) fn what(&self) -> &'static str {
        match self {
            Self::Donations { .. } => "donations",
            Self::Signed { what, .. } => what,
        }
    }

    /// What one thread writes them with.
    pub(super) fn pen(&self, host: &str) -> Pen<'_> {
        match self {
            Self::Donations { caller, orders } => {
                let stamp = Box::new(Stamp::new(host, caller, &orders.targets));
                Pen::Donations { stamp, orders }
            }
            Self::Signed { all, .. } => Pen::Signed(all),
        }
    }
}

/// Writes requests.
pub(super) enum Pen<'r> {
    Donations { stamp: Box<Stamp>, orders: &'r Orders },
    Signed(&'r [Vec<u8>]),
}

impl Pen<'_> {
    /// Writes the request of this number to `out`; one that is signed only now carries the nonce
    /// and the timestamp (ten digits).
    pub(super) fn write(
        &mut self,
        number: u64,
        nonce: u128,
        timestamp: &[u8; 10],
        out: &mut Vec<u8>,
    ) {
        match self {
            Self::Donations { stamp, orders } => {
                stamp.write(&orders.order(number), nonce, timestamp, out);
            }
            Self::Signed(signed) => {
                let number = usize::try_from(number).expect("an index of a list");
                out.clear();
                out.extend_from_slice(&signed[number]);
            }
        }
    }
}
