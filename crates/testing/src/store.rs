use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use crate::{Database, Postgres};

/// Says which store tests are run on.
const VARIABLE: &str = "HUODONG_TEST_STORE";

/// A database of its own for a test that goes by where it is told to run: `Some` where the variable
/// `HUODONG_TEST_STORE` is `postgres`, `None` for the embedded store. `prepare` is called once, to
/// make what every such database begins with.
///
/// # Panics
///
/// When the variable has another value.
pub fn database_if_wanted(prepare: impl FnOnce(&str)) -> Option<Database> {
    const TEMPLATE: &str = "begun";
    match std::env::var(VARIABLE).as_deref() {
        Err(_) | Ok("sqlite") => None,
        Ok("postgres") => {
            let server = Postgres::shared();
            server.template(TEMPLATE, prepare);
            Some(server.database_like(TEMPLATE))
        }
        Ok(other) => panic!("{VARIABLE} is sqlite or postgres, not {other}"),
    }
}

/// The database that stands for a directory in which an embedded store would be, made when it is
/// first asked for: whoever opens the directory again finds the same database. It is there for as
/// long as the directory is. `None`, and `prepare`, as for [`database_if_wanted`].
///
/// # Panics
///
/// When the directory does not exist.
pub fn database_at(directory: &Path, prepare: impl FnOnce(&str)) -> Option<Arc<Database>> {
    type Databases = HashMap<PathBuf, Arc<Database>>;
    static DATABASES: LazyLock<Mutex<Databases>> = LazyLock::new(Mutex::default);
    let databases = || DATABASES.lock().unwrap_or_else(PoisonError::into_inner);
    assert!(directory.is_dir(), "there is no directory {}", directory.display());
    // They are dropped when others can ask again: that takes a while.
    let gone: Vec<_> = databases().extract_if(|directory, _| !directory.exists()).collect();
    drop(gone);
    if let Some(known) = databases().get(directory) {
        return Some(Arc::clone(known));
    }
    let made = Arc::new(database_if_wanted(prepare)?);
    databases().insert(directory.to_owned(), Arc::clone(&made));
    Some(made)
}
