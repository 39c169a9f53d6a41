//! The files rows go to: made anew, for their owner alone, and on disk before anything is deleted.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Result, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{Context, SHA256};

/// A file of lines that are rows.
pub(super) struct Lines {
    pub(super) path: PathBuf,
    file: File,
    pub(super) written: Written,
}

/// What is in a file.
#[derive(Clone)]
pub(super) struct Written {
    pub(super) rows: u64,
    pub(super) bytes: u64,
    digest: Context,
}

impl Written {
    /// SHA-256 of it, as hexadecimal digits.
    pub(super) fn sha256(&self) -> String {
        hex::encode(self.digest.clone().finish())
    }
}

impl Lines {
    /// Makes `STEM.jsonl` in a directory, or where that is taken `STEM.2.jsonl` and so on. The
    /// directory is made where it is missing. No crash takes their names away again.
    pub(super) fn make(directory: &Path, stem: &str) -> Result<Self> {
        make_directory(directory)?;
        let mut number = 1;
        let (path, file) = loop {
            let name = match number {
                1 => format!("{stem}.jsonl"),
                _ => format!("{stem}.{number}.jsonl"),
            };
            let path = directory.join(name);
            match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
                Ok(file) => break (path, file),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => number += 1,
                Err(error) => return Err(error),
            }
        };
        sync(directory)?;
        let written = Written { rows: 0, bytes: 0, digest: Context::new(&SHA256) };
        Ok(Self { path, file, written })
    }

    /// Its name without the directory.
    pub(super) fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Adds lines, each with its end, and returns once they are on disk.
    pub(super) fn append(&mut self, lines: &[u8], rows: u64) -> Result<()> {
        // Half of a piece may lie behind what counts.
        self.file.set_len(self.written.bytes)?;
        self.file.seek(SeekFrom::Start(self.written.bytes))?;
        self.file.write_all(lines)?;
        self.file.sync_data()?;
        self.written.rows += rows;
        self.written.bytes += lines.len() as u64;
        self.written.digest.update(lines);
        Ok(())
    }

    /// Takes back what was added since.
    pub(super) fn back_to(&mut self, written: Written) -> Result<()> {
        self.file.set_len(written.bytes)?;
        self.written = written;
        self.file.sync_data()
    }

    /// Removes a file that nothing came into.
    pub(super) fn remove(self) -> Result<()> {
        std::fs::remove_file(&self.path)
    }
}

/// Makes a directory, and those above it, for its owner alone.
fn make_directory(directory: &Path) -> Result<()> {
    let is_missing = |path: &&Path| !path.as_os_str().is_empty() && !path.exists();
    let missing: Vec<_> = directory.ancestors().take_while(is_missing).collect();
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    // Each has its name in the one above it.
    missing.iter().filter_map(|made| made.parent()).try_for_each(sync)
}

fn sync(directory: &Path) -> Result<()> {
    let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_file_is_its_owners_alone_and_takes_no_others_name() {
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join("deep/er");
        let first = Lines::make(&directory, "rows").unwrap();
        let second = Lines::make(&directory, "rows").unwrap();
        let third = Lines::make(&directory, "rows").unwrap();
        let names = [first.name(), second.name(), third.name()];
        assert_eq!(names, ["rows.jsonl", "rows.2.jsonl", "rows.3.jsonl"]);
        assert_eq!((mode(&directory), mode(&first.path)), (0o700, 0o600));
        second.remove().unwrap();
        assert_eq!(Lines::make(&directory, "rows").unwrap().name(), "rows.2.jsonl");
    }

    #[test]
    fn what_is_taken_back_is_neither_in_the_file_nor_in_its_digest() {
        let home = tempfile::tempdir().unwrap();
        let mut file = Lines::make(home.path(), "rows").unwrap();
        file.append(b"one\n", 1).unwrap();
        let one = file.written.clone();
        file.append(b"twice\n", 1).unwrap();
        file.back_to(one).unwrap();
        file.append(b"two\n", 1).unwrap();
        assert_eq!(std::fs::read(&file.path).unwrap(), b"one\ntwo\n");
        assert_eq!((file.written.rows, file.written.bytes), (2, 8));
        let of_whole = aws_lc_rs::digest::digest(&SHA256, b"one\ntwo\n");
        assert_eq!(file.written.sha256(), hex::encode(of_whole));
    }
}
