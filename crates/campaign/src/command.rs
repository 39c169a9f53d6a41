use crate::{Wanted, World};

/// One change somebody asked for: a small struct that says which rows it needs and what it does to
/// them. A refused command leaves the world as it found it.
pub trait Command: Send + 'static {
    /// What the caller is told when it was done.
    type Done: Send + 'static;
    /// Why it was not.
    type Refusal: Send + 'static;

    /// Names every row [`Command::decide`] may look at.
    fn wants<'a>(&'a self, wanted: &mut Wanted<'a>);

    /// How many bytes it brings along, where that is more than any command does.
    fn bytes(&self) -> usize {
        0
    }

    /// Decides, and on success changes the world. Takes `&self` because a batch whose transaction
    /// the database rolled back is decided again.
    fn decide(&self, world: &mut World) -> Result<Self::Done, Self::Refusal>;
}
