//! Where PostgreSQL's programs are, and as whom they run.

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

/// The newest version's programs; Debian keeps them outside the `PATH`.
pub(crate) fn directory() -> &'static Path {
    static DIRECTORY: LazyLock<PathBuf> = LazyLock::new(|| {
        let has_initdb = |directory: &PathBuf| directory.join("initdb").is_file();
        let mut debian: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| {
                let version = entry.file_name().to_str()?.parse().ok()?;
                Some((version, entry.path().join("bin")))
            })
            .filter(|(_, directory)| has_initdb(directory))
            .collect();
        debian.sort();
        debian.pop().map(|(_, directory)| directory).unwrap_or_else(|| {
            let path = env::var_os("PATH").unwrap_or_default();
            env::split_paths(&path).find(has_initdb).expect(MISSING)
        })
    });
    &DIRECTORY
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
