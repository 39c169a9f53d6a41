//! What the system lets a process have.

use rustix::process::{Resource, getrlimit, setrlimit};

/// Lets the process open as many files as the system allows it: each connection is one. Without it
/// the usual 1024 would bound the connections.
pub(crate) fn raise_open_files() {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current == limit.maximum {
        return;
    }
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!(%error, "cannot raise the number of open files");
    }
}
