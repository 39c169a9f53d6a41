use jiff::Timestamp;
use serde::Serialize;

use crate::{Audited, Command, Wanted, World};

/// Rows that may leave the database, for files: nothing is decided by them any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Archivable {
    /// Attempts at callbacks that have come to their end.
    Attempts,
    /// Entries of the audit log.
    Audit,
}

/// Says, before the first of them goes, that rows are archived. It changes nothing but the audit
/// log: whatever becomes of the archiving, the log tells of it.
#[derive(Clone, Debug, Serialize)]
pub struct BeginArchive {
    /// Which rows.
    pub what: Archivable,
    /// Those from before this moment.
    pub before: Timestamp,
    /// The name of the file they go to.
    #[serde(skip)]
    pub file: String,
}

impl Command for BeginArchive {
    type Done = ();
    type Refusal = std::convert::Infallible;

    fn wants<'a>(&'a self, _wanted: &mut Wanted<'a>) {}

    fn decide(&self, _world: &mut World) -> Result<(), Self::Refusal> {
        Ok(())
    }
}

impl Audited for BeginArchive {
    const ACTION: &'static str = "archive.begin";

    fn subject(&self, (): &()) -> String {
        self.file.clone()
    }

    fn detail(&self) -> String {
        crate::audit::json(self)
    }
}

/// Says what came of it.
#[derive(Clone, Debug, Serialize)]
pub struct EndArchive {
    /// How it began.
    #[serde(flatten)]
    pub begun: BeginArchive,
    /// How many rows are in the file.
    pub rows: u64,
    /// How many bytes.
    pub bytes: u64,
    /// Its SHA-256, as hexadecimal digits.
    pub sha256: String,
}

impl Command for EndArchive {
    type Done = ();
    type Refusal = std::convert::Infallible;

    fn wants<'a>(&'a self, _wanted: &mut Wanted<'a>) {}

    fn decide(&self, _world: &mut World) -> Result<(), Self::Refusal> {
        Ok(())
    }
}

impl Audited for EndArchive {
    const ACTION: &'static str = "archive.end";

    fn subject(&self, (): &()) -> String {
        self.begun.file.clone()
    }

    fn detail(&self) -> String {
        crate::audit::json(self)
    }
}
