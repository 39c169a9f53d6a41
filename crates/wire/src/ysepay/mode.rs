use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

/// Which algorithms an initiator signs and encrypts with. A property of the initiator, not of a
/// message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Mode {
    /// SHA256withRSA, PKCS#1 v1.5.
    Rsa,
    /// 国密: SM2 with SM3, the documents' default.
    Sm2,
}

impl Mode {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Rsa, Self::Sm2];

    /// A short name for it, ours.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rsa => "rsa",
            Self::Sm2 => "sm2",
        }
    }
}

impl Display for Mode {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Mode {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|mode| mode.name() == name).ok_or(())
    }
}
