//! Where PostgreSQL's programs are, and as whom they run.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::{env, fs};

const MISSING: &str = "tests with PostgreSQL need its programs: install the Debian package \
                       `postgresql` (`make test-deps` does), or put initdb on the PATH";

/// One of PostgreSQL's programs, such as `pg_dump`, unaffected by the caller's own settings.
///
/// # Panics
///
/// When PostgreSQL is not installed.
pub fn program(name: &str) -> Command {
    let mut command = Command::new(directory().join(name));
    without_settings(&mut command);
    command
}

/// Where they are on this machine.
pub(crate) fn directory() -> &'static Path {
    static DIRECTORY: LazyLock<PathBuf> = LazyLock::new(|| {
        let path = env::var_os("PATH").unwrap_or_default();
        find(Path::new("/usr/lib/postgresql"), &path).expect(MISSING)
    });
    &DIRECTORY
}

/// The newest version's programs among Debian's, which keeps them outside the `PATH`, else those
/// on the `PATH`.
fn find(debian: &Path, path: &OsStr) -> Option<PathBuf> {
    let has_initdb = |directory: &PathBuf| directory.join("initdb").is_file();
    let versions = fs::read_dir(debian).into_iter().flatten().flatten().filter_map(|entry| {
        let version: u32 = entry.file_name().to_str()?.parse().ok()?;
        Some((version, entry.path().join("bin")))
    });
    let newest = versions.filter(|(_, directory)| has_initdb(directory)).max();
    newest.map(|(_, directory)| directory).or_else(|| env::split_paths(path).find(has_initdb))
}

/// A shell as a user whom the server starts for: it refuses to run as root.
pub(crate) fn shell() -> Command {
    let mut command = if user_id(None) == Some(0) {
        assert!(user_id(Some("postgres")).is_some(), "there is no user `postgres`; {MISSING}");
        let mut setpriv = Command::new("setpriv");
        setpriv.args(["--reuid=postgres", "--regid=postgres", "--init-groups", "--", "sh"]);
        setpriv
    } else {
        Command::new("sh")
    };
    without_settings(&mut command);
    command
}

fn user_id(user: Option<&str>) -> Option<u32> {
    let output = Command::new("id").arg("-u").args(user).stderr(Stdio::null()).output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

/// Messages are read by tests, so they are in one language; PGHOST and its like would lead astray.
fn without_settings(command: &mut Command) {
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with("PG") {
            command.env_remove(name);
        }
    }
    command.env("LC_ALL", "C");
}

#[cfg(test)]
mod tests {
    use std::process;

    use super::*;

    #[test]
    fn the_newest_programs_are_found_before_those_on_the_path() {
        let machine = env::temp_dir().join(format!("huodong-programs-{}", process::id()));
        let install = |place: &str| {
            let directory = machine.join(place);
            fs::create_dir_all(&directory).expect("a directory can be made");
            fs::write(directory.join("initdb"), "").expect("a file can be written");
            directory
        };
        let debian = machine.join("debian");
        let path = env::join_paths([machine.join("empty"), machine.join("path")]);
        let found = || find(&debian, path.as_ref().expect("no colon is in them"));
        assert_eq!(found(), None);
        let on_path = install("path");
        assert_eq!(found(), Some(on_path));
        install("debian/9/bin");
        let newest = install("debian/15/bin");
        fs::create_dir_all(debian.join("16/bin")).expect("a directory can be made");
        assert_eq!(found(), Some(newest), "of version 16 only the client is there");
        fs::remove_dir_all(machine).expect("it can be removed");
    }
}
