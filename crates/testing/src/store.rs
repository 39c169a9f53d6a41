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
