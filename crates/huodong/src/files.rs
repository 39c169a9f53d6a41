//! Files that others read: there all at once, or not at all.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use crate::failure::{Context as _, Failure};

/// Writes a file that only its owner reads, so that whoever waits for it never sees half of it.
pub(crate) fn write_private(path: &Path, text: &str) -> Result<(), Failure> {
    let what = format!("write {}", path.display());
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    // A temporary file has mode 0600, and keeps it when it takes the name.
    let mut file = tempfile::NamedTempFile::new_in(directory).cannot(&what)?;
    file.write_all(text.as_bytes()).cannot(&what)?;
    file.write_all(b"\n").cannot(&what)?;
    file.as_file().sync_all().cannot(&what)?;
    file.persist(path).cannot(&what)?;
    Ok(())
}

/// Writes a file that must not be there yet, with this mode.
pub(crate) fn write_new(path: &Path, text: &str, mode: u32) -> Result<(), Failure> {
    let what = format!("write {}", path.display());
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(mode).open(path).cannot(&what)?;
    file.write_all(text.as_bytes()).cannot(&what)?;
    file.sync_all().cannot(&what)
}
