use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

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
    match std::env::var(VARIABLE).as_deref() {
        Err(_) | Ok("sqlite") => None,
        Ok("postgres") => Some(begun(prepare)),
        Ok(other) => panic!("{VARIABLE} is sqlite or postgres, not {other}"),
    }
}

fn begun(prepare: impl FnOnce(&str)) -> Database {
    const TEMPLATE: &str = "begun";
    let server = Postgres::shared();
    server.template(TEMPLATE, prepare);
    server.database_like(TEMPLATE)
}

/// The database that stands for a directory in which an embedded store would be, made when it is
/// first asked for: whoever opens the directory again finds the same database. It is there for as
/// long as the directory is. `None`, and `prepare`, as for [`database_if_wanted`].
///
/// # Panics
///
/// When the directory does not exist.
pub fn database_at(directory: &Path, prepare: impl FnOnce(&str)) -> Option<Arc<Database>> {
    known_at(directory).or_else(|| Some(keep(directory, database_if_wanted(prepare)?)))
}

/// The same for a test of several nodes, wherever tests are told to run. From then on
/// [`database_at`] gives it too.
///
/// # Panics
///
/// When the directory does not exist.
pub fn shared_database_at(directory: &Path, prepare: impl FnOnce(&str)) -> Arc<Database> {
    known_at(directory).unwrap_or_else(|| keep(directory, begun(prepare)))
}

type Databases = HashMap<PathBuf, Arc<Database>>;

fn databases() -> MutexGuard<'static, Databases> {
    static DATABASES: LazyLock<Mutex<Databases>> = LazyLock::new(Mutex::default);
    DATABASES.lock().unwrap_or_else(PoisonError::into_inner)
}

fn known_at(directory: &Path) -> Option<Arc<Database>> {
    assert!(directory.is_dir(), "there is no directory {}", directory.display());
    // They are dropped when others can ask again: that takes a while.
    let gone: Vec<_> = databases().extract_if(|directory, _| !directory.exists()).collect();
    drop(gone);
    databases().get(directory).map(Arc::clone)
}

fn keep(directory: &Path, database: Database) -> Arc<Database> {
    let database = Arc::new(database);
    databases().insert(directory.to_owned(), Arc::clone(&database));
    database
}
